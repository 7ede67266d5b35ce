#include "strategy.h"
#include "mem.h"

#include <string.h>

static const char *const operation_names[OPERATIONS] = {
    [OP_START] = "start",
    [OP_SEED] = "seed",
    [OP_SEND_SEED] = "send seed",
    [OP_TAKE_LOG] = "take log",
    [OP_TAKE_SNAPSHOT] = "take snapshot",
    [OP_SEND_LOG] = "send log",
    [OP_COPY_VOLUME] = "copy volume",
    [OP_SEND_VOLUME] = "send volume",
    [OP_FREEZE] = "freeze",
    [OP_DUMP] = "dump",
    [OP_TAKE_LAYER] = "take layer",
    [OP_TAKE_VOLUME] = "take volume",
    [OP_COMMIT] = "commit",
    [OP_THAW] = "thaw",
    [OP_HALT] = "halt",
    [OP_SAVE] = "save",
    [OP_DIFF] = "diff",
    [OP_SEND_CHANGES] = "send changes",
    [OP_SEND_MEMORY] = "send memory",
    [OP_SEND_LAYER] = "send layer",
    [OP_SEND_IMAGE] = "send image",
    [OP_SEND_FILES] = "send files",
    [OP_SEND_BASE] = "send base",
    [OP_RECEIVE_MEMORY] = "receive memory",
    [OP_RECEIVE_LAYER] = "receive layer",
    [OP_RECEIVE_IMAGE] = "receive image",
    [OP_RECEIVE_CHANGES] = "receive changes",
    [OP_RECEIVE_LOG] = "receive log",
    [OP_RECEIVE_VOLUME] = "receive volume",
    [OP_RECEIVE_FILES] = "receive files",
    [OP_REPLAY_LOG] = "replay log",
    [OP_MERGE] = "merge",
    [OP_SEND_LIST] = "send list",
    [OP_RECEIVE_LIST] = "receive list",
    [OP_SEND_CHOICE] = "send choice",
    [OP_RECEIVE_CHOICE] = "receive choice",
    [OP_LOAD] = "load",
    [OP_LOAD_BASE] = "load base",
    [OP_CREATE] = "create",
    [OP_PUT_VOLUME] = "put volume",
    [OP_PUT_LAYER] = "put layer",
    [OP_RESTORE] = "restore",
    [OP_DUMP_STATE] = "dump state",
    [OP_SEND_STATE] = "send state",
    [OP_RECEIVE_STATE] = "receive state",
    [OP_RESTORE_STATE] = "restore state",
    [OP_SERVE_PAGES] = "serve pages",
    [OP_FETCH_PAGES] = "fetch pages",
    [OP_REPLAY] = "replay",
    [OP_SWITCH] = "switch",
    [OP_STOP] = "stop",
    [OP_DISCARD] = "discard",
    [OP_REVIVE] = "revive",
    [OP_PULL] = "pull",
    [OP_STORE] = "store",
    [OP_LOAD_LAYER] = "load layer",
    [OP_MEASURE] = "measure",
    [OP_SNAPSHOT] = "snapshot",
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

bool operation_is_ordered(enum operation operation)
{
    return operation != OP_REPLAY && operation != OP_SWITCH && operation != OP_STORE && operation != OP_LOAD_LAYER;
}

bool operation_is_transfer(enum operation operation)
{
    switch (operation) {
    case OP_SEND_SEED:
    case OP_SEND_CHANGES:
    case OP_SEND_LOG:
    case OP_SEND_MEMORY:
    case OP_SEND_LAYER:
    case OP_SEND_IMAGE:
    case OP_SEND_BASE:
    case OP_SEND_VOLUME:
    case OP_SEND_FILES:
    case OP_SEND_LIST:
    case OP_SEND_CHOICE:
    case OP_SEND_STATE:
    case OP_FETCH_PAGES:
        return true;
    default:
        return false;
    }
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
    case OP_RECEIVE_CHANGES:
        return OP_SEND_CHANGES;
    case OP_LOAD_BASE:
        return OP_SEND_BASE;
    case OP_RECEIVE_LIST:
        return OP_SEND_LIST;
    case OP_RECEIVE_CHOICE:
        return OP_SEND_CHOICE;
    case OP_RECEIVE_LOG:
        return OP_SEND_LOG;
    case OP_RECEIVE_VOLUME:
        return OP_SEND_VOLUME;
    case OP_RECEIVE_FILES:
        return OP_SEND_FILES;
    case OP_RECEIVE_STATE:
        return OP_SEND_STATE;
    case OP_SERVE_PAGES:
        return OP_FETCH_PAGES;
    default:
        return OPERATIONS;
    }
}

bool operation_is_of_pages(enum operation operation)
{
    return operation == OP_SERVE_PAGES || operation == OP_FETCH_PAGES;
}

bool strategy_has(const struct strategy *strategy, enum operation operation)
{
    for (int i = 0; i < strategy->stage_count; i++)
        if (strategy->stages[i].operation == operation)
            return true;
    return false;
}

bool strategy_is_lazy(const struct strategy *strategy)
{
    return strategy_has(strategy, OP_FETCH_PAGES);
}

bool strategy_dumps_again(const struct strategy *strategy)
{
    return strategy_has(strategy, OP_SEED) && strategy_has(strategy, OP_DUMP);
}

bool strategy_copies_ahead(const struct strategy *strategy)
{
    return strategy_has(strategy, OP_SEED) || strategy_has(strategy, OP_COPY_VOLUME);
}

bool strategy_source_serves(const struct strategy *strategy)
{
    return !strategy_has(strategy, OP_FREEZE) || strategy_has(strategy, OP_THAW);
}

/* An operation that is none of the strategy's stages never ends. */
static bool may_begin(const struct strategy *strategy, int i, uint32_t ended)
{
    uint64_t after = strategy->stages[i].after & ~AT_ONCE;
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
