/* What the real_*.c files share: one real world, its containers, the orders under way. */
#ifndef ROAMLAB_REAL_INTERNAL_H
#define ROAMLAB_REAL_INTERNAL_H

#include "background.h"
#include "container.h"
#include "files.h"
#include "image_layers.h"
#include "map.h"
#include "netlink.h"
#include "pull.h"
#include "real.h"
#include "real_net.h"

struct prepaging;
struct real_order;
struct real_owner;

/* One device's container at this edge: the Engine's, its address, and the port's way to talk to it. */
struct real_container {
    struct real_container *next;
    uint32_t mud, container; /* container = the migration that brought it */
    struct real *real;
    struct watch end; /* of its first process, by pidfd; fd -1 = not watched */
    struct docker_container docker;
    struct prepaging *prepaging; /* of its pages, if they come later; owned */
};

struct real {
    struct port port;
    struct loop *loop;
    struct layout *layout;
    struct cast *cast;
    struct real_options options;
    struct simtime origin;
    struct real_net *net;
    struct netlink *netlink;  /* this namespace's, for the containers' addresses */
    struct watch service;     /* UDP to and from the containers of this edge */
    struct real_container *containers; /* owned list */
    struct real_order *orders;         /* owned list */
    struct real_ratios ratios;
    struct image_pull keeper; /* what was pulled, on its way to the registry next to this edge server */
    bool keeps;
    uint32_t *registry_stalls; /* owned: of this edge server's pulls (layout_note_stall) */
    struct map kept;           /* device → its newest owner record: struct buf, owned */
    struct real_owner *owners; /* owned list: what real_find() has read, until real_recover() */
    int searched;              /* containers that are being looked for */
    struct err search_error;
    void (*found)(void *context, int status, const struct err *e);
    void *found_context;
};

/* --- real_containers.c --- */
int real_containers_open(struct real *real, struct err *e);
void real_containers_close(struct real *real);
struct real_container *real_find_container(struct real *real, uint32_t mud, uint32_t container);
struct real_container *real_add_container(struct real *real, uint32_t mud, uint32_t container);
void real_drop_container(struct real *real, struct real_container *c);
/* From now on the edge hears of it if the container ends by itself; until it is unwatched, because it is meant to end. */
int real_watch_container(struct real_container *c, struct err *e);
void real_unwatch_container(struct real_container *c);
int real_give_address(struct real *real, uint32_t mud, struct err *e);
void real_take_address(struct real *real, uint32_t mud);
void real_deliver(struct port *port, struct party edge, uint32_t container, const struct offload *o);
/* Asks the container whether it serves; the answer goes to real_order_answered. */
void real_ask(struct real *real, uint32_t mud);

/* --- real_operations.c --- */
struct real_order {
    struct real_order *next;
    struct real *real;
    struct order order;
    int step;
    bool fails;
    int64_t bytes, cpu_ns;
    struct err err;
    struct docker_job job;
    struct transfer_job transfer;
    struct process process;
    struct background background;
    struct real_ratios ratios; /* measured in the background */
    char *sealed;              /* SEND_*: what travels in the file's place, or NULL; owned */
    struct replay_log log;     /* TAKE_LOG's, REPLAY_LOG's; owned */
    struct timer timer;        /* ends the order, or asks the service again */
    bool asking;
    struct real_pull *pull; /* owned */
    struct real_shipment *shipment; /* SEND_BASE; owned */
    int layer;                      /* LOAD_BASE: the next one */
    struct simtime layer_begin;     /* of its load */
    bool last_layer;                /* it is the last */
};

/* The step that was begun has ended. */
void real_order_step_done(struct real_order *o, int status, const struct err *e);
void real_operate(struct port *port, const struct order *order);
void real_cancel_operations(struct port *port, struct party edge, uint32_t mud, uint32_t migration);
/* The device's container has ended by itself: true if an order was waiting for its first answer, which has failed now. */
bool real_order_died(struct real *real, uint32_t mud);
/* A PROBED that no actor asked for: the container serves. */
void real_order_answered(struct real *real, uint32_t mud);
void real_free_operations(struct real *real);
/* A part of the order, which is no order of its own, began at that time of the loop and is over. */
void real_order_report(const struct real_order *o, enum operation part, struct simtime begin, uint64_t bytes);
/* Says something about the migration that a reader should know. */
void real_note(const struct real_order *o, const char *text);

/* --- real_docker.c: steps, as those of real_files.c --- */
int real_docker(struct real_order *o, struct err *e); /* the job that the operation is */
typedef void real_docker_writer(struct docker_container *c, struct docker_job *job, const char *folder);
int real_docker_seed(struct real_order *o, real_docker_writer *write, struct err *e);
typedef void real_docker_holder(struct docker_container *c, struct docker_job *job);
int real_docker_hold(struct real_order *o, real_docker_holder *hold, struct err *e);
void real_docker_release(struct real_order *o); /* at once: a snapshot was called off */
int real_docker_usage(struct real_order *o, struct err *e); /* what the container uses */
/* A seed's memory is a pre-dump, and the dump behind it holds only what was written since. */
bool real_tracks_pages(const struct real_order *o);
/* The order's container; START, and what a target does first, bring a new one. NULL if there is none. */
struct real_container *real_container_for(struct real_order *o);
/* The one that the order is about; NULL if it is about files alone, as DISCARD may be, or there is none. */
struct real_container *real_container_about(const struct real_order *o);
/* The layer is put into a container that was created without it. */
bool real_layer_comes_later(const struct real *real);

