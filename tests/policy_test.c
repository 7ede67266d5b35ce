/* When a container moves and where to: decisions worked by hand. */
#include "mem.h"
#include "policy.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

enum { EDGES = 3, NONE = -1 };

/* --- when: the device is at the access point of edge 0; edges 0, 1, 2 are 0, 1, 2 links, 0, 30, 50 ms and 0, 5, 13 m away --- */

static const struct placement_site in_a_row[EDGES] = {
    {0, {0}, 1}, {1, {30000000}, 0.5}, {2, {50000000}, 0.25}};
static const struct placement_edge places[EDGES] = {
    {.x_m = 100, .y_m = 20}, {.x_m = 103, .y_m = 16}, {.x_m = 95, .y_m = 32}};
static const bool from_two_on[] = {false, false, true};
static const uint32_t kind_zero[] = {0};

struct when_row {
    const char *policy;
    enum policy_unit unit;
    double distance_max;
    int latency_max_ms, anchor, measured_ms, decides;
};

static const struct when_row when_rows[] = {
    {"follow", POLICY_HOPS, 0, 0, 0, 0, 0},
    {"follow", POLICY_HOPS, 0, 0, 1, 0, 0},
    {"follow", POLICY_HOPS, 0, 0, NONE, 0, 0},
    {"never", POLICY_HOPS, 0, 0, 0, 0, 0},
    {"never", POLICY_HOPS, 0, 0, 2, 0, 2},
    {"never", POLICY_HOPS, 0, 0, NONE, 0, 0},
    {"distance", POLICY_HOPS, 1, 0, 0, 0, 0},
    {"distance", POLICY_HOPS, 1, 0, 1, 0, 1},
    {"distance", POLICY_HOPS, 1, 0, 2, 0, 0},
    {"distance", POLICY_MS, 30, 0, 1, 0, 1},
    {"distance", POLICY_MS, 30, 0, 2, 0, 0},
    {"distance", POLICY_MS, 29.9, 0, 1, 0, 0},
    {"distance", POLICY_MS, 50, 0, 2, 0, 2},
    {"distance", POLICY_METRES, 5, 0, 1, 0, 1},
    {"distance", POLICY_METRES, 4.9, 0, 1, 0, 0},
    {"distance", POLICY_METRES, 12.9, 0, 2, 0, 0},
    {"distance", POLICY_METRES, 13, 0, 2, 0, 2},
    {"latency", POLICY_HOPS, 0, 40, 1, 0, 1}, /* 30 ms of way and 5 of work */
    {"latency", POLICY_HOPS, 0, 34, 1, 0, 0},
    {"latency", POLICY_HOPS, 0, 40, 1, 41, 0},
    {"latency", POLICY_HOPS, 0, 40, 2, 39, 2}, /* what was measured counts */
    {"latency", POLICY_HOPS, 0, 2, 0, 100, 0},
    {"mdp", POLICY_HOPS, 0, 0, 0, 0, 0},
    {"mdp", POLICY_HOPS, 0, 0, 1, 0, 1},
    {"mdp", POLICY_HOPS, 0, 0, 2, 0, 0},
    {"mdp", POLICY_HOPS, 0, 0, NONE, 0, 0},
};

static uint32_t index_of(int edge)
{
    return edge == NONE ? PLACEMENT_NONE : (uint32_t)edge;
}

static void test_when(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(when_rows); i++) {
        const struct when_row *row = &when_rows[i];
        struct policy_rules rules = {.when = policy_of(row->policy),
                                     .where = placement_of("own"),
                                     .unit = row->unit,
                                     .distance_max = row->distance_max,
                                     .placement.edges = places,
                                     .latency_max = simtime_ms(row->latency_max_ms),
                                     .work = simtime_ms(5),
                                     .plan = {from_two_on, 3, kind_zero}};
        struct policy_view view = {.rules = &rules,
                                   .sites = in_a_row,
                                   .x_m = 100,
                                   .y_m = 20,
                                   .own = 0,
                                   .anchor = index_of(row->anchor),
                                   .round_trip = simtime_ms(row->measured_ms)};
        if (policy_decide(&view) != index_of(row->decides))
            fail_msg("row %zu, %s: decides for %u, not %d", i, row->policy, policy_decide(&view),
                     row->decides);
    }
}

/* A policy looks no further than its plan: what is farther away is as the last distance. */
static void test_plans_have_an_end(void **state)
{
    static const bool plans[] = {false, true, false, false};
    static const uint32_t kinds[] = {1, 0};
    struct policy_rules rules = {
        .when = policy_of("mdp"), .where = placement_of("own"), .plan = {plans, 2, kinds}};
    struct policy_view view = {.rules = &rules, .sites = in_a_row, .anchor = 2};
    (void)state;
    assert_int_equal(policy_decide(&view), 2); /* device 0 is of kind 1 */
    view.mud = 1;
    assert_int_equal(policy_decide(&view), 0);
}

/* --- where: VDNO21's weights --- */

#define ROOM(cpus, memory)                                                                                   \
    {                                                                                                        \
        .capacity = { cpus, memory, INFINITY }                                                               \
    }
