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
    [OP_RECEIVE_MEMORY] = "receive memory",
    [OP_RECEIVE_LAYER] = "receive layer",
    [OP_RECEIVE_IMAGE] = "receive image",
    [OP_LOAD] = "load",
    [OP_CREATE] = "create",
    [OP_PUT_LAYER] = "put layer",
    [OP_RESTORE] = "restore",
    [OP_REPLAY] = "replay",
    [OP_SWITCH] = "switch",
    [OP_STOP] = "stop",
    [OP_DISCARD] = "discard",
    [OP_REVIVE] = "revive",
};

#define STAGES(...) .stages = {__VA_ARGS__}, .stage_count = ARRAY_LEN(((struct stage[]){__VA_ARGS__}))

/* The layer goes first, because it is taken while the memory is still being dumped; the container is created meanwhile. */
static const struct strategy p_migr_overlapped = {
    .name = "p-migr",
    .help = "p-migr with its stages side by side",
    .migrates = true,
    .always_live = true,
    .needs_base = true,
    .overlaps = true,
    STAGES({OP_FREEZE, AT_SOURCE, AT_ONCE}, {OP_TAKE_LAYER, AT_SOURCE, AFTER(OP_FREEZE)},
           {OP_DUMP, AT_SOURCE, AFTER(OP_FREEZE)}, {OP_THAW, AT_SOURCE, AFTER(OP_TAKE_LAYER) | AFTER(OP_DUMP)},
           {OP_SEND_LAYER, AT_SOURCE, AFTER(OP_TAKE_LAYER)}, {OP_SEND_MEMORY, AT_SOURCE, AFTER(OP_DUMP)},
           {OP_CREATE, AT_TARGET, AT_ONCE}, {OP_RECEIVE_LAYER, AT_TARGET, AT_ONCE},
           {OP_RECEIVE_MEMORY, AT_TARGET, AT_ONCE},
           {OP_PUT_LAYER, AT_TARGET, AFTER(OP_CREATE) | AFTER(OP_RECEIVE_LAYER)},
           {OP_RESTORE, AT_TARGET, AFTER(OP_PUT_LAYER) | AFTER(OP_RECEIVE_MEMORY)}, {OP_REPLAY, AT_AP, IN_ORDER},
           {OP_SWITCH, AT_AP, IN_ORDER}, {OP_STOP, AT_SOURCE, AFTER(OP_SWITCH)}),
};

static const struct strategy c_migr_overlapped = {
    .name = "c-migr",
    .help = "c-migr with its stages side by side",
    .migrates = true,
    .always_live = true,
    .overlaps = true,
    STAGES({OP_FREEZE, AT_SOURCE, AT_ONCE}, {OP_COMMIT, AT_SOURCE, AFTER(OP_FREEZE)},
           {OP_DUMP, AT_SOURCE, AFTER(OP_FREEZE)}, {OP_THAW, AT_SOURCE, AFTER(OP_COMMIT) | AFTER(OP_DUMP)},
           {OP_SAVE, AT_SOURCE, AFTER(OP_COMMIT)}, {OP_SEND_MEMORY, AT_SOURCE, AFTER(OP_DUMP)},
           {OP_SEND_IMAGE, AT_SOURCE, AFTER(OP_SAVE)}, {OP_RECEIVE_IMAGE, AT_TARGET, AT_ONCE},
           {OP_RECEIVE_MEMORY, AT_TARGET, AT_ONCE}, {OP_LOAD, AT_TARGET, AFTER(OP_RECEIVE_IMAGE)},
           {OP_CREATE, AT_TARGET, AFTER(OP_LOAD)},
           {OP_RESTORE, AT_TARGET, AFTER(OP_CREATE) | AFTER(OP_RECEIVE_MEMORY)}, {OP_REPLAY, AT_AP, IN_ORDER},
           {OP_SWITCH, AT_AP, IN_ORDER}, {OP_STOP, AT_SOURCE, AFTER(OP_SWITCH)}),
};

