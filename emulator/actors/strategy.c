#include "strategy.h"
#include "mem.h"

#include <string.h>

static const char *const operation_names[OPERATIONS] = {
    [OP_START] = "start",
    [OP_FREEZE] = "freeze",
    [OP_DUMP] = "dump",
    [OP_TAKE_LAYER] = "take layer",
    [OP_COMMIT] = "commit",
    [OP_THAW] = "thaw",
    [OP_HALT] = "halt",
    [OP_SAVE] = "save",
    [OP_SEND_MEMORY] = "send memory",
    [OP_SEND_LAYER] = "send layer",
    [OP_SEND_IMAGE] = "send image",
    [OP_LOAD] = "load",
    [OP_CREATE] = "create",
    [OP_RESTORE] = "restore",
    [OP_REPLAY] = "replay",
    [OP_SWITCH] = "switch",
    [OP_STOP] = "stop",
    [OP_DISCARD] = "discard",
    [OP_REVIVE] = "revive",
};

#define STAGES(...) .stages = {__VA_ARGS__}, .stage_count = ARRAY_LEN(((struct stage[]){__VA_ARGS__}))

static const struct strategy strategies[] = {
    {
        .name = "p-migr",
        .help = "partial migration (Kim22): memory and container layer; the base image is at the target already",
        .migrates = true,
        .always_live = true,
        .needs_base = true,
        STAGES({OP_FREEZE, AT_SOURCE}, {OP_DUMP, AT_SOURCE}, {OP_TAKE_LAYER, AT_SOURCE}, {OP_THAW, AT_SOURCE},
               {OP_SEND_MEMORY, AT_SOURCE}, {OP_SEND_LAYER, AT_SOURCE}, {OP_CREATE, AT_TARGET},
               {OP_RESTORE, AT_TARGET}, {OP_REPLAY, AT_AP}, {OP_SWITCH, AT_AP}, {OP_STOP, AT_SOURCE}),
    },
    {
        .name = "c-migr",
        .help = "complete migration (Kim22): memory and the whole container as an image, base layers included",
        .migrates = true,
        .always_live = true,
        STAGES({OP_FREEZE, AT_SOURCE}, {OP_DUMP, AT_SOURCE}, {OP_COMMIT, AT_SOURCE}, {OP_THAW, AT_SOURCE},
               {OP_SEND_MEMORY, AT_SOURCE}, {OP_SAVE, AT_SOURCE}, {OP_SEND_IMAGE, AT_SOURCE}, {OP_LOAD, AT_TARGET},
               {OP_CREATE, AT_TARGET}, {OP_RESTORE, AT_TARGET}, {OP_REPLAY, AT_AP}, {OP_SWITCH, AT_AP},
               {OP_STOP, AT_SOURCE}),
    },
    {
        .name = "cold",
        .help = "stop, move, start: the baseline with downtime; gives up that a container is always live",
        .migrates = true,
        .needs_base = true,
        STAGES({OP_FREEZE, AT_SOURCE}, {OP_DUMP, AT_SOURCE}, {OP_TAKE_LAYER, AT_SOURCE}, {OP_HALT, AT_SOURCE},
               {OP_SEND_MEMORY, AT_SOURCE}, {OP_SEND_LAYER, AT_SOURCE}, {OP_CREATE, AT_TARGET},
               {OP_RESTORE, AT_TARGET}, {OP_SWITCH, AT_AP}, {OP_STOP, AT_SOURCE}),
    },
    {
        .name = "none",
        .help = "no migration: requests are forwarded to where the container started, for ever",
        .always_live = true,
    },
};

const char *operation_name(enum operation operation)
{
    return operation_names[operation];
}

enum operation operation_of(const char *name)
{
    for (int i = 0; i < OPERATIONS; i++)
        if (!strcmp(operation_names[i], name))
            return (enum operation)i;
    return OPERATIONS;
}

bool operation_is_transfer(enum operation operation)
{
    return operation == OP_SEND_MEMORY || operation == OP_SEND_LAYER || operation == OP_SEND_IMAGE;
}

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

bool strategy_has(const struct strategy *strategy, enum operation operation)
{
    for (int i = 0; i < strategy->stage_count; i++)
        if (strategy->stages[i].operation == operation)
            return true;
    return false;
}
