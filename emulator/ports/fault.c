#include "fault.h"
#include "mem.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[FAULT_EFFECTS] = {
    [FAULT_FAILS] = "fails",         [FAULT_DISK_FULL] = "disk-full", [FAULT_HANGS] = "hangs",
    [FAULT_TRUNCATED] = "truncated", [FAULT_FLIPPED] = "flipped",     [FAULT_OVERUSE] = "overuse",
    [FAULT_SLOW] = "slow",           [FAULT_KILLED] = "killed",       [FAULT_LOST] = "lost",
    [FAULT_DOUBLED] = "doubled",     [FAULT_DELAYED] = "delayed",     [FAULT_STOPPED] = "stopped",
    [FAULT_RESTARTED] = "restarted", [FAULT_POWER_LOSS] = "power-loss", [FAULT_CLOCK] = "clock",
};

const char *fault_effect_name(int effect)
{
    return effect >= 0 && effect < FAULT_EFFECTS ? names[effect] : NULL;
}

enum fault_effect fault_effect_of(const char *name)
{
    int effect = 0;
    while (effect < FAULT_EFFECTS && strcmp(names[effect], name) != 0)
        effect++;
    return (enum fault_effect)effect;
}

enum fault_kind fault_kind_of(enum fault_effect effect)
{
    if (effect >= FAULT_STOPPED)
        return FAULT_ON_HOST;
    if (effect >= FAULT_LOST)
        return FAULT_ON_MESSAGES;
    return effect == FAULT_KILLED ? FAULT_ON_CONTAINERS : FAULT_ON_OPERATION;
}

bool fault_has_moment(enum fault_effect effect)
{
    return effect == FAULT_KILLED || effect == FAULT_CLOCK || fault_ends_actors(effect);
}

bool fault_ends_actors(enum fault_effect effect)
{
    return effect == FAULT_RESTARTED || effect == FAULT_POWER_LOSS;
}

bool fault_is_real(enum fault_effect effect)
{
    return effect == FAULT_FAILS || effect == FAULT_DISK_FULL || effect == FAULT_SLOW;
}

void faults_init(struct faults *faults, const struct fault *list, int count)
{
    *faults = (struct faults){mem_alloc_array((size_t)count, sizeof *faults->list),
                              mem_alloc_array((size_t)count, sizeof *faults->left), count};
    for (int i = 0; i < count; i++) {
        faults->list[i] = list[i];
        faults->left[i] = list[i].times ? list[i].times : UINT32_MAX;
    }
}

void faults_free(struct faults *faults)
{
    free(faults->list);
    free(faults->left);
    *faults = (struct faults){0};
}

static bool hits(const struct fault *f, enum operation operation, uint32_t edge, uint32_t mud,
                 struct simtime now)
{
    return fault_kind_of(f->effect) == FAULT_ON_OPERATION && f->operation == operation &&
           (f->edge < 0 || (uint32_t)f->edge == edge) && (f->mud < 0 || (uint32_t)f->mud == mud) &&
           f->from.ns <= now.ns && now.ns < f->to.ns;
}

const struct fault *faults_strike(struct faults *faults, enum operation operation, uint32_t edge,
                                  uint32_t mud, struct simtime now)
{
    for (int i = 0; i < faults->count; i++) {
        if (!faults->left[i] || !hits(&faults->list[i], operation, edge, mud, now))
            continue;
        faults->left[i] -= faults->left[i] != UINT32_MAX;
        return &faults->list[i];
    }
    return NULL;
}

struct simtime fault_delays(const struct fault **fault, struct port *port, const struct order *order)
{
    const struct fault *slow = *fault;
    struct report r = REPORT_INIT;
    if (!slow || slow->effect != FAULT_SLOW)
        return SIMTIME_ZERO;
    autofree char *text = mem_printf("%s begins %.0f ms late: a fault of the scenario", operation_name(order->operation),
                                     simtime_to_ms(slow->delay));
    r.kind = EVENT_NOTE;
    r.reporter = order->edge;
    r.text = text;
    r.mud = (int32_t)order->mud;
    r.migration = (int32_t)order->migration;
    port->operations->report(port, &r);
    *fault = NULL;
    return slow->delay;
}
