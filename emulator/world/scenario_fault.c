#include "scenario_key.h"

#include "mem.h"

#include <errno.h>
#include <string.h>

static int find_mud(const struct scenario *s, json_object *root, const char *name,
                    const struct scenario_place *place, int *out, struct err *e)
{
    for (int i = 0; i < s->mud_count; i++) {
        if (strcmp(s->muds[i].name, name) == 0) {
            *out = i;
            return 0;
        }
    }
    if (!scenario_member(scenario_member(root, "muds"), name))
        return scenario_unknown_name(scenario_member(root, "muds"), "mud", name, place, e);
    scenario_error(place, e, "%s has a count", name);
    return err_hint(e, "name one of its devices, such as %s-1", name);
}

static int build_container(struct scenario *s, json_object *root, json_object *entry, struct fault *fault,
                           const struct scenario_place *here, struct err *e)
{
    const char *mud = scenario_word(entry, "mud");
    if (mud && find_mud(s, root, mud, PLACE_NAMED(here, "mud"), &fault->mud, e) < 0)
        return -EINVAL;
    return scenario_index_by_key(root, "edges", "edge server", entry, "edge", here, &fault->edge, e);
}

static int build_operation(struct scenario *s, json_object *root, json_object *entry, struct fault *fault,
                           const struct scenario_place *here, struct err *e)
{
    const char *operation;
    if (scenario_choice(entry, "operation", NULL, scenario_edge_operation_at, here, &operation, e) < 0)
        return -EINVAL;
    fault->operation = operation_of(operation);
    return build_container(s, root, entry, fault, here, e);
}

static int build_messages(json_object *root, json_object *entry, struct fault *fault,
                          const struct scenario_place *here, struct err *e)
{
    const char *message;
    if (scenario_choice(entry, "message", NULL, msg_kind_name, here, &message, e) < 0)
        return -EINVAL;
    while (message && strcmp(msg_kind_name(++fault->message), message) != 0)
        ;
    json_object *pair = scenario_member(entry, "between");
    const struct scenario_place *place = PLACE_NAMED(here, "between");
    for (int i = 0; pair && i < 2; i++) {
        const char *name = json_object_get_string(json_object_array_get_idx(pair, (size_t)i));
        if (scenario_index_of(scenario_member(root, "hosts"), "host", name, PLACE_INDEX(place, i),
                              &fault->between[i], e) < 0)
            return -EINVAL;
    }
    return 0;
}

/* A device that is switched off is out of reach: that is a visit. Its clock may jump as any other. */
static int build_host(const struct scenario *s, json_object *root, json_object *entry, struct fault *fault,
                      const struct scenario_place *here, struct err *e)
{
    if (scenario_index_by_key(root, "hosts", "host", entry, "host", here, &fault->host, e) < 0)
        return -EINVAL;
    for (int i = 0; i < s->mud_count; i++)
        if (s->muds[i].host == fault->host && fault->effect != FAULT_CLOCK) {
            scenario_error(PLACE_NAMED(here, "host"), e, "is that of device %s", s->muds[i].name);
            return err_hint(e, "give it a visit with \"outage\": true");
        }
    return 0;
}

/* The key that names what a fault strikes; NULL: any may be struck, and edge and mud narrow it down. */
static const char *const strikes[] = {[FAULT_ON_OPERATION] = "operation",
                                      [FAULT_ON_CONTAINERS] = NULL,
                                      [FAULT_ON_MESSAGES] = "between",
                                      [FAULT_ON_HOST] = "host"};

static int check_target(json_object *entry, enum fault_effect effect, const struct scenario_place *here,
                        struct err *e)
{
    enum fault_kind kind = fault_kind_of(effect);
    for (size_t other = 0; other < ARRAY_LEN(strikes); other++)
        if (other != kind && strikes[other] && scenario_member(entry, strikes[other]))
            return scenario_error(PLACE_NAMED(here, strikes[other]), e, "has no place beside effect %s",
                                  fault_effect_name(effect));
    if (!strikes[kind] || kind == FAULT_ON_MESSAGES || scenario_member(entry, strikes[kind]))
        return 0;
    scenario_error(PLACE_NAMED(here, strikes[kind]), e, "is missing");
    return err_hint(e, "write what effect %s strikes", fault_effect_name(effect));
}

static int build_fault(struct scenario *s, json_object *root, json_object *entry,
                       const struct scenario_place *here, struct err *e)
{
    struct fault *fault = &s->faults[s->fault_count++];
    const char *effect;
    *fault = (struct fault){.edge = -1, .mud = -1, .between = {-1, -1}, .message = -1, .host = -1, .to = SIMTIME_NEVER};
    scenario_fill(&scenario_fault_keys, entry, fault);
    if (scenario_choice(entry, "effect", fault_effect_name(FAULT_FAILS), fault_effect_name, here, &effect,
                        e) < 0)
        return -EINVAL;
    fault->effect = fault_effect_of(effect);
    if (check_target(entry, fault->effect, here, e) < 0)
        return -EINVAL;
    if (fault->to.ns <= fault->from.ns)
        return scenario_error(PLACE_NAMED(here, "to_s"), e, "is %g s, not after from_s (%g s)",
                              simtime_seconds(fault->to), simtime_seconds(fault->from));
    switch (fault_kind_of(fault->effect)) {
    case FAULT_ON_OPERATION:
        return build_operation(s, root, entry, fault, here, e);
    case FAULT_ON_CONTAINERS:
        return build_container(s, root, entry, fault, here, e);
    case FAULT_ON_MESSAGES:
        return build_messages(root, entry, fault, here, e);
    case FAULT_ON_HOST:
        return build_host(s, root, entry, fault, here, e);
    }
    return 0;
}

int scenario_build_faults(struct scenario *s, json_object *root, struct err *e)
{
    json_object *list = scenario_member(root, "faults");
    size_t count = list ? json_object_array_length(list) : 0;
    s->faults = mem_alloc_array(count + 1, sizeof *s->faults);
    for (size_t i = 0; i < count; i++)
        if (build_fault(s, root, json_object_array_get_idx(list, i),
                        PLACE_INDEX(PLACE_NAMED(NULL, "faults"), (int)i), e) < 0)
            return -EINVAL;
    return 0;
}
