/* The edge server (ES): container management (create, gate, manage, delete), migration controller, log reporter (Kim22).
 *
 * A device's container passes through the gate: requests are delivered while it is open and queue while it is closed. edge.c
 * is the table, edge_container.c the containers' life, edge_base.c the image that they need, edge_loss.c their unasked end, edge_gate.c the
 * gate, edge_control.c what access points and other edges ask for, edge_removal.c that what a migration has brought goes; migration.c walks a
 * strategy's stages when this edge is the source or the target. */
#ifndef ROAMLAB_EDGE_H
#define ROAMLAB_EDGE_H

#include "actor.h"
#include "courier.h"
#include "map.h"
#include "migration.h"
#include "owner.h"
#include "replay.h"

enum edge_state {
    EDGE_EMPTY,      /* no container of this device here */
    EDGE_STARTING,   /* a fresh one is being created */
    EDGE_LIVE,       /* serves */
    EDGE_INSTALLING, /* target: loading, creating, restoring */
    EDGE_STANDBY,    /* restored; executes replays, serves nobody yet */
    EDGE_REMOVING,   /* being stopped or discarded */
    EDGE_STATES
};

enum edge_event {
    EDGE_EV_ATTACH,
    EDGE_EV_REQUEST,
    EDGE_EV_REPLAY,
    EDGE_EV_PROBE,
    EDGE_EV_ANSWER,    /* the container replies */
    EDGE_EV_MIGRATE,
    EDGE_EV_CANCEL,
    EDGE_EV_FETCH,
    EDGE_EV_INSTALL,
    EDGE_EV_ACTIVATE,
    EDGE_EV_REMOVE,
    EDGE_EV_STOP,
    EDGE_EV_STARTED,   /* the fresh container runs */
    EDGE_EV_INSTALLED, /* the migrated container is restored */
    EDGE_EV_BROKEN,    /* what was being started or installed failed */
    EDGE_EV_REMOVED,   /* the container is gone */
    EDGE_EV_CLAIM,     /* an access point asks whose the container is */
    EDGE_EV_DIED,      /* the container ended by itself */
    EDGE_EVENTS
};

/* The last snapshot of a container that is reconstructed from its log (edge_snapshot.c). */
struct edge_snapshot {
    uint32_t next;    /* it holds what was executed below this number, where the command log begins; 0 = there is none */
    bool running;     /* the next one is being taken, */
    uint32_t coming;  /* which will hold that much */
    bool thawing;     /* after a restart: one may have been under way */
    bool distrusted;  /* a migration from it has failed */
    uint32_t not_before; /* the one before failed: tried again with this number */
};

struct edge_client {
    struct edge *edge;
    uint32_t mud;
    enum edge_state state;
    uint32_t container;         /* the migration that brought it; 0 = started here */
    uint32_t sequence;          /* highest association sequence seen; lower ones are refused */
    uint32_t fence;             /* of the last claim: nobody of an older association commits or removes anything */
    struct party owner;         /* the AP that asked last for a container or a removal */
    struct party via;           /* the AP that the requests come through, and the replies go to */
    bool gate_closed;
    bool recovering;            /* after a restart: the container has not said yet what it has executed */
    bool restarted;             /* the edge has, since the container came */
    bool used;                  /* a request was delivered since it is live, or MIGRATE came */
    struct replay_log log;      /* requests queued at the gate, delivered and unanswered, and, migrating, all since the cut */
    struct replay_log commands; /* what the container has executed since it was fresh, or since its snapshot, if the strategy wants it */
    struct edge_snapshot snapshot;
    uint32_t next;              /* the container has executed everything below this number */
    struct migration out, in;   /* this edge is the source, the target */
    struct simtime measured;    /* when the guard looked last; zero = not yet */
    int64_t measured_cpu_ns;    /* what it saw then */
    uint32_t measured_next, measured_container;
    bool awaits_base;           /* STARTING, INSTALLING: nothing is ordered before the pull ahead has ended */
    bool delegated;             /* asked the access point to take the container elsewhere */
    bool lost;                  /* the device's only live container ended here */
    uint32_t ended;             /* outgoing migrations up to this one are over: MIGRATE repeats nothing */
    uint32_t removed;           /* incoming migrations up to this one were called off: INSTALL repeats nothing */
    uint32_t served;            /* the newest incoming migration whose container served here and went when the device was served elsewhere */
    struct msg pending_migrate; /* waits until the container runs, or the older migration is undone; mud = MUD_NONE if none */
    struct owner_leftover *leftovers; /* owned, the newest first */
    uint32_t leftover_count;
    struct owner_end end;       /* of the outgoing migration: told when the owner record says so */
    struct simtime end_begin;   /* then that migration began */
    struct msg removal;         /* STOP or REMOVE, acknowledged when the container is gone; mud = MUD_NONE if none */
    uint32_t files_of;          /* the migration whose files alone are being removed, 0 = none */
    struct alarm files_alarm;   /* and that has not ended in time */
    struct order order;         /* START, STOP or DISCARD of the container: called off if it does not end; a removal is asked for again */
    struct simtime order_begin;
    bool ordered;               /* it is under way */
    struct alarm order_alarm;
};

