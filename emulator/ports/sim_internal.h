/* What the sim's files share. */
#ifndef ROAMLAB_SIM_INTERNAL_H
#define ROAMLAB_SIM_INTERNAL_H

#include "flow.h"
#include "host_clock.h"
#include "map.h"
#include "mem.h"
#include "rng.h"
#include "sim.h"
#include "sim_container.h"

struct flight;
struct sim_snapshot;
struct sim_connection;
struct sim_arrival;
struct sim_owner;
struct sim_registries;

/* What the actors of one host see. */
struct sim_port {
    struct port port;
    struct sim *sim;
    int host;
    struct host_clock clock;
};

struct sim {
    struct sim_port *ports; /* owned, by host */
    struct loop *loop;
    struct layout *layout;
    struct cast *cast;
    struct link_model *links;               /* owned: [link * 2 + direction] */
    struct flight *flights, *spare_flights; /* owned: all, and those that are free */
    struct sim_device *devices;             /* owned, by MUD */
    int *base_layers;                       /* owned: how many of the base image's each edge has, from the lowest on */
    struct map connections;                 /* owned: pair of hosts → list of kept TCP connections */
    struct sim_registries *registries;      /* owned */
    struct sim_watcher *watchers;           /* a list */
    struct rng rng;                         /* of faults on messages */
};

/* What there is of a device's service, anywhere: owned lists, seldom longer than two. */
struct sim_device {
    struct sim_container *containers;
    struct sim_snapshot *snapshots;
    struct sim_order *orders;     /* operations under way */
    struct sim_arrival *arrivals; /* what was sent to edges and is not used up yet */
    struct sim_owner *owners;     /* what edges keep on their disks */
};

/* Of a transfer's bytes those that are not at the receiver, and those that the sender does not know to be there. */
struct sim_unsent {
    uint64_t to_arrive, to_acknowledge;
};

/* A container operation under way. */
struct sim_order {
    struct timer timer;
    struct sim_order *next;
    struct sim *sim;
    struct order order;
    struct simtime begin;
    struct simtime due; /* its cost is paid then, if it begins at once */
    bool cancelled;
    bool distrusts; /* the certificate of the registry that it goes through */
    const struct fault *fault; /* that strikes it, or NULL */
    bool awaits; /* RECEIVE_*: for what has not arrived */
    bool pulls;   /* PULL: the one for which its edge server pulls, … */
    int registry; /* … from this one */
    /* SEND_* and PULL, while their bytes are under way: */
    struct sim_connection *connection;
    struct sim_order *behind; /* on the connection */
    uint64_t bytes;           /* how many */
    struct sim_unsent unsent; /* of them */
    struct sim_unsent ahead;  /* of the connection's bytes that were on the line already */
    bool waits_for_dump;      /* SEND_*: begins when it has ended */
    bool lacks_last;          /* SEND_MEMORY, while it is sent: the byte that comes when the dump has ended */
    int leg;                  /* from host to host, as sim_transfers.c says */
    uint64_t earlier;         /* on the wire, of the legs before */
    bool arrived, stalled;
    uint64_t seen; /* of the connection's bytes, acknowledged when progress was looked for last */
    int layer;     /* LOAD_BASE: the next one */
    struct simtime layer_begin; /* of the one before, if it is being loaded */
    bool loads;
};

void sim_operate(struct port *port, const struct order *order);
void sim_cancel_operations(struct port *port, struct party edge, uint32_t mud, uint32_t migration);
void sim_free_operations(struct sim *sim);
/* From now on it costs what it costs. */
void sim_order_begin(struct sim_order *so);
/* Takes effect, and tells the edge. */
void sim_order_finish(struct sim_order *so);
/* A part of the order, which is no order of its own, began then and is over. */
void sim_order_report(const struct sim_order *so, enum operation part, struct simtime begin, uint64_t bytes);
static inline struct sim *sim_of(struct port *port)
{
    return container_of(port, struct sim_port, port)->sim;
}

static inline int sim_edge_host(const struct sim *sim, struct party edge)
{
    return sim->layout->edges[edge.index].host;
}

/* --- sim_effects.c --- */
struct sim_container *sim_find_container(struct sim *sim, uint32_t edge, uint32_t mud, uint32_t container);
struct sim_container *sim_container_about(struct sim *sim, const struct order *o); /* or NULL */
void sim_remove_container(struct sim *sim, uint32_t edge, uint32_t mud, uint32_t container);
/* 0 or -errno. */
int sim_take_effect(struct sim *sim, const struct order *o);
/* The container waits while its snapshot is taken, whatever comes of it. */
void sim_hold_for_snapshot(struct sim *sim, const struct order *o, bool hold);

