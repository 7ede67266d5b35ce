/* What goes wrong in a scenario that is being drawn. */
#include "mem.h"
#include "msg.h"
#include "scenario_draft.h"
#include "scenario_key.h"

/* How far calendar clocks jump. */
enum { JUMP_S = 288 };

static void draw_span(struct draft *d)
{
    double from_s = draft_any_of(d, 0, d->calm_s - 0.02);
    buf_printf(d->out, "\"from_s\":%.3f,\"to_s\":%.3f", from_s, draft_any_of(d, from_s + 0.01, d->calm_s));
}

static bool writes_or_sends(enum operation operation)
{
    return operation == OP_DUMP || operation_is_transfer(operation);
}

static bool alters(enum fault_effect effect)
{
    return effect == FAULT_TRUNCATED || effect == FAULT_FLIPPED;
}

static void draw_fault_on(struct draft *d, enum fault_effect effect, const char *operation)
{
    buf_printf(d->out, "{\"effect\":\"%s\",\"operation\":\"%s\",\"times\":%d,", fault_effect_name(effect),
               operation, draft_from_to(d, 1, 3));
    if (draft_one_in(d, 2))
        buf_printf(d->out, "\"edge\":\"es%d\",", draft_from_to(d, 1, d->aps));
    draw_span(d);
    buf_printf(d->out, "}");
}

static void draw_operation_fault(struct draft *d)
{
    enum fault_effect effect = (enum fault_effect)draft_from_to(d, FAULT_FAILS, FAULT_FLIPPED);
    const char *operation;
    int count = 0;
    while (scenario_edge_operation_at(count))
        count++;
    do
        operation = scenario_edge_operation_at(draft_below(d, count));
    while (alters(effect) && !writes_or_sends(operation_of(operation)));
    draw_fault_on(d, effect, operation);
}

static void draw_message_fault(struct draft *d)
{
    buf_printf(d->out, "{\"effect\":\"%s\",\"share\":%.3f,\"delay_ms\":%.1f,",
               fault_effect_name(draft_from_to(d, FAULT_LOST, FAULT_DELAYED)), draft_any_size(d, 0.02, 0.9),
               draft_any_size(d, 1, 3000));
    if (draft_one_in(d, 4))
        buf_printf(d->out, "\"message\":\"%s\",", msg_kind_name(draft_below(d, MSG_KINDS)));
    if (draft_one_in(d, 3))
        buf_printf(d->out, "\"between\":[\"phones\",\"pc%d\"],", draft_from_to(d, 1, d->aps));
    else if (draft_one_in(d, 2))
        buf_printf(d->out, "\"between\":[\"pc1\",\"pc%d\"],", draft_from_to(d, 2, d->aps));
    draw_span(d);
    buf_printf(d->out, "}");
}

/* A partition that only the message notices on which most depends: the verdict on a migration. */
static void draw_late_verdict(struct draft *d)
{
    double from_s = draft_any_of(d, 0, d->duration_s / 2);
    buf_printf(d->out, "{\"effect\":\"lost\",\"message\":\"%s\",\"from_s\":%.3f,\"to_s\":%.3f}",
               draft_one_in(d, 4) ? "CANCEL" : "STOP", from_s, from_s + draft_any_of(d, 1, 5));
}

static void draw_stop(struct draft *d)
{
    double long_s = d->long_stops ? 30 : draft_any_size(d, 0.05, d->calm_s / 2),
           from_s = draft_any_of(d, 0, d->calm_s - long_s);
    buf_printf(d->out, "{\"effect\":\"stopped\",\"host\":\"pc%d\",\"from_s\":%.3f,\"to_s\":%.3f}",
               draft_from_to(d, 1, d->aps), from_s, from_s + long_s);
}

/* It is down for a moment or a few seconds. */
static void draw_restart(struct draft *d)
{
    double from_s = draft_any_of(d, 0, d->calm_s - 0.02), down_s = draft_any_size(d, 0.01, 3);
    buf_printf(d->out, "{\"effect\":\"%s\",\"host\":\"pc%d\",\"from_s\":%.3f,\"to_s\":%.3f}",
               fault_effect_name(draft_one_in(d, 4) ? FAULT_POWER_LOSS : FAULT_RESTARTED),
               draft_from_to(d, 1, d->aps), from_s, fmin(from_s + down_s, d->calm_s));
}

static void draw_kill(struct draft *d)
{
    buf_printf(d->out, "{\"effect\":\"killed\",\"edge\":\"es%d\",\"from_s\":%.3f}",
               draft_from_to(d, 1, d->aps), draft_any_of(d, 0, d->calm_s));
}

static void draw_loss(struct draft *d, const char *message, double share, double from_s, double to_s)
{
    buf_printf(d->out,
               "{\"effect\":\"lost\",\"message\":\"%s\",\"share\":%.3f,\"from_s\":%.3f,\"to_s\":%.3f},",
               message, share, from_s, fmin(to_s, d->duration_s));
}

/* Two containers live when a device's token is lost, because the host of its access point restarts. The old place does not hear that the new
 * one has taken over: all between the two is lost, or those messages that say so. Or the new one takes over while its access point, which
 * does not hear of it, fails the migration, and then does not hear that it is to go. */
