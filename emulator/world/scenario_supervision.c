/* What the cloud's supervision does in a run (KimS22). */
#include "scenario_key.h"
#include "mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