/* --- real_owner.c --- */
void real_keep_owner(struct port *port, struct party edge, const struct owner_record *record);
void real_owners_free(struct real *real);

/* --- real_registries.c --- */
int real_pull(struct real_order *o, struct err *e); /* a step, as those of real_files.c */
const char *real_pull_source(const struct real_order *o); /* the registry that has the image; NULL = none was found, or this is no pull */
void real_pull_forget(struct real_order *o);
void real_registries_open(struct real *real);
void real_registries_free(struct real *real);

/* --- real_files.c: steps; 1: begun, real_order_step_done() follows; 0: done; -errno --- */
int real_files_choose_memory(struct real_order *o, struct err *e); /* the folder of the dump that follows: in memory, if there is room */
/* SEND_*: until the container's memory has been dumped, if it is what is sent and the carrier cannot send what is still written, or if no link limits
 * the sending. */
int real_files_await_dump(struct real_order *o, struct err *e);
int real_files_pack(struct real_order *o, struct err *e); /* memory/, or the seed, into one file */
int real_files_unpack(struct real_order *o, struct err *e);
int real_files_stage(struct real_order *o, struct err *e); /* layer or image under the name in which it travels */
int real_files_unstage(struct real_order *o, struct err *e);
int real_files_await(struct real_order *o, struct err *e);    /* what the peer sends, until it has arrived under that name */
int real_files_spoil(struct real_order *o, struct err *e);    /* a fault of the scenario: the checkpoint becomes unusable */
int real_files_measure(struct real_order *o, struct err *e);  /* how well the files compressed, once a run */
int real_files_clean(struct real_order *o, struct err *e);    /* the migration's */
int real_files_pick(struct real_order *o, const char *suffix, struct err *e); /* the container's for its migration, by links */
/* A program, or work off the loop; real_order_step_done() follows. For `work`: the order behind it. */
int real_order_run(struct real_order *o, const char *const *argv, struct err *e);
int real_order_work(struct real_order *o, int (*work)(struct background *, struct err *), struct err *e);
static inline struct real_order *real_order_behind(struct background *background)
{
    return container_of(background, struct real_order, background);
}

/* real_seed.c, real_log.c: steps of the same kind */
int real_log_write(struct real_order *o, struct err *e);
int real_log_read(struct real_order *o, struct err *e);
int real_seed_diff(struct real_order *o, struct err *e);
int real_seed_merge(struct real_order *o, struct err *e);
int real_seed_keep(struct real_order *o, struct err *e); /* as memory and layer, in place of others */

/* real_pages.c: the same, and where the pages of a device's container are served */
uint16_t real_pages_port(const struct real_order *o);
/* None comes any more; `e`: what has failed, if anything, and gets the cause if it is on the way between the two hosts. */
void real_pages_end(struct real_container *c, struct err *e);
/* Written down before the container lives: after a restart it is known not to be whole. Its pages begin to come from the peer, who serves them. */
int real_pages_lack(struct real_order *o, struct err *e);
int real_pages_whole(struct real_order *o, struct err *e);
bool real_pages_are_whole(const struct real *real, uint32_t mud, uint32_t container);

/* real_seal.c: the same; 0 at once with carriers that check what they carry */
int real_seal_make(struct real_order *o, struct err *e); /* o->sealed is what travels */
int real_seal_open(struct real_order *o, struct err *e); /* what has arrived; RECEIVE_*: when it has */

/* real_volume.c: the same */
int real_volume_pack(struct real_order *o, struct err *e); /* all files, or those that have changed since they were copied */
bool real_volume_may_change(const struct real_order *o);   /* while the order packs it */
int real_volume_size(struct real_order *o, struct err *e);
int real_volume_join(struct real_order *o, struct err *e); /* early: the copy and what has changed */
int real_volume_unpack(struct real_order *o, struct err *e);
/* Where a container's volume is, or would be; free() it. NULL: it has none. */
char *real_volume_folder(const struct real *real, uint32_t mud, uint32_t container);

/* In the spool folder, or where dumps are, of the order's migration; free() it. */
char *real_files_path(const struct real_order *o, const char *suffix);
/* Of what an operation sends or receives, and of a volume that it packs. */
const char *real_files_travelling_suffix(const struct real_order *o);

/* --- real_layers.c: steps, as above --- */
int real_layers_list(struct real_order *o, struct err *e);   /* the base image's layers to a file */
int real_layers_choose(struct real_order *o, struct err *e); /* which of the listed ones are here, to a file */
int real_layers_ship(struct real_order *o, struct err *e);   /* those that the target lacks */
int real_layers_load(struct real_order *o, struct err *e);
void real_layers_free(struct real_order *o); /* calls off what is being shipped; harmless if nothing is */

#endif
