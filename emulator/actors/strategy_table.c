/* The strategies, one row each. */
#include "strategy.h"
#include "mem.h"

#include <string.h>

#define STAGES(...) .stages = {__VA_ARGS__}, .stage_count = ARRAY_LEN(((struct stage[]){__VA_ARGS__}))

/* What a dump has written is on its way while it still writes, if a link limits that, which the ports see to; the container is created
 * meanwhile. */
static const struct strategy p_migr_overlapped = {
    .name = "p-migr",
    .help = "p-migr with its stages side by side",
    .migrates = true,
    .needs_base = true,
    .overlaps = true,
    STAGES(
        {OP_FREEZE, AT_SOURCE, AT_ONCE}, {OP_TAKE_LAYER, AT_SOURCE, AFTER(OP_FREEZE)},
        {OP_DUMP, AT_SOURCE, AFTER(OP_FREEZE)}, {OP_THAW, AT_SOURCE, AFTER(OP_TAKE_LAYER) | AFTER(OP_DUMP)},
        {OP_SEND_LAYER, AT_SOURCE, AFTER(OP_TAKE_LAYER)}, {OP_SEND_MEMORY, AT_SOURCE, AFTER(OP_FREEZE)},
        {OP_CREATE, AT_TARGET, AT_ONCE}, {OP_RECEIVE_LAYER, AT_TARGET, AT_ONCE},
        {OP_RECEIVE_MEMORY, AT_TARGET, AT_ONCE},
        {OP_PUT_LAYER, AT_TARGET, AFTER(OP_CREATE) | AFTER(OP_RECEIVE_LAYER)},
        {OP_RESTORE, AT_TARGET, AFTER(OP_PUT_LAYER) | AFTER(OP_RECEIVE_MEMORY)}, {OP_REPLAY, AT_AP, IN_ORDER},
        {OP_SWITCH, AT_AP, IN_ORDER}, {OP_STOP, AT_SOURCE, AFTER(OP_SWITCH)}),
};

/* What an image would hold without being made one: the base's layers, which never change, are sent as they are and loaded as they arrive, and
 * the container layer goes as in p-migr. The base goes first: when its last layers are loaded, which takes longest, the link is free for the
 * rest. */
static const struct strategy c_migr_overlapped = {
    .name = "c-migr",
    .help = "c-migr with its stages side by side, layer by layer",
    .migrates = true,
    .overlaps = true,
    STAGES(
        {OP_FREEZE, AT_SOURCE, AT_ONCE}, {OP_TAKE_LAYER, AT_SOURCE, AFTER(OP_FREEZE)},
        {OP_DUMP, AT_SOURCE, AFTER(OP_FREEZE)}, {OP_THAW, AT_SOURCE, AFTER(OP_TAKE_LAYER) | AFTER(OP_DUMP)},
        {OP_SEND_BASE, AT_SOURCE, AFTER(OP_FREEZE)},
        {OP_SEND_LAYER, AT_SOURCE, AFTER(OP_SEND_BASE) | AFTER(OP_TAKE_LAYER)},
        {OP_SEND_MEMORY, AT_SOURCE, AFTER(OP_SEND_BASE)}, {OP_RECEIVE_LAYER, AT_TARGET, AT_ONCE},
        {OP_RECEIVE_MEMORY, AT_TARGET, AT_ONCE}, {OP_LOAD_BASE, AT_TARGET, AT_ONCE},
        {OP_CREATE, AT_TARGET, AFTER(OP_LOAD_BASE)},
        {OP_PUT_LAYER, AT_TARGET, AFTER(OP_CREATE) | AFTER(OP_RECEIVE_LAYER)},
        {OP_RESTORE, AT_TARGET, AFTER(OP_PUT_LAYER) | AFTER(OP_RECEIVE_MEMORY)}, {OP_REPLAY, AT_AP, IN_ORDER},
        {OP_SWITCH, AT_AP, IN_ORDER}, {OP_STOP, AT_SOURCE, AFTER(OP_SWITCH)}),
};

