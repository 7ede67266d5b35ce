/* One migration at one of its two edges: walks the stages of its strategy that happen there, each when what it needs has ended.
 *
 * The source runs its stages (gate and freeze, dump, …, send), tells the target to install (before them, if they overlap), and then waits for the verdict
 * of the AP that holds the token: STOP (committed) or CANCEL. The target runs its stages and reports READY to that AP. A failure or
 * a CANCEL before the commit is undone: thaw, revive, gate open, and the target removes what it has. Whatever the access point and the target
 * know or forget, how a migration ended is told once, by its source. */
#ifndef ROAMLAB_MIGRATION_H
#define ROAMLAB_MIGRATION_H

#include "actor.h"

enum migration_state {
    MIGRATION_NONE,
    MIGRATION_DRAINING,   /* source: gate closed, delivered requests finish */
    MIGRATION_PUT_OFF,    /* source: they did not in time; the gate is open again for a while */
    MIGRATION_PROBING,    /* source, halting strategies: the container's last probe, before the freeze */
    MIGRATION_WORKING,    /* a stage's operation runs here */
    MIGRATION_INSTALLING, /* source: the target works, then the AP decides */
    MIGRATION_READY,      /* target: restored, the AP decides */
    MIGRATION_UNDOING,    /* source: failed or called off; what was begun is undone */
    MIGRATION_STATES
};

struct migration {
    enum migration_state state;
    const struct strategy *strategy; /* of the run, or what it says of containers with a snapshot */
    uint32_t id;
    struct party peer;         /* the other edge */
    struct party ap;           /* the AP that decides */
    uint32_t sequence;
    uint32_t begun, ended;     /* the strategy's stages, as bits */
    uint32_t cut;              /* the snapshot holds everything below this number */
    bool cut_taken;            /* requests delivered from now on are kept in the log */
    bool files;                /* of the migration may be here */
    bool frozen, halted, sent; /* what an undo has to undo */
    bool unproven, lost;       /* revived, but not compared with what was halted; not to be revived */
    bool worthless;            /* what was halted cannot be revived, or is another then: it is to go */
    uint32_t operating;        /* operations under way */
    bool pages;                /* one of them serves or fetches pages; at the target it outlives the migration */
    bool left;                 /* source: the device is served at the target; this container ends when its pages are there */
    bool asked_back;           /* source: the target is asked whether it has served, before anything is undone */
    bool told;                 /* source: INSTALL is on its way */
    bool doubted;              /* source: whether it is committed only the target knows, which is asked */
    int32_t status;            /* why it is being undone; 0 = called off */
    uint32_t put_offs;         /* how often the gate did not drain */
    uint32_t undo_failures;
    bool undo_failed;          /* the last step; it waits to be tried again */
    struct simtime begin, pull_begin, stage_begin[STAGES_MAX];
    bool reconstructing;       /* target: the container executes the command log, */
    uint32_t reconstructed;    /* so many entries of it, */
    struct simtime progress;   /* the last one then */
    int32_t failure;           /* target: why the other operations are being called off */
    struct offload last_probe; /* the halted container's answer */
    struct simtime patience;   /* source: INSTALLING, and the proof of a revived container, fail then */
    struct msg early_probe;    /* the access point's, answered at the thaw; type 0 = none has come */
    struct alarm alarm;
};

struct edge_client;

static inline bool migration_runs(const struct migration *m)
{
    return m->state != MIGRATION_NONE;
}

/* A stage of its strategy, here. */
bool migration_has_begun(const struct migration *m, enum operation operation);

/* --- the source --- */
void migration_begin(struct edge_client *client, const struct msg *m);
void migration_drained(struct edge_client *client); /* the last delivered request has been answered */
void migration_probed(struct edge_client *client, const struct offload *o);
/* status 0: the device has moved on; -errno: something failed. */
void migration_call_off(struct edge_client *client, int32_t status, const char *reason);

/* Something failed at the source. If the target may serve already, the verdict is the access point's. */
void migration_fail(struct edge_client *client, int32_t status, const char *reason);
/* Asks the target to remove what the migration has brought, unless it serves, or has served: then it answers STOP. */
void migration_ask_target(struct edge_client *client);
/* It is called off by somebody who cannot know whether it is committed. */
void migration_doubt(struct edge_client *client, int32_t status, const char *reason);
/* The target has not served, and has nothing of it any more. */
void migration_disproved(struct edge_client *client);

/* The target does not answer: asks the access point, which alone knows whether it has committed. */
void migration_ask_to_fail(struct edge_client *client);

/* The access point may have committed. */
void migration_await_verdict(struct edge_client *client);

/* Lazy pages, and only the target knows whether it serves already: undone too early, its memory is lost. It is asked first. */
bool migration_may_be_served(const struct migration *m);
void migration_ask_back(struct edge_client *client, int32_t status);
/* What the target says: 0 = it never served, and what it had is gone. */
void migration_answered_back(struct edge_client *client, uint32_t migration, int32_t status);

/* The device is served at the target: the container here goes, once the last page is there. */
void migration_leave(struct edge_client *client, uint32_t migration);

/* --- the target --- */
/* What INSTALL says, so that the owner record has it before anything is done. */
void migration_prepare(struct edge_client *client, const struct msg *m);
/* Pulls the base image, or waits for it, if it is missing; then the stages begin. */
void migration_need_base(struct edge_client *client);

/* The container has executed the command log; status < 0: it has not. */
void migration_reconstructed(struct edge_client *client, int32_t status, const char *reason);

/* The container ends, and with it what fetches its pages. */
void migration_forget_pages(struct edge_client *client);

/* An operation of the migration (either side) is done. */
void migration_operation_done(struct edge_client *client, const struct order *order, const struct order_result *result);
void migration_alarm_rings(struct edge_client *client, struct migration *m);

/* The container at the source, the restored one at the target ended by itself. */
void migration_lose_source(struct edge_client *client);
void migration_lose_target(struct edge_client *client);

/* --- between the migration's files --- */
void migration_operate(struct edge_client *client, struct migration *m, enum operation operation);
/* Begins every stage there that may begin now. */
void migration_begin_stages(struct edge_client *client, struct migration *m, enum place place);
void migration_end_stage(struct edge_client *client, struct migration *m, const struct order *order,
                         const struct order_result *result);
void migration_target_operation_done(struct edge_client *client, const struct order *order, const struct order_result *result);
void migration_tell(struct edge_client *client, const struct migration *m, struct party to, uint8_t type, int32_t status);
/* SERVE_PAGES has ended, and it is not only that nothing else has to be done; FETCH_PAGES has. */
void migration_pages_served(struct edge_client *client, const struct order_result *result);
void migration_pages_fetched(struct edge_client *client, const struct order *order, const struct order_result *result);
/* Ends the incoming migration; what else of it is under way ends first. */
void migration_fail_target(struct edge_client *client, int32_t status, enum operation operation, const char *reason);
/* The outgoing migration is over: so it is told as soon as the owner record says it. */
void migration_note_end(struct edge_client *client, enum migration_outcome outcome);
/* What was noted is told. */
void migration_tell_end(struct edge_client *client);
/* The revived container's answer to the undo's probe. */
void migration_undo_probed(struct edge_client *client, const struct offload *o);
/* Asks the container for its last probe. */
void migration_probe(struct edge_client *client);
/* Takes the next step of the undo, when no operation is under way any more. */
void migration_undo(struct edge_client *client);
/* An operation ended while the migration is being undone. */
void migration_undo_step_done(struct edge_client *client, const struct order *order, const struct order_result *result);

#endif