/* --- sim_snapshots.c --- */
/* SIM_FOLDER: a volume as a container finds it that is not there yet, or has left it when it was halted. */
enum sim_files { SIM_SNAPSHOT, SIM_SEED, SIM_LOG, SIM_FOLDER, SIM_VOLUME, SIM_VOLUME_CHANGES, SIM_FILES };
/* Of the order's migration, at its edge; one that is there already gives way. */
void sim_snapshot_take(struct sim *sim, const struct order *o, const struct sim_container *c);
/* A copy of the snapshot's state: -ENOENT, or -EBADMSG if it is damaged. */
int sim_snapshot_open(struct sim *sim, const struct order *o, struct sim_state *state);
/* What is kept beside the order's container is its migration's, too: 0 or -ENOENT. */
int sim_snapshot_pick(struct sim *sim, const struct order *o);
void sim_log_take(struct sim *sim, const struct order *o); /* the order's */
/* A copy: -ENOENT, or -EBADMSG if it is damaged. */
int sim_log_open(struct sim *sim, const struct order *o, struct replay_log *log);
uint64_t sim_log_bytes(struct sim *sim, const struct order *o);
/* The volume's by PUT_VOLUME, the others by RESTORE, else all. */
void sim_snapshot_drop(struct sim *sim, const struct order *o);
/* What was kept beside a container that has ended. */
void sim_snapshot_lose(struct sim *sim, uint32_t edge, uint32_t mud, uint32_t container);
/* The log. */
void sim_log_drop(struct sim *sim, const struct order *o);
void sim_snapshots_free(struct sim_device *device);
/* Those that lie at any edge, but what goes with a container. */
int sim_snapshots(struct sim *sim, uint32_t mud);
/* What a SEND_* carries of it is at the peer, too. */
void sim_snapshot_arrives(struct sim *sim, const struct order *sent);
/* What an operation wrote here, or sent to its peer, is not what it should be. */
void sim_snapshot_damage(struct sim *sim, const struct order *o, enum fault_effect effect);
/* Seed and changes become the snapshot, which is checked. */
int sim_snapshot_merge(struct sim *sim, const struct order *o);
/* What has come of the volume is its container's: 0, or -errno if it is not good. */
int sim_volume_put(struct sim *sim, const struct order *o);
/* A halted container's stays where it is. */
void sim_volume_stays(struct sim *sim, const struct order *o, const struct sim_container *c);
/* The order's container, which is new here, finds its volume, if it is there already. */
void sim_volume_mount(struct sim *sim, const struct order *o, struct sim_container *c);
/* Of its files that have changed since it was copied. */
uint64_t sim_volume_changes(struct sim *sim, const struct order *o);
/* The requests executed between seed and snapshot, or the container that is to be dumped, `until` excluded; false if there are not both. */
bool sim_snapshot_interval(struct sim *sim, const struct order *o, uint32_t *from, uint32_t *until);
/* Pages that differ between them, by area. */
bool sim_snapshot_changes(struct sim *sim, const struct order *o, uint64_t pages[STATE_AREAS]);

void sim_drop_order(struct sim_order *so);

/* --- sim_hosts.c --- */
void sim_start_clocks(struct sim *sim);
void sim_keep_owner(struct port *port, struct party edge, const struct owner_record *record);
void sim_free_owners(struct sim_device *device);

/* --- sim_faults.c --- */
enum { SIM_COPIES_MAX = 4 };
/* How many copies of the message between two hosts set out, and how much later. */
int sim_copies(struct sim *sim, int from, int to, const struct msg *m, struct simtime later[SIM_COPIES_MAX]);
/* When what is due on the host at `at` happens: then, or as soon as the host goes on. */
struct simtime sim_awake(const struct sim *sim, int host, struct simtime at);
void sim_arm(struct sim *sim, int host, struct timer *timer, struct simtime after);
/* What a fault of the scenario makes of an operation's result: 0 or -errno, and why. */
int sim_fault_status(const struct sim_order *so, const char **reason);

/* --- sim_transfers.c --- */
enum { SIM_TCP_WINDOW = 4 << 20 }; /* Linux lets a socket hold as much (tcp_wmem) */
/* What the carrier takes before the first byte; its connection stands then. */
struct simtime sim_transfer_prepare(const struct sim_order *so);
void sim_fill_path(struct sim *sim, int from, int to, struct link_path *path);
void sim_transfer_begin(struct sim_order *so);
/* True if the order must not begin: sim_order_begin() follows when the dump beside it has ended. */
bool sim_transfer_waits(struct sim_order *so);
/* A dump is over, which a transfer may wait for. */
void sim_transfer_dumped(struct sim *sim, const struct order *dump);
/* The order needs its connection no more: it ends, or is called off. */
void sim_transfer_leave(struct sim_order *so);
/* Bytes that an order at the target still waits for of what it receives; UINT64_MAX: nothing has been sent. */
uint64_t sim_transfer_left(struct sim *sim, const struct order *o);
/* Bytes of FETCH_PAGES that have not arrived. */
uint64_t sim_transfer_to_come(const struct sim_order *so);
/* How long a container waits for a page that it touches: behind those that were asked for ahead. */
struct simtime sim_transfer_page_time(const struct sim_order *so);
/* Of a transfer, what it put on the wire; of others, what they handle. */
uint64_t sim_order_bytes(const struct sim_order *so);
/* More of its bytes may have arrived. Whoever waits for them goes on in its own turn: no order ends, none leaves its connection meanwhile. */
void sim_transfer_moved(struct sim_order *so);
/* One leg is over: the next one begins, or the order ends. */
void sim_transfer_leg_ends(struct sim_order *so);