static const struct strategy layered_overlapped = {
    .name = "layered",
    .help = "layered with its stages side by side",
    .migrates = true,
    .overlaps = true,
    STAGES(
        {OP_SEND_LIST, AT_SOURCE, AT_ONCE}, {OP_RECEIVE_LIST, AT_TARGET, AT_ONCE},
        {OP_SEND_CHOICE, AT_TARGET, AFTER(OP_RECEIVE_LIST)}, {OP_FREEZE, AT_SOURCE, AT_ONCE},
        {OP_TAKE_LAYER, AT_SOURCE, AFTER(OP_FREEZE)}, {OP_DUMP, AT_SOURCE, AFTER(OP_FREEZE)},
        {OP_THAW, AT_SOURCE, AFTER(OP_TAKE_LAYER) | AFTER(OP_DUMP)}, {OP_RECEIVE_CHOICE, AT_SOURCE, AT_ONCE},
        {OP_SEND_LAYER, AT_SOURCE, AFTER(OP_TAKE_LAYER)}, {OP_SEND_MEMORY, AT_SOURCE, AFTER(OP_FREEZE)},
        {OP_SEND_BASE, AT_SOURCE, AFTER(OP_RECEIVE_CHOICE) | AFTER(OP_FREEZE)},
        {OP_RECEIVE_LAYER, AT_TARGET, AT_ONCE}, {OP_RECEIVE_MEMORY, AT_TARGET, AT_ONCE},
        {OP_LOAD_BASE, AT_TARGET, AFTER(OP_SEND_CHOICE)}, {OP_CREATE, AT_TARGET, AFTER(OP_LOAD_BASE)},
        {OP_PUT_LAYER, AT_TARGET, AFTER(OP_CREATE) | AFTER(OP_RECEIVE_LAYER)},
        {OP_RESTORE, AT_TARGET, AFTER(OP_PUT_LAYER) | AFTER(OP_RECEIVE_MEMORY)}, {OP_REPLAY, AT_AP, IN_ORDER},
        {OP_SWITCH, AT_AP, IN_ORDER}, {OP_STOP, AT_SOURCE, AFTER(OP_SWITCH)}),
};

static const struct strategy pre_copy_overlapped = {
    .name = "pre-copy",
    .help = "pre-copy with its stages side by side from the cut on",
    .migrates = true,
    .needs_base = true,
    .overlaps = true,
    STAGES({OP_SEED, AT_SOURCE, AT_ONCE}, {OP_SEND_SEED, AT_SOURCE, AFTER(OP_SEED)},
           {OP_FREEZE, AT_SOURCE, AFTER(OP_SEND_SEED)}, {OP_TAKE_LAYER, AT_SOURCE, AFTER(OP_FREEZE)},
           {OP_DUMP, AT_SOURCE, AFTER(OP_FREEZE)}, {OP_THAW, AT_SOURCE, AFTER(OP_TAKE_LAYER) | AFTER(OP_DUMP)},
           {OP_DIFF, AT_SOURCE, AFTER(OP_TAKE_LAYER) | AFTER(OP_DUMP)}, {OP_SEND_CHANGES, AT_SOURCE, AFTER(OP_DIFF)},
           {OP_CREATE, AT_TARGET, AT_ONCE}, {OP_RECEIVE_CHANGES, AT_TARGET, AT_ONCE},
           {OP_MERGE, AT_TARGET, AFTER(OP_RECEIVE_CHANGES)},
           {OP_PUT_LAYER, AT_TARGET, AFTER(OP_CREATE) | AFTER(OP_MERGE)},
           {OP_RESTORE, AT_TARGET, AFTER(OP_PUT_LAYER)}, {OP_REPLAY, AT_AP, IN_ORDER},
           {OP_SWITCH, AT_AP, IN_ORDER}, {OP_STOP, AT_SOURCE, AFTER(OP_SWITCH)}),
};

