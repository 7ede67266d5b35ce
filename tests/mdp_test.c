/* The decision process: three states worked by hand, and value iteration against every policy there is. */
#include "mdp.h"
#include "mem.h"
#include "rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { STATES_MAX = 7 };

/* A device that only goes away: 0 → 1 → 2 → 2. Distance costs 0, 1, 10; γ = 1/2; a migration succeeds always.
 *
 * Never migrating: V(2) = 10 / (1 - 1/2) = 20, V(1) = 1 + 20/2 = 11, V(0) = 11/2 = 5.5.
 * Migrating at 2 for M: V(2) = M + V(1)/2, for after it the handoff leads from 0 to 1; V(1) = 1 + V(2)/2, so
 * V(2) = (M + 1/2) / (3/4), which is less than 20 for M < 14.5.
 * Migrating at 1, too: V(1) = M + V(1)/2 = 2 M, less than 1 + V(2)/2 = 1 + (M + 1/2) / (3/2) for M < 1; then V(2) = 2 M as well. */
struct worked {
    double move;
    bool migrate[3];
    double value[3];
};

static const struct worked worked[] = {
    {15, {false, false, false}, {5.5, 11, 20}},
    {14.4, {false, false, true}, {(1 + 14.9 / 1.5) / 2, 1 + 14.9 / 1.5, 14.9 / 0.75}},
    {2, {false, false, true}, {(1 + 2.5 / 1.5) / 2, 1 + 2.5 / 1.5, 2.5 / 0.75}},
    {0.9, {false, true, true}, {0.9, 1.8, 1.8}},
    {0, {false, true, true}, {0, 0, 0}},
};

static void test_three_states_worked_by_hand(void **state)
{
    static const double away[] = {0, 1, 0, 0, 0, 1, 0, 0, 1}, stay[] = {0, 1, 10}, always[] = {1, 1, 1};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(worked); i++) {
        const double move[] = {worked[i].move, worked[i].move, worked[i].move};
        struct mdp_problem p = {3, away, stay, move, always, 0.5};
        bool migrate[3];
        double value[3];
        mdp_solve(&p, migrate, value);
        for (int d = 0; d < 3; d++) {
            assert_int_equal(migrate[d], worked[i].migrate[d]);
            assert_float_equal(value[d], worked[i].value[d], 1e-4);
        }
    }
}

/* A migration that never ends in time costs and brings nothing. */
static void test_what_never_arrives_is_not_sent(void **state)
{
    static const double away[] = {0, 1, 0, 0, 0, 1, 0, 0, 1}, stay[] = {0, 1, 10}, move[] = {0.1, 1.1, 10.1},
                        never[] = {0, 0, 0};
    struct mdp_problem p = {3, away, stay, move, never, 0.5};
    bool migrate[3];
    double value[3];
    (void)state;
    mdp_solve(&p, migrate, value);
    assert_false(migrate[0] || migrate[1] || migrate[2]);
    assert_float_equal(value[2], 20, 1e-4);
}

/* τ = 10 s, 2 requests a second, 0, 30 and 50 ms away; a second of migration is worth 0.1 s. The last one makes requests wait 20 ms more
 * and freezes for a second. */
static void test_costs_worked_by_hand(void **state)
{
    static const double way_s[] = {0.01, 0.03, 0.05}, under_way_s[] = {0, 4, 10}, queueing_s[] = {0, 0, 0.02},
                        frozen_s[] = {0, 0, 1};
    struct mdp_costs c = {10, 2, 0.1, way_s, under_way_s, queueing_s, frozen_s};
    double stay[3], move[3];
    (void)state;
    mdp_costs(&c, 3, stay, move);
    assert_float_equal(stay[0], 0.2, 1e-12);
    assert_float_equal(stay[2], 1, 1e-12);
    assert_float_equal(move[0], 0.2, 1e-12);
    assert_float_equal(move[1], 2 * (4 * 0.03 + 6 * 0.01) + 0.4, 1e-12);
    assert_float_equal(move[2], 2 * (10 * 0.07 + 0.5) + 1, 1e-12);
}

