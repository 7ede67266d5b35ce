/* Migration strategies are data: a list of stages, each an operation at one place. The edges walk the list; nothing in
 * them knows a strategy by name. Kim22's T1–T8 are named beside the operations. Stages run one after the other, as in the papers, or each
 * as soon as what it needs is there. */
#ifndef ROAMLAB_STRATEGY_H
#define ROAMLAB_STRATEGY_H

#include <stdbool.h>
#include <stdint.h>

enum operation {
    OP_START,       /* create and start a fresh container from the base image */
    OP_SEED,        /* pre-copy: memory and layer as they are while it serves, to a file */
    OP_SEND_SEED,
    OP_TAKE_LOG,    /* log-replay: the command log to a file */
    OP_TAKE_SNAPSHOT, /* log-replay: memory and layer as the kept snapshot has them */
    OP_SEND_LOG,
    OP_COPY_VOLUME, /* volume early: its files as they are while it serves, to a file */
    OP_SEND_VOLUME, /* what was copied or, on arrival, taken */
    OP_FREEZE,      /* stop the container's processes in place */
    OP_DUMP,        /* T1: process and memory state to files, leave running */
    OP_TAKE_LAYER,  /* T3, P-Migr: the container layer to a file */
    OP_TAKE_VOLUME, /* with the layer: the volume's files to a file; early: those that have changed since */
    OP_COMMIT,      /* T3, C-Migr: container layer to an image layer */
    OP_THAW,        /* let the processes go on */
    OP_HALT,        /* cold: kill the processes, keep the files */
    OP_SAVE,        /* C-Migr: the whole image, base included, to a file */
    OP_DIFF,        /* pre-copy: what differs from the seed, by pages, to a file */
    OP_SEND_CHANGES,
    OP_SEND_MEMORY, /* T2 */
    OP_SEND_LAYER,  /* T4, P-Migr */
    OP_SEND_IMAGE,  /* T4, C-Migr */
    OP_SEND_FILES,  /* volume early: the changed files */
    OP_SEND_BASE,   /* overlapped, instead of save and send image: the base image's layers, one after the other */
    OP_RECEIVE_MEMORY, /* overlapped, at the target: until what the source sends has arrived, whole and checked */
    OP_RECEIVE_LAYER,
    OP_RECEIVE_IMAGE,
    OP_RECEIVE_CHANGES,
    OP_RECEIVE_LOG,
    OP_RECEIVE_VOLUME,
    OP_RECEIVE_FILES,
    OP_REPLAY_LOG,  /* the fresh container executes it */
    OP_MERGE,       /* pre-copy: seed and changes become memory and layer */
    OP_SEND_LIST,      /* layered: which layers the base image has */
    OP_RECEIVE_LIST,   /* at the target */
    OP_SEND_CHOICE,    /* at the target: which of them it has already */
    OP_RECEIVE_CHOICE, /* at the source; only the rest is sent */
    OP_LOAD,        /* the image into the target's Docker */
    OP_LOAD_BASE,   /* overlapped: each of the base image's layers as soon as it has arrived */
    OP_CREATE,      /* T5: the container at the target, with its layer if it is there already */
    OP_PUT_VOLUME,  /* what has come of the volume, into its folder */
    OP_PUT_LAYER,   /* overlapped: the layer into the created container */
    OP_RESTORE,     /* T5: its processes from the checkpoint */
    OP_DUMP_STATE,    /* post-copy: the processes without the pages of their memory, which stay where they are */
    OP_SEND_STATE,
    OP_RECEIVE_STATE,
    OP_RESTORE_STATE, /* at the target: the processes run; a page that they touch and that is not there is fetched */
    OP_SERVE_PAGES,   /* at the source: pages as they are asked for, until none is left */
    OP_FETCH_PAGES,   /* at the target: those that are touched at once, the others meanwhile */
    OP_REPLAY,      /* T7 */
    OP_SWITCH,      /* T8: hold, probe, commit */
    OP_STOP,        /* T8: stop and remove the source container */
    OP_DISCARD,     /* remove a container and the files of a migration (clean-up, not part of a list) */
    OP_REVIVE,      /* cold, failed: start the halted source container from its own checkpoint */
    OP_PULL,        /* the base image from a registry, where it is missing (before what needs it, or ahead of that; not part of a list) */
    OP_STORE,       /* of a SEND_*, not ordered by itself: until all of it is on the carrier's third host, where the target reads it */
    OP_LOAD_LAYER,  /* of LOAD_BASE, not ordered by itself: one layer, without the time in which none was there */
    OP_MEASURE,     /* the guard's: what a container uses of its edge server (not part of a migration) */
    OP_SNAPSHOT,    /* log-replay: memory and layer of one instant, kept beside the container, which waits meanwhile (not part of a migration) */
    OPERATIONS
};
_Static_assert(OPERATIONS < 63, "a set of operations has 64 bits, one of them AT_ONCE");