/* --- sim_arrivals.c --- */
/* What the order sends is at its peer; who waits for that goes on. */
void sim_transfer_arrives(struct sim *sim, const struct order *sent);
/* Finishes a RECEIVE_* when what it waits for has arrived. */
void sim_transfer_await(struct sim_order *so);
/* What that operation has sent to the order's edge is used up; OPERATIONS = all that has arrived of its migration. */
void sim_transfer_forget(struct sim *sim, const struct order *o, enum operation sent);
void sim_transfer_forget_all(struct sim_device *device);
int sim_arrivals(const struct sim_device *device);
/* Whether what the operation sent has arrived at the order's edge. */
bool sim_transfer_arrived(struct sim *sim, const struct order *o, enum operation sent);

/* --- sim_connections.c --- */
struct carrier_model;
/* The carrier's, between two hosts, that takes one transfer more; NULL: there is none. */
struct sim_connection *sim_connection_find(struct sim *sim, const struct carrier_model *carrier, int from, int to);
/* Opened, and warmed if the carrier does that, when the run started; `window` bytes may be in flight. */
struct sim_connection *sim_connection_open(struct sim *sim, const struct carrier_model *carrier, int from, int to,
                                           const struct link_path *forward, const struct link_path *back, uint64_t window);
/* The order's `bytes`, from now on: sim_transfer_moved() when some have arrived, sim_transfer_leg_ends() when all are known to have. */
void sim_connection_carry(struct sim_connection *c, struct sim_order *so);
/* The last byte of an order that lacked it. */
void sim_connection_complete(struct sim_order *so);
void sim_connection_leave(struct sim_order *so);
uint64_t sim_connection_acknowledged(const struct sim_connection *c);
/* Bytes on the wire for each byte sent; 0: none was. */
double sim_connection_overhead(const struct sim_connection *c);
void sim_free_connections(struct sim *sim);

/* --- sim_registries.c --- */
struct sim_registries *sim_registries_new(const struct layout *l);
void sim_registries_free(struct sim_registries *r);
/* From which a pull comes, or would if it began now; -1 = none has the image. */
int sim_registry_of_pull(const struct sim_order *so);
void sim_pull_begin(struct sim_order *so);
/* The registry's name; NULL: it pulls nothing. */
const char *sim_pull_source(const struct sim_order *so);
/* 0, or -1: no registry has the image. */
int sim_pull_takes_effect(struct sim *sim, const struct order *order);
/* Well or not. */
void sim_pull_ends(struct sim_order *so);
/* Whoever restarts there does not know which registries stalled. */
void sim_forget_stalls(struct sim *sim, int host);
/* By the calendar clock of an edge server that it concerns no registry's certificate is valid. */
bool sim_registry_is_distrusted(const struct sim *sim, const struct order *order);

/* --- sim_pages.c --- */
/* The order's container was restored without its memory, or only with what the seed had of it. */
void sim_pages_lack(struct sim *sim, const struct order *o);
/* What FETCH_PAGES fetches. */
uint64_t sim_pages_bytes(struct sim *sim, const struct order *o);
/* Does the source of the order's migration serve pages? */
bool sim_pages_are_served(struct sim *sim, const struct order *o);
/* FETCH_PAGES has ended; not well: its container executes nothing any more. */
void sim_pages_end(struct sim *sim, const struct order *o, bool well);
/* What is fetched is not served, or what is served not fetched, any more: it fails when that has been noticed. */
void sim_pages_see_no_byte(struct sim_order *so);
/* A container whose pages are served ends. */
void sim_pages_source_dies(struct sim *sim, uint32_t edge, uint32_t mud, uint32_t container);
/* The order ends: what it serves, or is served by, sees no byte any more, unless all have arrived. */
void sim_pages_break_off(struct sim_order *so);

/* --- sim_layers.c --- */
/* The first layer that a SEND_BASE or LOAD_BASE is about: all, unless the target was asked what it has. */
int sim_layers_first(struct sim *sim, const struct order *o);
/* Bytes of the base's layers that an order sends, each divided by `ratio`. */
uint64_t sim_layers_to_send(struct sim *sim, const struct order *o, double ratio);
/* More of what the order sends has arrived. */
void sim_layers_wake(struct sim *sim, const struct order *sent);
/* LOAD_BASE: the next layer if it is there, else waits for it; at last the end. */
void sim_layers_load(struct sim_order *so);

#endif
