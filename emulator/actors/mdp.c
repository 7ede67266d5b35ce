#include "mdp.h"
#include "mem.h"

#include <math.h>
#include <string.h>

static double next_value(const struct mdp_problem *p, const double *value, int distance)
{
    double sum = 0;
    for (int d = 0; d < p->states; d++)
        sum += p->probability[distance * p->states + d] * value[d];
    return sum;
}

static double cost_of_staying(const struct mdp_problem *p, const double *value, int distance)
{
    return p->stay[distance] + p->discount * next_value(p, value, distance);
}

static double cost_of_migrating(const struct mdp_problem *p, const double *value, int distance)
{
    double arrives = p->arrives[distance];
    return p->move[distance] +
           p->discount * (arrives * next_value(p, value, 0) + (1 - arrives) * next_value(p, value, distance));
}

static double greatest_cost(const struct mdp_problem *p)
{
    double most = 0;
    for (int d = 0; d < p->states; d++)
        most = fmax(most, fmax(p->stay[d], p->move[d]));
    return most;
}

/* One step from the values `before`. Returns the greatest change. */
static double improve(const struct mdp_problem *p, const double *before, double error, bool *migrate,
                      double *value)
{
    double change = 0;
    for (int d = 0; d < p->states; d++) {
        double stay = cost_of_staying(p, before, d), move = cost_of_migrating(p, before, d);
        migrate[d] = d > 0 && move < stay - error;
        value[d] = migrate[d] ? move : stay;
        change = fmax(change, fabs(value[d] - before[d]));
    }
    return change;
}

void mdp_solve(const struct mdp_problem *p, bool *migrate, double *value)
{
    double error = MDP_ERROR * greatest_cost(p), enough = error * (1 - p->discount) / (2 * p->discount);
    autofree double *before = mem_alloc_array((size_t)p->states, sizeof *before);
    while (improve(p, before, error, migrate, value) > enough)
        memcpy(before, value, (size_t)p->states * sizeof *value);
}

void mdp_costs(const struct mdp_costs *c, int states, double *stay, double *move)
{
    for (int d = 0; d < states; d++) {
        double under_way = c->under_way_s[d], frozen = c->frozen_s[d];
        double waiting = under_way * (c->way_s[d] + c->queueing_s[d]) +
                         (c->stay_s - under_way) * c->way_s[0] + frozen * frozen / 2;
        stay[d] = c->requests_per_s * c->stay_s * c->way_s[d];
        move[d] = c->requests_per_s * waiting + c->weight * under_way;
    }
}