/* --- every policy of a small problem, each evaluated exactly --- */

struct numbers {
    double probability[STATES_MAX * STATES_MAX], stay[STATES_MAX], move[STATES_MAX], arrives[STATES_MAX];
};

static void draw(struct rng *rng, struct numbers *n, struct mdp_problem *p)
{
    int states = 2 + (int)rng_below(rng, STATES_MAX - 1);
    for (int d = 0; d < states; d++) {
        double sum = 0;
        for (int to = 0; to < states; to++)
            sum += n->probability[d * states + to] = rng_unit(rng) * rng_unit(rng);
        for (int to = 0; to < states; to++)
            n->probability[d * states + to] /= sum;
        n->stay[d] = d * rng_unit(rng);
        n->move[d] = 2 * rng_unit(rng);
        n->arrives[d] = rng_unit(rng);
    }
    *p = (struct mdp_problem){states,  n->probability, n->stay,
                              n->move, n->arrives,     0.05 + 0.9 * rng_unit(rng)};
}

/* Gauss–Jordan with pivots; `a` is [n][n + 1]. */
static void solve_linear(double a[STATES_MAX][STATES_MAX + 1], int n)
{
    for (int k = 0; k < n; k++) {
        int pivot = k;
        for (int i = k + 1; i < n; i++)
            pivot = fabs(a[i][k]) > fabs(a[pivot][k]) ? i : pivot;
        for (int j = 0; j <= n; j++) {
            double t = a[k][j];
            a[k][j] = a[pivot][j], a[pivot][j] = t;
        }
        for (int i = 0; i < n; i++)
            for (int j = n; j >= k && i != k; j--)
                a[i][j] -= a[k][j] * (a[i][k] / a[k][k]);
    }
}

/* V = cost + γ P V of the policy that migrates at the distances whose bits are set. */
static void evaluate(const struct mdp_problem *p, unsigned policy, double value[STATES_MAX])
{
    double a[STATES_MAX][STATES_MAX + 1];
    int n = p->states;
    for (int d = 0; d < n; d++) {
        bool migrates = policy >> d & 1;
        double arrives = migrates ? p->arrives[d] : 0;
        for (int to = 0; to < n; to++)
            a[d][to] = (d == to) - p->discount * (arrives * p->probability[to] +
                                                  (1 - arrives) * p->probability[d * n + to]);
        a[d][n] = migrates ? p->move[d] : p->stay[d];
    }
    solve_linear(a, n);
    for (int d = 0; d < n; d++)
        value[d] = a[d][n] / a[d][d];
}

static void test_no_policy_is_better(void **state)
{
    struct rng rng;
    (void)state;
    rng_init(&rng, 1, "mdp", 0);
    for (int round = 0; round < 500; round++) {
        struct numbers numbers;
        struct mdp_problem p;
        bool migrate[STATES_MAX];
        double value[STATES_MAX], least[STATES_MAX], of_plan[STATES_MAX];
        unsigned plan = 0;
        draw(&rng, &numbers, &p);
        mdp_solve(&p, migrate, value);
        for (int d = 0; d < p.states; d++) {
            least[d] = INFINITY;
            plan |= (unsigned)migrate[d] << d;
        }
        for (unsigned policy = 0; policy < 1u << p.states; policy += 2) { /* never at 0 */
            evaluate(&p, policy, of_plan);
            for (int d = 0; d < p.states; d++)
                least[d] = fmin(least[d], of_plan[d]);
        }
        evaluate(&p, plan, of_plan);
        for (int d = 0; d < p.states; d++) {
            assert_float_equal(value[d], least[d], 1e-4);
            assert_float_equal(of_plan[d], least[d], 1e-4);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_three_states_worked_by_hand),
        cmocka_unit_test(test_what_never_arrives_is_not_sent),
        cmocka_unit_test(test_costs_worked_by_hand),
        cmocka_unit_test(test_no_policy_is_better),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
