/* A Markov decision process about following a device (Taleb13, "Follow Me Cloud"; Ksentini, Taleb and Chen 2014, "A Markov decision
 * process-based service migration procedure for follow me cloud").
 *
 * A state is the distance d between the device and its container, in links, right after a handoff; the chain steps from handoff to
 * handoff. In each state there are two actions:
 *
 *     stay:     the device is served from distance d until its next handoff; then it is at d' with probability P(d, d').
 *     migrate:  with probability s(d) the migration ends before the next handoff, and that is made from distance 0; else it is called
 *               off, and all is as if the container had stayed. A cost is paid either way.
 *
 * The least discounted cost from each distance solves Bellman's equation
 *
 *     V(d) = min { stay(d) + γ Σ P(d, d') V(d'),
 *                  move(d) + γ [ s(d) Σ P(0, d') V(d') + (1 - s(d)) Σ P(d, d') V(d') ] }
 *
 * which value iteration solves: from V = 0 the right side is taken again and again, until no value changes by so much that the policy
 * could cost more than MDP_ERROR × the greatest cost of an action above the least (Puterman 1994, theorem 6.3.1). The papers leave
 * the costs open; ours are seconds that the user waits: see mdp_costs. */
#ifndef ROAMLAB_MDP_H
#define ROAMLAB_MDP_H

#include <stdbool.h>

#define MDP_ERROR 1e-6
#define MDP_DISCOUNT_MAX 0.999

struct mdp_problem {
    int states;                /* distances 0 … states - 1 */
    const double *probability; /* [d * states + d']; each row sums to 1 */
    const double *stay, *move; /* cost of an action at distance d, until the next handoff */
    const double *arrives;     /* s(d) */
    double discount; /* γ, above 0, at most MDP_DISCOUNT_MAX: nearer to 1, doubles do not resolve the bound */
};

/* Both arrays [states], the caller's. `migrate`: at that distance; never at 0, and where both cost the same, it stays. `value`: V(d). */
void mdp_solve(const struct mdp_problem *problem, bool *migrate, double *value);

/* What distance and migration cost a device that stays at an access point for τ in the mean and sends λ requests a second, each of which
 * waits r(d) for the way. A migration takes T(d), so it is under way for u(d) = E min(T(d), stay) before it ends or the device moves on.
 * While it is, each request waits q(d) more, and those that come while the container is frozen, F(d), wait for the rest of that. A
 * second of it is worth w seconds of waiting to others, for its load on links and machines:
 *
 *     stay(d) = λ τ r(d)
 *     move(d) = λ [ u(d) (r(d) + q(d)) + (τ - u(d)) r(0) + F(d)² / 2 ] + w u(d) */
struct mdp_costs {
    double stay_s;             /* τ */
    double requests_per_s;     /* λ */
    double weight;             /* w */
    const double *way_s;       /* [d]: r(d) */
    const double *under_way_s; /* [d]: u(d) */
    const double *queueing_s;  /* [d]: q(d) */
    const double *frozen_s;    /* [d]: F(d) */
};
void mdp_costs(const struct mdp_costs *c, int states, double *stay, double *move);

#endif