static const struct strategy strategies[] = {
    {
        .name = "p-migr",
        .help = "partial migration (Kim22): memory and container layer; the base image is at the target already",
        .migrates = true,
        .always_live = true,
        .needs_base = true,
        .overlapped = &p_migr_overlapped,
        STAGES({OP_FREEZE, AT_SOURCE, IN_ORDER}, {OP_DUMP, AT_SOURCE, IN_ORDER}, {OP_TAKE_LAYER, AT_SOURCE, IN_ORDER}, {OP_THAW, AT_SOURCE, IN_ORDER},
               {OP_SEND_MEMORY, AT_SOURCE, IN_ORDER}, {OP_SEND_LAYER, AT_SOURCE, IN_ORDER}, {OP_CREATE, AT_TARGET, IN_ORDER},
               {OP_RESTORE, AT_TARGET, IN_ORDER}, {OP_REPLAY, AT_AP, IN_ORDER}, {OP_SWITCH, AT_AP, IN_ORDER}, {OP_STOP, AT_SOURCE, IN_ORDER}),
    },
    {
        .name = "c-migr",
        .help = "complete migration (Kim22): memory and the whole container as an image, base layers included",
        .migrates = true,
        .always_live = true,
        .overlapped = &c_migr_overlapped,
        STAGES({OP_FREEZE, AT_SOURCE, IN_ORDER}, {OP_DUMP, AT_SOURCE, IN_ORDER}, {OP_COMMIT, AT_SOURCE, IN_ORDER}, {OP_THAW, AT_SOURCE, IN_ORDER},
               {OP_SEND_MEMORY, AT_SOURCE, IN_ORDER}, {OP_SAVE, AT_SOURCE, IN_ORDER}, {OP_SEND_IMAGE, AT_SOURCE, IN_ORDER}, {OP_LOAD, AT_TARGET, IN_ORDER},
               {OP_CREATE, AT_TARGET, IN_ORDER}, {OP_RESTORE, AT_TARGET, IN_ORDER}, {OP_REPLAY, AT_AP, IN_ORDER}, {OP_SWITCH, AT_AP, IN_ORDER},
               {OP_STOP, AT_SOURCE, IN_ORDER}),
    },
    {
        .name = "cold",
        .help = "stop, move, start: the baseline with downtime; gives up that a container is always live",
        .migrates = true,
        .needs_base = true,
        STAGES({OP_FREEZE, AT_SOURCE, IN_ORDER}, {OP_DUMP, AT_SOURCE, IN_ORDER}, {OP_TAKE_LAYER, AT_SOURCE, IN_ORDER}, {OP_HALT, AT_SOURCE, IN_ORDER},
               {OP_SEND_MEMORY, AT_SOURCE, IN_ORDER}, {OP_SEND_LAYER, AT_SOURCE, IN_ORDER}, {OP_CREATE, AT_TARGET, IN_ORDER},
               {OP_RESTORE, AT_TARGET, IN_ORDER}, {OP_SWITCH, AT_AP, IN_ORDER}, {OP_STOP, AT_SOURCE, IN_ORDER}),
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

enum operation operation_received(enum operation operation)
{
    switch (operation) {
    case OP_RECEIVE_MEMORY:
        return OP_SEND_MEMORY;
    case OP_RECEIVE_LAYER:
        return OP_SEND_LAYER;
    case OP_RECEIVE_IMAGE:
        return OP_SEND_IMAGE;
    default:
        return OPERATIONS;
    }
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

/* An operation that is none of the strategy's stages never ends. */
static bool may_begin(const struct strategy *strategy, int i, uint32_t ended)
{
    uint32_t after = strategy->stages[i].after & ~AT_ONCE;
    uint32_t earlier = (1U << i) - 1;
    if (strategy->stages[i].after == IN_ORDER)
        return (ended & earlier) == earlier;
    for (int j = 0; j < strategy->stage_count; j++)
        if (ended & 1U << j)
            after &= ~AFTER(strategy->stages[j].operation);
    return after == 0;
}

int strategy_next(const struct strategy *strategy, enum place place, uint32_t begun, uint32_t ended)
{
    for (int i = 0; i < strategy->stage_count; i++)
        if (strategy->stages[i].place == place && !(begun & 1U << i) && may_begin(strategy, i, ended))
            return i;
    return -1;
}