/* The container stands still until it runs at the target: what can be done there before the state has come is done meanwhile. */
static const struct strategy post_copy_overlapped = {
    .name = "post-copy",
    .help = "post-copy with its stages side by side",
    .migrates = true,
    .gives_up = ALWAYS_LIVE | SOURCE_SURVIVES,
    .needs_base = true,
    .overlaps = true,
    STAGES({OP_FREEZE, AT_SOURCE, AT_ONCE}, {OP_TAKE_LAYER, AT_SOURCE, AFTER(OP_FREEZE)},
           {OP_DUMP_STATE, AT_SOURCE, AFTER(OP_FREEZE)}, {OP_SERVE_PAGES, AT_SOURCE, AFTER(OP_DUMP_STATE)},
           {OP_SEND_LAYER, AT_SOURCE, AFTER(OP_TAKE_LAYER)}, {OP_SEND_STATE, AT_SOURCE, AFTER(OP_DUMP_STATE)},
           {OP_CREATE, AT_TARGET, AT_ONCE}, {OP_RECEIVE_LAYER, AT_TARGET, AT_ONCE}, {OP_RECEIVE_STATE, AT_TARGET, AT_ONCE},
           {OP_PUT_LAYER, AT_TARGET, AFTER(OP_CREATE) | AFTER(OP_RECEIVE_LAYER)},
           {OP_RESTORE_STATE, AT_TARGET, AFTER(OP_PUT_LAYER) | AFTER(OP_RECEIVE_STATE)},
           {OP_FETCH_PAGES, AT_TARGET, AFTER(OP_RESTORE_STATE)}, {OP_SWITCH, AT_AP, AFTER(OP_RESTORE_STATE)},
           {OP_STOP, AT_SOURCE, AFTER(OP_SWITCH) | AFTER(OP_SERVE_PAGES)}),
};

static const struct strategy hybrid_copy_overlapped = {
    .name = "hybrid-copy",
    .help = "hybrid-copy with its stages side by side from the cut on",
    .migrates = true,
    .gives_up = ALWAYS_LIVE | SOURCE_SURVIVES,
    .needs_base = true,
    .overlaps = true,
    STAGES({OP_SEED, AT_SOURCE, AT_ONCE}, {OP_SEND_SEED, AT_SOURCE, AFTER(OP_SEED)},
           {OP_FREEZE, AT_SOURCE, AFTER(OP_SEND_SEED)}, {OP_TAKE_LAYER, AT_SOURCE, AFTER(OP_FREEZE)},
           {OP_DUMP_STATE, AT_SOURCE, AFTER(OP_FREEZE)}, {OP_SERVE_PAGES, AT_SOURCE, AFTER(OP_DUMP_STATE)},
           {OP_DIFF, AT_SOURCE, AFTER(OP_TAKE_LAYER) | AFTER(OP_DUMP_STATE)},
           {OP_SEND_CHANGES, AT_SOURCE, AFTER(OP_DIFF)}, {OP_CREATE, AT_TARGET, AT_ONCE},
           {OP_RECEIVE_CHANGES, AT_TARGET, AT_ONCE}, {OP_MERGE, AT_TARGET, AFTER(OP_RECEIVE_CHANGES)},
           {OP_PUT_LAYER, AT_TARGET, AFTER(OP_CREATE) | AFTER(OP_MERGE)},
           {OP_RESTORE_STATE, AT_TARGET, AFTER(OP_PUT_LAYER)},
           {OP_FETCH_PAGES, AT_TARGET, AFTER(OP_RESTORE_STATE)}, {OP_SWITCH, AT_AP, AFTER(OP_RESTORE_STATE)},
           {OP_STOP, AT_SOURCE, AFTER(OP_SWITCH) | AFTER(OP_SERVE_PAGES)}),
};