enum { MUD_NONE = UINT32_MAX };

/* The base image on its way before a container needs it (edge_base.c). */
struct edge_pull {
    bool runs;
    uint32_t mud, migration; /* that it was announced for */
    struct simtime begin;
};

struct edge {
    struct actor actor;
    struct courier courier;
    struct map clients; /* MUD → struct edge_client, owned */
    struct alarm supervision_alarm, guard_alarm;
    int supervised;          /* orders of supervision that are carried out */
    bool recalls, recalled;  /* the image: containers are still to be stopped; none is started */
    bool delegates;          /* containers are still to be handed over */
    struct party delegates_to;
    bool lacks_base;    /* it is pulled before the first container is started or created here, */
    struct edge_pull ahead; /* or before that is asked for */
    uint32_t containers, loads_told;
};

void edge_init(struct edge *edge, struct port *port, const struct rules *rules, uint32_t index);
void edge_free(struct edge *edge);
/* The run begins. */
void edge_start(struct edge *edge);
void edge_receive(struct edge *edge, const struct msg *m);
/* What a container answers: REPLY, REPLAYED or PROBED, with the asking message's other fields as they were. */
void edge_container_says(struct edge *edge, uint32_t container, const struct offload *o);
/* The container that `container` brought ended without being asked to. */
void edge_container_died(struct edge *edge, uint32_t mud, uint32_t container);
void edge_operation_done(struct edge *edge, const struct order *order, const struct order_result *result);
/* After a restart: what the edge knew. `exists`: the container is there, running or frozen. */
void edge_recover(struct edge *edge, const struct owner_record *record, bool exists);
/* It ends: no alarm rings any more. */
void edge_silence(struct edge *edge);
/* True while something is being started, migrated, removed or waits for an acknowledgement. */
bool edge_busy(const struct edge *edge);

/* Between the edge files and migration.c. */
typedef void edge_handler(struct edge_client *client, const struct msg *m);
void edge_handle(struct edge_client *client, enum edge_event event, const struct msg *m);
void edge_open_gate(struct edge_client *client);
struct edge_client *edge_client_of(struct edge *edge, uint32_t mud);
/* A MIGRATE that had to wait begins. */
void edge_begin_pending(struct edge_client *client);

/* edge_recover.c */
/* What the record says to have ended is told then; it is kept once more when that has been done. */
void edge_keep_owner(struct edge_client *client);
void edge_ask_next(struct edge_client *client);
/* The same of a container that is not frozen. */
void edge_probe_next(struct edge_client *client);
void edge_report_executed(struct edge_client *client, uint32_t number, const char *text);
/* The container has executed all below client->next, some of it unseen. */
void edge_report_executed_meanwhile(struct edge_client *client);
/* The target of the migration is asked to remove what it has; until it says so that outlives a restart. */
void edge_remember_leftover(struct edge_client *client, const struct migration *m);
void edge_forget_leftover(struct edge_client *client, struct party edge, uint32_t migration);
void edge_recovered(struct edge_client *client, const struct offload *probed);
void edge_say_owned(struct edge_client *client, const struct msg *m);
void edge_claim(struct edge_client *client, const struct msg *m);
/* A REQUEST or MIGRATE of an access point whose token is older than a claim of which it knows nothing, though the device has come to it
 * again since. It is told so, and claims the device itself. */
bool edge_token_is_void(const struct edge_client *client, const struct msg *m);
void edge_say_void(struct edge_client *client, struct party ap);
/* What waits at the gate was sent by an access point that has forgotten how far it was: it may have been executed elsewhere. The device asks
 * again. */
void edge_forget_held(struct edge_client *client);
/* Requests delivered to the container that it has not answered. */
uint32_t edge_undrained(const struct edge_client *client);
/* Delivers those again: one of them may be waiting for an earlier one that was lost. */
void edge_deliver_undrained(struct edge_client *client);
void edge_deliver(struct edge_client *client, const struct offload *o);
/* The outgoing migration is over, and undone: the log is trimmed, the next MIGRATE may begin. */
void edge_migration_ended(struct edge_client *client);

/* If placements weigh the load, the access points that could place a container here hear of it. */
void edge_tell_load(struct edge *edge, uint32_t mud);