static void draw_lost_takeover(struct draft *d)
{
    const struct drawn_handoff *h = &d->handoffs[draft_below(d, d->handoff_count)];
    double from_s = fmin(h->at_s + draft_any_of(d, 0, 1), d->duration_s - 0.1),
           restart_s = fmin(from_s + draft_any_size(d, 0.1, 4), d->duration_s - 0.05),
           to_s = restart_s + draft_any_size(d, 0.1, 3);
    int kind = draft_below(d, 4);
    if (kind == 0) {
        draw_loss(d, "STOP", 1, from_s, to_s);
    } else if (kind == 1) {
        buf_printf(d->out,
                   "{\"effect\":\"lost\",\"from_s\":%.3f,\"to_s\":%.3f,\"between\":[\"pc%d\",\"pc%d\"]},",
                   from_s, fmin(to_s, d->duration_s), h->from + 1, h->to + 1);
    } else {
        draw_loss(d, "ACK", draft_any_of(d, 0.5, 1), h->at_s, restart_s);
        draw_loss(d, "REMOVE", 1, h->at_s, to_s);
    }
    buf_printf(d->out, "{\"effect\":\"restarted\",\"host\":\"pc%d\",\"from_s\":%.3f,\"to_s\":%.3f}",
               h->to + 1, restart_s, fmin(restart_s + draft_any_size(d, 0.02, 1), d->duration_s));
}

static void next_fault(struct draft *d)
{
    buf_printf(d->out, d->out->data[d->out->len - 1] == '[' ? "" : ",");
}

void scenario_draw_takeovers(struct draft *d)
{
    int count = d->restarts && d->handoff_count && draft_one_in(d, 8) ? draft_from_to(d, 1, 2) : 0;
    for (int i = 0; i < count; i++) {
        next_fault(d);
        draw_lost_takeover(d);
    }
}

void scenario_draw_faults(struct draft *d)
{
    int count = draft_one_in(d, 5) ? 0 : draft_from_to(d, 1, 6);
    for (int i = 0; i < count; i++) {
        int kind = draft_below(d, 40);
        next_fault(d);
        if (kind < 18)
            draw_operation_fault(d);
        else if (kind < 28)
            draw_message_fault(d);
        else if (kind < 30)
            draw_late_verdict(d);
        else if (kind < (d->restarts ? 35 : 39))
            draw_stop(d);
        else if (kind < 39 && d->restarts)
            draw_restart(d);
        else
            draw_kill(d);
    }
}

/* --- a volume on its way ---------------------------------------------------------------------------------------------------------- */

static bool reads(enum operation operation)
{
    return operation == OP_PUT_VOLUME || operation_received(operation) != OPERATIONS;
}

static void draw_volume_operation_fault(struct draft *d)
{
    static const enum operation of_volume[] = {OP_COPY_VOLUME, OP_TAKE_VOLUME,    OP_SEND_VOLUME,
                                               OP_SEND_FILES,  OP_RECEIVE_VOLUME, OP_RECEIVE_FILES,
                                               OP_PUT_VOLUME};
    enum fault_effect effect = (enum fault_effect)draft_from_to(d, FAULT_FAILS, FAULT_FLIPPED);
    enum operation operation;
    do
        operation = of_volume[draft_below(d, ARRAY_LEN(of_volume))];
    while (!strategy_has(&d->with_volume, operation) || (alters(effect) && reads(operation)));
    draw_fault_on(d, effect, operation_name(operation));
}

/* One end of a handoff goes while files follow the device, or all between the two is lost for a while. */
static void draw_fault_behind_handoff(struct draft *d)
{
    const struct drawn_handoff *h = &d->handoffs[draft_below(d, d->handoff_count)];
    int end = (draft_one_in(d, 2) ? h->from : h->to) + 1;
    double from_s = fmin(h->at_s + draft_any_size(d, 0.01, 4), d->duration_s - 0.1),
           to_s = fmin(from_s + draft_any_size(d, 0.05, 3), d->duration_s);
    switch (draft_below(d, 3)) {
    case 0:
        buf_printf(d->out, "{\"effect\":\"killed\",\"edge\":\"es%d\",\"from_s\":%.3f}", end, from_s);
        break;
    case 1:
        buf_printf(d->out,
                   "{\"effect\":\"lost\",\"between\":[\"pc%d\",\"pc%d\"],\"from_s\":%.3f,\"to_s\":%.3f}",
                   h->from + 1, h->to + 1, from_s, to_s);
        break;
    default:
        buf_printf(d->out, "{\"effect\":\"%s\",\"host\":\"pc%d\",\"from_s\":%.3f,\"to_s\":%.3f}",
                   d->restarts ? "restarted" : "stopped", end, from_s, to_s);
    }
}

void scenario_draw_volume_faults(struct draft *d)
{
    int count = d->has_volume && draft_one_in(d, 2) ? draft_from_to(d, 1, 2) : 0;
    for (int i = 0; i < count; i++) {
        next_fault(d);
        if (d->handoff_count && draft_one_in(d, 2))
            draw_fault_behind_handoff(d);
        else
            draw_volume_operation_fault(d);
    }
}

/* --- clocks ------------------------------------------------------------------------------------------------------------------------ */

/* Devices' hosts, too. */
static void draw_jump(struct draft *d)
{
    int host = draft_below(d, d->aps + 1), jump_s = draft_one_in(d, 2) ? JUMP_S : -JUMP_S;
    if (host)
        buf_printf(d->out, "{\"host\":\"pc%d\"", host);
    else
        buf_printf(d->out, "{\"host\":\"phones\"");
    buf_printf(d->out, ",\"effect\":\"clock\",\"jump_s\":%d,\"from_s\":%.3f}", jump_s,
               draft_any_of(d, 0, d->duration_s));
}

void scenario_draw_jumps(struct draft *d)
{
    int count = draft_one_in(d, 3) ? draft_from_to(d, 1, 3) : 0;
    for (int i = 0; i < count; i++) {
        next_fault(d);
        draw_jump(d);
    }
}
