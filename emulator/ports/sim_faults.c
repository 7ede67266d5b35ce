/* Faults of virtual time: what happens to messages between hosts and to hosts. */
#include "sim_internal.h"

#include <errno.h>

static bool holds(const struct fault *f, struct simtime now)
{
    return f->from.ns <= now.ns && now.ns < f->to.ns;
}

static bool between(const struct fault *f, int a, int b)
{
    bool forth = (f->between[0] < 0 || f->between[0] == a) && (f->between[1] < 0 || f->between[1] == b);
    bool back = (f->between[0] < 0 || f->between[0] == b) && (f->between[1] < 0 || f->between[1] == a);
    return forth || back;
}

static struct simtime any_up_to(struct rng *rng, struct simtime most)
{
    return simtime_ns((int64_t)rng_below(rng, (uint64_t)most.ns + 1));
}

static bool concerns(const struct fault *f, int from, int to, const struct msg *m)
{
    return fault_kind_of(f->effect) == FAULT_ON_MESSAGES && (f->message < 0 || f->message == msg_kind(m)) &&
           between(f, from, to);
}

int sim_copies(struct sim *sim, int from, int to, const struct msg *m, struct simtime later[SIM_COPIES_MAX])
{
    int copies = 1;
    later[0] = SIMTIME_ZERO;
    for (int i = 0; i < sim->layout->faults.count && copies; i++) {
        const struct fault *f = &sim->layout->faults.list[i];
        if (!holds(f, loop_now(sim->loop)) || !concerns(f, from, to, m) || rng_unit(&sim->rng) >= f->share)
            continue;
        if (f->effect == FAULT_LOST)
            copies = 0;
        else if (f->effect == FAULT_DELAYED)
            later[0] = simtime_add(later[0], any_up_to(&sim->rng, f->delay));
        else if (copies < SIM_COPIES_MAX)
            later[copies++] = any_up_to(&sim->rng, f->delay);
    }
    return copies;
}

struct simtime sim_awake(const struct sim *sim, int host, struct simtime at)
{
    for (int i = 0; i < sim->layout->faults.count; i++) {
        const struct fault *f = &sim->layout->faults.list[i];
        if (f->effect == FAULT_STOPPED && f->host == host && holds(f, at))
            at = f->to;
    }
    return at;
}

void sim_arm(struct sim *sim, int host, struct timer *timer, struct simtime after)
{
    loop_arm(sim->loop, timer, sim_awake(sim, host, simtime_add(loop_now(sim->loop), after)));
}

int sim_fault_status(const struct sim_order *so, const char **reason)
{
    enum fault_effect effect = so->fault ? so->fault->effect : FAULT_EFFECTS;
    if (so->distrusts) {
        *reason = "the registry's certificate is not valid, by this calendar clock";
        return -EKEYREJECTED;
    }
    if (effect != FAULT_FAILS && effect != FAULT_DISK_FULL)
        return 0;
    *reason = effect == FAULT_FAILS ? "a fault of the scenario" : "no space left on device (a fault of the scenario)";
    return effect == FAULT_FAILS ? -EIO : -ENOSPC;
}
