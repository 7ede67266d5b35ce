/* The stages that a volume adds to a strategy's. It is taken with the container layer or the commit, so that memory, layer and volume are of one
 * instant; what reads it at the target begins behind it. */
#include "strategy.h"

static int place_of(const struct strategy *s, enum operation operation)
{
    for (int i = 0; i < s->stage_count; i++)
        if (s->stages[i].operation == operation)
            return i;
    return -1;
}

static void insert(struct strategy *s, int at, struct stage stage)
{
    for (int i = s->stage_count++; i > at; i--)
        s->stages[i] = s->stages[i - 1];
    s->stages[at] = stage;
}

static void wait_for(struct strategy *s, enum operation operation, enum operation earlier)
{
    int i = place_of(s, operation);
    if (i >= 0 && s->stages[i].after != IN_ORDER)
        s->stages[i].after = (s->stages[i].after & ~AT_ONCE) | AFTER(earlier);
}

static int first_at_target(const struct strategy *s)
{
    int i = 0;
    while (s->stages[i].place != AT_TARGET)
        i++;
    return i;
}

/* With the layer, or behind the commit. */
static bool take_with_the_layer(struct strategy *s)
{
    int i = place_of(s, strategy_has(s, OP_TAKE_LAYER) ? OP_TAKE_LAYER : OP_COMMIT);
    if (i < 0)
        return false;
    insert(s, i + 1, (struct stage){OP_TAKE_VOLUME, AT_SOURCE, s->stages[i].after});
    wait_for(s, OP_THAW, OP_TAKE_VOLUME);
    wait_for(s, OP_HALT, OP_TAKE_VOLUME);
    return true;
}

/* Behind all else that the source sends. */
static void send_last(struct strategy *s, enum operation operation)
{
    int last = 0;
    for (int i = 0; i < s->stage_count; i++)
        if (s->stages[i].place == AT_SOURCE && operation_is_transfer(s->stages[i].operation))
            last = i;
    bool in_order = s->stages[last].after == IN_ORDER;
    insert(s, last + 1,
           (struct stage){operation, AT_SOURCE,
                          in_order ? IN_ORDER : AFTER(OP_TAKE_VOLUME) | AFTER(s->stages[last].operation)});
}

static enum operation last_to_begin(const struct strategy *s)
{
    return strategy_has(s, OP_RESTORE) ? OP_RESTORE : strategy_is_lazy(s) ? OP_RESTORE_STATE : OP_START;
}

static void add_early(struct strategy *s)
{
    bool in_order = s->stages[0].after == IN_ORDER;
    send_last(s, OP_SEND_FILES);
    insert(s, 0, (struct stage){OP_COPY_VOLUME, AT_SOURCE, in_order ? IN_ORDER : AT_ONCE});
    insert(s, 1, (struct stage){OP_SEND_VOLUME, AT_SOURCE, in_order ? IN_ORDER : AFTER(OP_COPY_VOLUME)});
    wait_for(s, OP_FREEZE, OP_SEND_VOLUME);
    if (s->overlaps)
        insert(s, first_at_target(s), (struct stage){OP_RECEIVE_FILES, AT_TARGET, AT_ONCE});
    insert(s, place_of(s, last_to_begin(s)),
           (struct stage){OP_PUT_VOLUME, AT_TARGET, s->overlaps ? AFTER(OP_RECEIVE_FILES) : IN_ORDER});
    wait_for(s, last_to_begin(s), OP_PUT_VOLUME);
}

static enum operation receiving(enum operation sending)
{
    int i = 0;
    while (i < OPERATIONS && operation_received((enum operation)i) != sending)
        i++;
    return (enum operation)i;
}

/* The target begins while the source still sends: what was in order names what it waits for. */
static void overlap(struct strategy *s)
{
    uint64_t received = 0;
    for (int i = s->stage_count - 1; i >= 0; i--)
        if (s->stages[i].after == IN_ORDER && s->stages[i].place != AT_AP)
            s->stages[i].after = i ? AFTER(s->stages[i - 1].operation) : AT_ONCE;
    int target = first_at_target(s);
    for (int i = 0; i < target; i++)
        if (operation_is_transfer(s->stages[i].operation) && s->stages[i].operation != OP_SEND_SEED)
            received |= AFTER(receiving(s->stages[i].operation));
    s->stages[target].after = received;
    for (int i = 0; i < OPERATIONS; i++)
        if (received & AFTER(i))
            insert(s, target, (struct stage){(enum operation)i, AT_TARGET, AT_ONCE});
    s->overlaps = true;
}

static void add_on_arrival(struct strategy *s)
{
    if (!s->overlaps)
        overlap(s);
    send_last(s, OP_SEND_VOLUME);
    insert(s, first_at_target(s), (struct stage){OP_RECEIVE_VOLUME, AT_TARGET, AT_ONCE});
    insert(s, place_of(s, last_to_begin(s)) + 1,
           (struct stage){OP_PUT_VOLUME, AT_TARGET, AFTER(OP_RECEIVE_VOLUME) | AFTER(last_to_begin(s))});
}

bool strategy_add_volume(const struct strategy *strategy, enum volume_when when, struct strategy *with)
{
    *with = *strategy;
    if (!take_with_the_layer(with))
        return false;
    if (when == VOLUME_EARLY)
        add_early(with);
    else
        add_on_arrival(with);
    return true;
}