static const struct strategy log_replay_from_snapshot_overlapped = {
    .name = "log-replay",
    .help = "log-replay from a snapshot with its stages side by side",
    .migrates = true,
    .needs_base = true,
    .overlaps = true,
    STAGES({OP_TAKE_LOG, AT_SOURCE, AT_ONCE}, {OP_TAKE_SNAPSHOT, AT_SOURCE, AT_ONCE},
           {OP_SEND_LAYER, AT_SOURCE, AFTER(OP_TAKE_SNAPSHOT)}, {OP_SEND_MEMORY, AT_SOURCE, AFTER(OP_TAKE_SNAPSHOT)},
           {OP_SEND_LOG, AT_SOURCE, AFTER(OP_TAKE_LOG)}, {OP_RECEIVE_LAYER, AT_TARGET, AT_ONCE},
           {OP_RECEIVE_MEMORY, AT_TARGET, AT_ONCE}, {OP_RECEIVE_LOG, AT_TARGET, AT_ONCE},
           {OP_CREATE, AT_TARGET, AFTER(OP_RECEIVE_LAYER)},
           {OP_RESTORE, AT_TARGET, AFTER(OP_CREATE) | AFTER(OP_RECEIVE_MEMORY)},
           {OP_REPLAY_LOG, AT_TARGET, AFTER(OP_RESTORE) | AFTER(OP_RECEIVE_LOG)}, {OP_REPLAY, AT_AP, IN_ORDER},
           {OP_SWITCH, AT_AP, IN_ORDER}, {OP_STOP, AT_SOURCE, AFTER(OP_SWITCH)}),
};

static const struct strategy log_replay_from_snapshot = {
    .name = "log-replay",
    .help = "log-replay from a snapshot: only what was executed since is executed again",
    .migrates = true,
    .needs_base = true,
    STAGES({OP_TAKE_LOG, AT_SOURCE, IN_ORDER}, {OP_TAKE_SNAPSHOT, AT_SOURCE, IN_ORDER},
           {OP_SEND_MEMORY, AT_SOURCE, IN_ORDER}, {OP_SEND_LAYER, AT_SOURCE, IN_ORDER},
           {OP_SEND_LOG, AT_SOURCE, IN_ORDER}, {OP_CREATE, AT_TARGET, IN_ORDER}, {OP_RESTORE, AT_TARGET, IN_ORDER},
           {OP_REPLAY_LOG, AT_TARGET, IN_ORDER}, {OP_REPLAY, AT_AP, IN_ORDER}, {OP_SWITCH, AT_AP, IN_ORDER},
           {OP_STOP, AT_SOURCE, IN_ORDER}),
};

static const struct strategy log_replay_overlapped = {
    .name = "log-replay",
    .help = "log-replay with its stages side by side",
    .migrates = true,
    .needs_base = true,
    .overlaps = true,
    .from_snapshot = &log_replay_from_snapshot_overlapped,
    STAGES({OP_TAKE_LOG, AT_SOURCE, AT_ONCE}, {OP_SEND_LOG, AT_SOURCE, AFTER(OP_TAKE_LOG)},
           {OP_START, AT_TARGET, AT_ONCE}, {OP_RECEIVE_LOG, AT_TARGET, AT_ONCE},
           {OP_REPLAY_LOG, AT_TARGET, AFTER(OP_START) | AFTER(OP_RECEIVE_LOG)}, {OP_REPLAY, AT_AP, IN_ORDER},
           {OP_SWITCH, AT_AP, IN_ORDER}, {OP_STOP, AT_SOURCE, AFTER(OP_SWITCH)}),
};