#define DATA(share)                                                                                          \
    {                                                                                                        \
        .capacity = {INFINITY, INFINITY, INFINITY}, .data_share = share                                      \
    }

/* Each further link has half of it free; there is no way to edge 1. */
static const struct placement_site near_to_far[EDGES] = {{0, {0}, 1}, {1, {0}, 0.5}, {2, {0}, 0.25}},
                                   cut_off[EDGES] = {{0, {0}, 1}, {-1, {0}, 1}, {1, {0}, 0.5}};

static const struct placement_edge no_data[EDGES] = {DATA(0), DATA(0), DATA(0)},
                                   all_data_at_2[EDGES] = {DATA(0), DATA(0), DATA(1)},
                                   some_data[EDGES] = {DATA(0.2), DATA(0.3), DATA(0.5)},
                                   rooms[EDGES] = {ROOM(2, 6), ROOM(6, 6), ROOM(8, 3)},
                                   room_for_one[EDGES] = {ROOM(1, 2), ROOM(1, 2), ROOM(1, 2)},
                                   no_room[EDGES] = {ROOM(0, 9), ROOM(0, 9), ROOM(0, 9)},
                                   no_memory_at_2[EDGES] = {ROOM(4, 8), ROOM(2, 8), ROOM(400, 1)},
                                   none_at_1[EDGES] = {ROOM(1, 2), ROOM(9, 9), ROOM(2, 4)};

/* A container takes 1 CPU and 2 of memory. */
struct where_row {
    const char *label;
    const struct placement_site *sites;
    const struct placement_edge *edges;
    uint32_t containers[EDGES];
    double location, links, cpu; /* the other weights fill up to 1; storage has none */
    int anchor;
    double weights[EDGES];
    int chosen;
};

static const struct where_row where_rows[] = {
    {"each further link halves", near_to_far, no_data, {0}, 1, 1, 0.5, 2, {1, 0.5, 0.25}, 0},
    {"the data draws", near_to_far, all_data_at_2, {0}, 1, 0.4, 0.5, 0, {0.4, 0.2, 0.7}, 2},
    {"half the data does not", near_to_far, some_data, {0}, 1, 0.5, 0.5, 0, {0.6, 0.4, 0.375}, 0},
    {"the load alone", near_to_far, rooms, {0}, 0, 1, 0.5, 0, {0.625, 0.875, 0.75}, 1},
    {"location and load", near_to_far, rooms, {0}, 0.5, 1, 0.5, 0, {0.8125, 0.6875, 0.5}, 0},
    /* no CPU left at 0, no memory at 2; the one at 1 is the device's */
    {"others take room", near_to_far, rooms, {2, 1, 1}, 0, 1, 0.5, 1, {-1, 1, -1}, 1},
    {"its own container takes none", near_to_far, room_for_one, {1, 1, 1}, 0.5, 1, 0.5, 2, {-1, -1, 1}, 2},
    {"nobody has room: the own edge", near_to_far, no_room, {0}, 0.5, 1, 0.5, 2, {-1, -1, -1}, 0},
    {"the most counts where there is room", near_to_far, no_memory_at_2, {0}, 0, 1, 1, 0, {1, 0.5, -1}, 0},
    {"among equals it stays", near_to_far, no_data, {0}, 0, 1, 0.5, 2, {1, 1, 1}, 2},
    {"or starts at the own edge", near_to_far, no_data, {0}, 0, 1, 0.5, NONE, {1, 1, 1}, 0},
    {"no way, no site", cut_off, none_at_1, {0}, 0, 1, 0.5, 0, {0.5, -1, 1}, 2},
};

static struct policy_rules weighing(const struct where_row *row)
{
    return (struct policy_rules){.when = policy_of("follow"),
                                 .where = placement_of("weighted"),
                                 .placement = {.edges = row->edges,
                                               .edge_count = EDGES,
                                               .demand = {1, 2, 0},
                                               .location = row->location,
                                               .load = 1 - row->location,
                                               .links = row->links,
                                               .data = 1 - row->links,
                                               .resources = {row->cpu, 1 - row->cpu, 0}}};
}

static void test_where(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(where_rows); i++) {
        const struct where_row *row = &where_rows[i];
        struct policy_rules rules = weighing(row);
        struct placement_load loads[EDGES];
        for (int site = 0; site < EDGES; site++)
            loads[site] = (struct placement_load){row->containers[site], 1};
        struct policy_view view = {
            .rules = &rules, .sites = row->sites, .loads = loads, .anchor = index_of(row->anchor)};
        for (uint32_t site = 0; site < EDGES; site++)
            if (fabs(placement_weight(&view, site) - row->weights[site]) > 1e-12)
                fail_msg("%s: W(%u) is %g, not %g", row->label, site, placement_weight(&view, site),
                         row->weights[site]);
        if (policy_decide(&view) != index_of(row->chosen))
            fail_msg("%s: chooses %u, not %d", row->label, policy_decide(&view), row->chosen);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_when),
        cmocka_unit_test(test_plans_have_an_end),
        cmocka_unit_test(test_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