enum place { AT_SOURCE, AT_TARGET, AT_AP };

/* `after`: the operations that must have ended before it begins, as bits; IN_ORDER: all stages before it; AT_ONCE: none. */
struct stage {
    enum operation operation;
    enum place place;
    uint64_t after;
};

enum { IN_ORDER = 0, STAGES_MAX = 32 };
#define AFTER(operation) (UINT64_C(1) << (operation))
#define AT_ONCE (UINT64_C(1) << 63)

/* When a container's volume moves (Byeon21): while it serves, and what has changed since with the container (his pre-copy), or when the container
 * lives at the target, before it gets its first request (his post-copy). */
enum volume_when { VOLUME_NONE, VOLUME_EARLY, VOLUME_ON_ARRIVAL };

/* What a strategy may give up, as a set; the rest of the invariants (analysis/invariants.h) holds for all. */
enum guarantee {
    ALWAYS_LIVE = 1,     /* a container can serve at every moment */
    SOURCE_SURVIVES = 2, /* until the commit the source can go on alone, whatever happens to the target */
    STATE_MIGRATES = 4,  /* what requests have left in memory and files; without it, digests begin anew */
};

struct strategy {
    const char *name;
    const char *help;
    bool migrates;      /* false: requests are forwarded for ever */
    unsigned gives_up;  /* set of enum guarantee */
    bool needs_base;    /* the target must have the base image already */
    bool overlaps;      /* the target begins with the snapshot, not when all has been sent */
    struct stage stages[STAGES_MAX];
    int stage_count;
    const struct strategy *overlapped; /* the same with stages side by side (pipeline: true), NULL if there is none */
    const struct strategy *from_snapshot; /* the same for a container of which a snapshot is kept, NULL if that is of no use */
};

const char *operation_name(enum operation operation); /* "take layer", … as in result.json's stages */
/* The operation of that name, or OPERATIONS. */
enum operation operation_of(const char *name);
/* Is an edge server ordered to do it, so that it can fail and has costs? Others are only observed, as stages. */
bool operation_is_ordered(enum operation operation);
bool operation_is_transfer(enum operation operation); /* OP_SEND_*, OP_FETCH_PAGES */
/* Goes on beside the other stages, past the switch: the switch does not wait for it, the end of the source does. */
bool operation_is_of_pages(enum operation operation);
/* The transfer that an OP_RECEIVE_* (or OP_LOAD_BASE, OP_SERVE_PAGES) waits for, or OPERATIONS. */
enum operation operation_received(enum operation operation);
/* NULL if there is none of that name. */
const struct strategy *strategy_of(const char *name);
/* The i-th, or NULL behind the last. */
const struct strategy *strategy_at(int i);
bool strategy_has(const struct strategy *strategy, enum operation operation);
/* Does memory come page by page, after the container runs at the target? */
bool strategy_is_lazy(const struct strategy *strategy);
/* Is memory dumped again after a seed? Where the kernel tracks what is written, that dump holds only what was written since. */
bool strategy_dumps_again(const struct strategy *strategy);
/* Is state copied before the freeze, for a target that hears of it at the cut or later? */
bool strategy_copies_ahead(const struct strategy *strategy);
/* Does the source go on serving when the cut has been taken? */
bool strategy_source_serves(const struct strategy *strategy);
/* The strategy with the stages that a volume needs, in *with; false if it has no snapshot with which they could go. (strategy_volume.c) */
bool strategy_add_volume(const struct strategy *strategy, enum volume_when when, struct strategy *with);
/* The first stage at `place` that may begin now, or -1; `begun` and `ended` are stages as bits. */
int strategy_next(const struct strategy *strategy, enum place place, uint32_t begun, uint32_t ended);

#endif
