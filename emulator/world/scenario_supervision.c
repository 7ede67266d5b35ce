/* What the cloud's supervision does in a run (KimS22). */
#include "scenario_key.h"
#include "mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct scenario_guard {
    double memory_mb, cpus, requests_per_s;
    struct simtime interval;
};

static const struct scenario_key supervision_rows[] = {
    {"at_s", KEY_SECONDS, FIELD(supervision_order, at), true, 0, 31536000, 0,
     "seconds from the start of the run", 0, 0},
    {.name = "action",
     .kind = KEY_WORD,
     .field = KEY_NO_FIELD,
     .required = true,
     .help =
         "delegate: what runs at edge goes to the edge server to; recall: the service's image is withdrawn"},
    {.name = "edge",
     .kind = KEY_WORD,
     .field = KEY_NO_FIELD,
     .help = "of delegate: the edge server that hands over"},
    {.name = "to",
     .kind = KEY_WORD,
     .field = KEY_NO_FIELD,
     .help = "of delegate: the edge server that takes over"},
};
static const struct scenario_key guard_rows[] = {
    {"memory_mb", KEY_NUMBER, FIELD(scenario_guard, memory_mb), false, 0, 1e6, 0,
     "megabytes of memory that a container may use; 0 = all", 0, 0},
    {"cpus", KEY_NUMBER, FIELD(scenario_guard, cpus), false, 0, 1000, 0,
     "CPUs that a container may use on average between two looks; 0 = all", 0, 0},
    {"requests_per_s", KEY_NUMBER, FIELD(scenario_guard, requests_per_s), false, 0, 1e6, 0,
     "requests per second that a container may execute on average between two looks; 0 = all", 0, 0},
    {"interval_ms", KEY_MS, FIELD(scenario_guard, interval), false, 1, 3600e3, 1000, "milliseconds between two looks", 0, 0},
};
const struct scenario_keys scenario_guard_keys = {guard_rows, ARRAY_LEN(guard_rows)};

const struct scenario_keys scenario_supervision_keys = {supervision_rows, ARRAY_LEN(supervision_rows)};

static int check_delegation(json_object *entry, const int *edges, const struct scenario_place *here,
                            struct err *e)
{
    static const char *const keys[] = {"edge", "to"};
    for (int i = 0; i < 2; i++)
        if (!scenario_member(entry, keys[i])) {
            scenario_error(PLACE_NAMED(here, keys[i]), e, "is missing");
            return err_hint(e, "edge hands over, to takes over");
        }
    return edges[0] == edges[1]
               ? scenario_error(PLACE_NAMED(here, "to"), e, "is the edge server that hands over")
               : 0;
}

static int build_order(struct supervision_order *order, json_object *root, json_object *entry,
                       const struct scenario_place *here, struct err *e)
{
    const char *action;
    int edges[2] = {0, 0};
    scenario_fill(&scenario_supervision_keys, entry, order);
    if (scenario_choice(entry, "action", NULL, supervision_action_name, here, &action, e) < 0 ||
        scenario_index_by_key(root, "edges", "edge server", entry, "edge", here, &edges[0], e) < 0 ||
        scenario_index_by_key(root, "edges", "edge server", entry, "to", here, &edges[1], e) < 0)
        return -EINVAL;
    while (strcmp(supervision_action_name((int)order->action), action) != 0)
        order->action++;
    order->edge = (uint32_t)edges[0];
    order->to = (uint32_t)edges[1];
    return order->action == SUPERVISION_DELEGATE ? check_delegation(entry, edges, here, e) : 0;
}

int scenario_build_supervision(struct scenario *s, json_object *root, struct err *e)
{
    json_object *list = scenario_member(root, "supervision");
    const struct scenario_place *place = PLACE_NAMED(NULL, "supervision");
    size_t count = list ? json_object_array_length(list) : 0;
    struct supervision *sv = &s->supervision;
    struct scenario_guard guard;
    scenario_fill(&scenario_guard_keys, scenario_member(root, "guard"), &guard);
    sv->allowance = (struct supervision_allowance){
        (uint64_t)(guard.memory_mb * 1e6), guard.cpus, guard.requests_per_s, guard.interval};
    sv->orders = mem_alloc_array(count + 1, sizeof *sv->orders);
    for (size_t i = 0; i < count; i++) {
        const struct scenario_place *here = PLACE_INDEX(place, (int)i);
        if (build_order(&sv->orders[sv->order_count++], root, json_object_array_get_idx(list, i), here, e) <
            0)
            return -EINVAL;
        if (i > 0 && simtime_before(sv->orders[i].at, sv->orders[i - 1].at)) {
            scenario_error(PLACE_NAMED(here, "at_s"), e, "is before the one above");
            return err_hint(e, "write them in the order of time");
        }
    }
    return 0;
}