static const struct strategy strategies[] = {
    {
        .name = "p-migr",
        .help =
            "partial migration (Kim22): memory and container layer; the base image is at the target already",
        .migrates = true,
        .needs_base = true,
        .overlapped = &p_migr_overlapped,
        STAGES({OP_FREEZE, AT_SOURCE, IN_ORDER}, {OP_DUMP, AT_SOURCE, IN_ORDER},
               {OP_TAKE_LAYER, AT_SOURCE, IN_ORDER}, {OP_THAW, AT_SOURCE, IN_ORDER},
               {OP_SEND_MEMORY, AT_SOURCE, IN_ORDER}, {OP_SEND_LAYER, AT_SOURCE, IN_ORDER},
               {OP_CREATE, AT_TARGET, IN_ORDER}, {OP_RESTORE, AT_TARGET, IN_ORDER},
               {OP_REPLAY, AT_AP, IN_ORDER}, {OP_SWITCH, AT_AP, IN_ORDER}, {OP_STOP, AT_SOURCE, IN_ORDER}),
    },
    {
        .name = "c-migr",
        .help =
            "complete migration (Kim22): memory and the whole container as an image, base layers included",
        .migrates = true,
        .overlapped = &c_migr_overlapped,
        STAGES({OP_FREEZE, AT_SOURCE, IN_ORDER}, {OP_DUMP, AT_SOURCE, IN_ORDER},
               {OP_COMMIT, AT_SOURCE, IN_ORDER}, {OP_THAW, AT_SOURCE, IN_ORDER},
               {OP_SEND_MEMORY, AT_SOURCE, IN_ORDER}, {OP_SAVE, AT_SOURCE, IN_ORDER},
               {OP_SEND_IMAGE, AT_SOURCE, IN_ORDER}, {OP_LOAD, AT_TARGET, IN_ORDER},
               {OP_CREATE, AT_TARGET, IN_ORDER}, {OP_RESTORE, AT_TARGET, IN_ORDER},
               {OP_REPLAY, AT_AP, IN_ORDER}, {OP_SWITCH, AT_AP, IN_ORDER}, {OP_STOP, AT_SOURCE, IN_ORDER}),
    },
    {
        .name = "layered",
        .help = "layered storage (Ma19): memory, container layer, and of the base only the layers that the target lacks",
        .migrates = true,
        .overlaps = true,
        .overlapped = &layered_overlapped,
        STAGES({OP_FREEZE, AT_SOURCE, AT_ONCE}, {OP_DUMP, AT_SOURCE, AFTER(OP_FREEZE)},
               {OP_TAKE_LAYER, AT_SOURCE, AFTER(OP_DUMP)}, {OP_THAW, AT_SOURCE, AFTER(OP_TAKE_LAYER)},
               {OP_SEND_LIST, AT_SOURCE, AFTER(OP_THAW)}, {OP_RECEIVE_LIST, AT_TARGET, AT_ONCE},
               {OP_SEND_CHOICE, AT_TARGET, AFTER(OP_RECEIVE_LIST)},
               {OP_RECEIVE_CHOICE, AT_SOURCE, AFTER(OP_SEND_LIST)},
               {OP_SEND_BASE, AT_SOURCE, AFTER(OP_RECEIVE_CHOICE)},
               {OP_LOAD_BASE, AT_TARGET, AFTER(OP_SEND_CHOICE)},
               {OP_SEND_MEMORY, AT_SOURCE, AFTER(OP_SEND_BASE)},
               {OP_SEND_LAYER, AT_SOURCE, AFTER(OP_SEND_MEMORY)}, {OP_RECEIVE_MEMORY, AT_TARGET, AT_ONCE},
               {OP_RECEIVE_LAYER, AT_TARGET, AT_ONCE}, {OP_CREATE, AT_TARGET, AFTER(OP_LOAD_BASE)},
               {OP_PUT_LAYER, AT_TARGET, AFTER(OP_CREATE) | AFTER(OP_RECEIVE_LAYER)},
               {OP_RESTORE, AT_TARGET, AFTER(OP_PUT_LAYER) | AFTER(OP_RECEIVE_MEMORY)}, {OP_REPLAY, AT_AP, IN_ORDER},
               {OP_SWITCH, AT_AP, IN_ORDER}, {OP_STOP, AT_SOURCE, AFTER(OP_SWITCH)}),
    },
    {
        .name = "cold",
        .help = "stop, move, start: the baseline with downtime",
        .migrates = true,
        .gives_up = ALWAYS_LIVE,
        .needs_base = true,
        STAGES({OP_FREEZE, AT_SOURCE, IN_ORDER}, {OP_DUMP, AT_SOURCE, IN_ORDER},
               {OP_TAKE_LAYER, AT_SOURCE, IN_ORDER}, {OP_HALT, AT_SOURCE, IN_ORDER},
               {OP_SEND_MEMORY, AT_SOURCE, IN_ORDER}, {OP_SEND_LAYER, AT_SOURCE, IN_ORDER},
               {OP_CREATE, AT_TARGET, IN_ORDER}, {OP_RESTORE, AT_TARGET, IN_ORDER},
               {OP_SWITCH, AT_AP, IN_ORDER}, {OP_STOP, AT_SOURCE, IN_ORDER}),
    },
    {
        .name = "pre-copy",
        .help = "memory and layer early, while the container serves; after the freeze only the pages that have changed",
        .migrates = true,
        .needs_base = true,
        .overlapped = &pre_copy_overlapped,
        STAGES({OP_SEED, AT_SOURCE, IN_ORDER}, {OP_SEND_SEED, AT_SOURCE, IN_ORDER}, {OP_FREEZE, AT_SOURCE, IN_ORDER},
               {OP_DUMP, AT_SOURCE, IN_ORDER}, {OP_TAKE_LAYER, AT_SOURCE, IN_ORDER}, {OP_THAW, AT_SOURCE, IN_ORDER},
               {OP_DIFF, AT_SOURCE, IN_ORDER}, {OP_SEND_CHANGES, AT_SOURCE, IN_ORDER}, {OP_MERGE, AT_TARGET, IN_ORDER},
               {OP_CREATE, AT_TARGET, IN_ORDER}, {OP_RESTORE, AT_TARGET, IN_ORDER}, {OP_REPLAY, AT_AP, IN_ORDER},
               {OP_SWITCH, AT_AP, IN_ORDER}, {OP_STOP, AT_SOURCE, IN_ORDER}),
    },
    {
        .name = "post-copy",
        .help = "the container runs at the target at once; its memory follows page by page, what it touches first (lazy pages)",
        .migrates = true,
        .gives_up = ALWAYS_LIVE | SOURCE_SURVIVES,
        .needs_base = true,
        .overlapped = &post_copy_overlapped,
        STAGES({OP_FREEZE, AT_SOURCE, AT_ONCE}, {OP_DUMP_STATE, AT_SOURCE, AFTER(OP_FREEZE)},
               {OP_TAKE_LAYER, AT_SOURCE, AFTER(OP_DUMP_STATE)}, {OP_SERVE_PAGES, AT_SOURCE, AFTER(OP_DUMP_STATE)},
               {OP_SEND_STATE, AT_SOURCE, AFTER(OP_TAKE_LAYER)}, {OP_SEND_LAYER, AT_SOURCE, AFTER(OP_SEND_STATE)},
               {OP_CREATE, AT_TARGET, AT_ONCE}, {OP_RESTORE_STATE, AT_TARGET, AFTER(OP_CREATE)},
               {OP_FETCH_PAGES, AT_TARGET, AFTER(OP_RESTORE_STATE)}, {OP_SWITCH, AT_AP, AFTER(OP_RESTORE_STATE)},
               {OP_STOP, AT_SOURCE, AFTER(OP_SWITCH) | AFTER(OP_SERVE_PAGES)}),
    },
    {
        .name = "hybrid-copy",
        .help = "pre-copy's seed first; after the freeze, of the pages that have changed the layer's at once and memory's lazily",
        .migrates = true,
        .gives_up = ALWAYS_LIVE | SOURCE_SURVIVES,
        .needs_base = true,
        .overlapped = &hybrid_copy_overlapped,
        STAGES({OP_SEED, AT_SOURCE, AT_ONCE}, {OP_SEND_SEED, AT_SOURCE, AFTER(OP_SEED)},
               {OP_FREEZE, AT_SOURCE, AFTER(OP_SEND_SEED)}, {OP_DUMP_STATE, AT_SOURCE, AFTER(OP_FREEZE)},
               {OP_TAKE_LAYER, AT_SOURCE, AFTER(OP_DUMP_STATE)}, {OP_SERVE_PAGES, AT_SOURCE, AFTER(OP_DUMP_STATE)},
               {OP_DIFF, AT_SOURCE, AFTER(OP_TAKE_LAYER)}, {OP_SEND_CHANGES, AT_SOURCE, AFTER(OP_DIFF)},
               {OP_MERGE, AT_TARGET, AT_ONCE}, {OP_CREATE, AT_TARGET, AFTER(OP_MERGE)},
               {OP_RESTORE_STATE, AT_TARGET, AFTER(OP_CREATE)},
               {OP_FETCH_PAGES, AT_TARGET, AFTER(OP_RESTORE_STATE)}, {OP_SWITCH, AT_AP, AFTER(OP_RESTORE_STATE)},
               {OP_STOP, AT_SOURCE, AFTER(OP_SWITCH) | AFTER(OP_SERVE_PAGES)}),
    },
    {
        .name = "log-replay",
        .help = "no state: a fresh container at the target executes all requests again, from the log of them (Kim22's future work)",
        .migrates = true,
        .needs_base = true,
        .overlapped = &log_replay_overlapped,
        .from_snapshot = &log_replay_from_snapshot,
        STAGES({OP_TAKE_LOG, AT_SOURCE, IN_ORDER}, {OP_SEND_LOG, AT_SOURCE, IN_ORDER}, {OP_START, AT_TARGET, IN_ORDER},
               {OP_REPLAY_LOG, AT_TARGET, IN_ORDER}, {OP_REPLAY, AT_AP, IN_ORDER}, {OP_SWITCH, AT_AP, IN_ORDER},
               {OP_STOP, AT_SOURCE, IN_ORDER}),
    },
    {
        .name = "stateless",
        .help = "a fresh container at the target, nothing moves: for services that keep nothing between requests",
        .migrates = true,
        .gives_up = STATE_MIGRATES,
        .needs_base = true,
        STAGES({OP_START, AT_TARGET, IN_ORDER}, {OP_SWITCH, AT_AP, IN_ORDER}, {OP_STOP, AT_SOURCE, IN_ORDER}),
    },
    {
        .name = "image-copy",
        .help = "commit, save, send, load and run, without a checkpoint (Byeon21): files arrive, what was in memory begins anew",
        .migrates = true,
        .gives_up = STATE_MIGRATES,
        STAGES({OP_COMMIT, AT_SOURCE, IN_ORDER}, {OP_SAVE, AT_SOURCE, IN_ORDER}, {OP_SEND_IMAGE, AT_SOURCE, IN_ORDER},
               {OP_LOAD, AT_TARGET, IN_ORDER}, {OP_START, AT_TARGET, IN_ORDER}, {OP_SWITCH, AT_AP, IN_ORDER},
               {OP_STOP, AT_SOURCE, IN_ORDER}),
    },
    {
        .name = "none",
        .help = "no migration: requests are forwarded to where the container started, for ever",
    },
};

const struct strategy *strategy_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(strategies); i++)
        if (!strcmp(strategies[i].name, name))
            return &strategies[i];
    return NULL;
}

const struct strategy *strategy_at(int i)
{
    return i >= 0 && (size_t)i < ARRAY_LEN(strategies) ? &strategies[i] : NULL;
}