/* What the guard asked for. */
void edge_measured(struct edge_client *client, const struct order *order, const struct order_result *result);
void edge_enter_state(struct edge_client *client, enum edge_state state, enum edge_event event);
/* The live container died, or the one that a migration has brought and nobody uses yet. */
edge_handler edge_live_died, edge_restored_died;
/* The container is gone, and with it what only it knew: nobody may serve the device any more. */
void edge_lose_container(struct edge_client *client, enum edge_event event);
/* The same of one that runs, but will never have all its memory. */
void edge_lose_incomplete(struct edge_client *client, const char *why);

edge_handler edge_serve, edge_live_answers, edge_standby_answers, edge_probe, edge_replay, edge_send_logged;
/* Drops requests that the container will not answer any more, because they are older than its window. */
void edge_forget_long_answered(struct edge_client *client);

/* edge_container.c */
void edge_operate(struct edge_client *client, enum operation operation, uint32_t migration, uint32_t container, struct party peer);
void edge_report_container(struct edge_client *client, uint32_t container, const char *what);
void edge_report_stage(struct edge_client *client, uint32_t migration, enum operation operation, struct simtime begin,
                       const struct order_result *result);
/* The image is here now. `migration`: -1 = none's, for a fresh container. */
void edge_report_pull(struct edge_client *client, int32_t migration, const struct order_result *result);
void edge_forget_requests(struct edge_client *client);
/* Stops or discards the container; what waited for it is forgotten. */
void edge_remove_container(struct edge_client *client, enum operation operation, uint32_t migration, enum edge_event event);
/* The container has moved: it goes, and nothing of the migration is repeated or undone any more. */
void edge_leave(struct edge_client *client, uint32_t migration);
/* Stops the only live container and declares the device unavailable. */
void edge_stop_for_good(struct edge_client *client);
/* Of a fresh container; of the base image first, if it is missing. */
void edge_order_start(struct edge_client *client);
/* An order about the container that is neither part of a migration nor repeated; only one at a time. */
void edge_order(struct edge_client *client, enum operation operation, uint32_t migration);
void edge_order_ended(struct edge_client *client);
/* The order about the container has not ended in time, or is to be given again. */
void edge_order_alarm_rings(struct alarm *alarm);
edge_handler edge_start_container, edge_say_attached, edge_started, edge_start_failed, edge_removed, edge_acknowledge;
edge_handler edge_acknowledge_removal;

/* edge_base.c */
/* A migration was announced whose container will need the base image. */
void edge_pull_ahead(struct edge *edge, const struct msg *m);
bool edge_is_pull_ahead(const struct order *order);
void edge_pulled_ahead(struct edge *edge, const struct order_result *result);
/* True: the base image is on its way already, and what the client needs it for begins when that has ended. */
bool edge_await_base(struct edge_client *client);

/* edge_snapshot.c */
/* What the run's strategy is for a container with, or without, a snapshot. */
const struct strategy *edge_strategy(const struct edge_client *client, bool snapshot);
bool edge_from_snapshot(const struct edge_client *client, const struct migration *m);
/* Begins a snapshot if it is time, and nothing is in its way. */
void edge_take_snapshot_if_due(struct edge_client *client);
void edge_snapshot_done(struct edge_client *client, const struct order_result *result);
/* Calls off what is under way; what there was is no longer of use. */
void edge_forget_snapshot(struct edge_client *client);
/* After a restart: the container may have been frozen for a snapshot. True if it is being thawed; edge_snapshot_thawed() follows. */
bool edge_thaw_after_snapshot(struct edge_client *client);
void edge_snapshot_thawed(struct edge_client *client);

/* edge_commands.c */
bool edge_keeps_commands(const struct edge_client *client);
void edge_keep_command(struct edge_client *client, const struct replay_entry *command, uint64_t digest);
/* Does the command log hold all below that number? */
bool edge_commands_reach(const struct edge_client *client, uint32_t until);
/* INSTALLING: the fresh container executes the log; migration_reconstructed() follows. */
void edge_reconstruct(struct edge_client *client, const struct replay_log *log);
edge_handler edge_reconstruct_answers;
/* After a silence: what was not answered, again. */
void edge_reconstruct_again(struct edge_client *client);

edge_handler edge_refuse_migrate, edge_migrate_before, edge_migrate_later, edge_migrate, edge_cancel, edge_install, edge_install_over_older, edge_installed;
/* The removal of files has not ended in time. */
void edge_files_alarm_rings(struct alarm *alarm);
edge_handler edge_activate, edge_activate_again, edge_stop, edge_remove_files, edge_remove_incoming, edge_remove_meanwhile, edge_broken_install;

#endif
