#include "scenario_key.h"

#include "mem.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int check_moment(const struct visit *visit, bool by_time, int index, const struct scenario_place *here,
                        struct err *e)
{
    bool by_request = visit->request > 0;
    if (by_time == by_request) {
        scenario_error(here, e, by_time ? "has both at_s and at_request" : "has neither at_s nor at_request");
        return err_hint(e, "write exactly one of them");
    }
    if (index == 0 && by_request) {
        scenario_error(here, e, "the first visit must begin at a time");
        return err_hint(e, "write at_s: no request is sent before the first association");
    }
    if (index > 0 && by_request && visit[-1].ap == VISIT_NOWHERE) {
        scenario_error(here, e, "the visit after an outage must begin at a time");
        return err_hint(e, "write at_s: requests wait during an outage");
    }
    return 0;
}

static int find_ap(struct visit *visit, json_object *root, json_object *entry,
                   const struct scenario_place *here, struct err *e)
{
    int ap = -1;
    bool outage = json_object_get_boolean(scenario_member(entry, "outage"));
    if (outage == (scenario_member(entry, "ap") != NULL)) {
        scenario_error(here, e, outage ? "has both ap and outage" : "has neither ap nor outage");
        return err_hint(e, "write the access point, or \"outage\": true for none");
    }
    if (scenario_index_by_key(root, "aps", "access point", entry, "ap", here, &ap, e) < 0)
        return -EINVAL;
    visit->ap = outage ? VISIT_NOWHERE : (uint32_t)ap;
    return 0;
}

static int check_place(const struct visit *visit, int index, const struct scenario_place *here, struct err *e)
{
    bool outage = visit->ap == VISIT_NOWHERE;
    const struct scenario_place *place = PLACE_NAMED(here, outage ? "outage" : "ap");
    if (index == 0 && outage) {
        scenario_error(place, e, "the first visit must be at an access point");
        return err_hint(e, "let it begin when the device comes into reach");
    }
    if (index > 0 && visit[-1].ap == visit->ap) {
        scenario_error(place, e, outage ? "follows an outage" : "is where the device is already");
        return err_hint(e, outage ? "write one outage" : "consecutive visits go to different access points");
    }
    return 0;
}

static int build_visit(struct scenario_mud *mud, json_object *root, json_object *entry,
                       const struct scenario_place *here, struct err *e)
{
    struct visit *visit = &mud->visits[mud->visit_count];
    scenario_fill(&scenario_visit_keys, entry, visit);
    if (check_moment(visit, scenario_member(entry, "at_s"), mud->visit_count, here, e) < 0 ||
        find_ap(visit, root, entry, here, e) < 0 || check_place(visit, mud->visit_count, here, e) < 0)
        return -EINVAL;
    mud->visit_count++;
    return 0;
}

/* Alike devices share one list of visits; a name made by a count must not be another device's. */
static int check_expanded_name(json_object *map, const char *name, const struct scenario_place *here,
                               struct err *e)
{
    const char *dash = strrchr(name, '-');
    if (!dash || dash[1] == '0' || dash[1] == '\0' || strspn(dash + 1, "0123456789") != strlen(dash + 1))
        return 0;
    autofree char *group = mem_printf("%.*s", (int)(dash - name), name);
    json_object *entry = scenario_member(map, group);
    if (!scenario_member(entry, "count") ||
        strtod(dash + 1, NULL) > scenario_number(&scenario_mud_keys, entry, "count"))
        return 0;
    scenario_error(here, e, "the count of %s makes a device of this name already", group);
    return err_hint(e, "choose another name");
}

static int build_kind(struct scenario_mud *kind, json_object *root, json_object *entry,
                      const struct scenario_place *here, struct err *e)
{
    json_object *visits = scenario_member(entry, "visits");
    const struct scenario_place *place = PLACE_NAMED(here, "visits");
    size_t count = json_object_array_length(visits);
    scenario_fill(&scenario_mud_keys, entry, kind);
    kind->visits = mem_alloc_array(count, sizeof *kind->visits);
    for (size_t i = 0; i < count; i++)
        if (build_visit(kind, root, json_object_array_get_idx(visits, i), PLACE_INDEX(place, (int)i), e) < 0)
            return -EINVAL;
    return scenario_index_by_key(root, "hosts", "host", entry, "host", here, &kind->host, e);
}

static void add_devices(struct scenario *s, const struct scenario_mud *kind, const char *name, bool counted,
                        int count)
{
    for (int i = 0; i < count; i++) {
        struct scenario_mud *mud = &s->muds[s->mud_count++];
        *mud = *kind;
        mud->name = counted ? mem_printf("%s-%d", name, i + 1) : mem_copy_string(name);
        mud->visits_shared = i > 0;
    }
}

static int count_devices(json_object *map, double *total, struct err *e)
{
    *total = 0;
    json_object_object_foreach(map, name, entry)
    {
        *total += scenario_number(&scenario_mud_keys, entry, "count");
        if (*total > SCENARIO_MUDS_MAX)
            return scenario_error(PLACE_NAMED(PLACE_NAMED(NULL, "muds"), name), e,
                                  "makes more than %d devices in all", SCENARIO_MUDS_MAX);
    }
    return 0;
}

int scenario_build_muds(struct scenario *s, json_object *root, struct err *e)
{
    json_object *map = scenario_member(root, "muds");
    const struct scenario_place *place = PLACE_NAMED(NULL, "muds");
    double total;
    if (count_devices(map, &total, e) < 0)
        return -EINVAL;
    s->muds = mem_alloc_array((size_t)total, sizeof *s->muds);
    json_object_object_foreach(map, name, entry)
    {
        const struct scenario_place *here = PLACE_NAMED(place, name);
        struct scenario_mud kind = {.kind = s->mud_count ? s->muds[s->mud_count - 1].kind + 1 : 0};
        if (build_kind(&kind, root, entry, here, e) < 0 || check_expanded_name(map, name, here, e) < 0) {
            free(kind.visits);
            return -EINVAL;
        }
        add_devices(s, &kind, name, scenario_member(entry, "count"),
                    (int)scenario_number(&scenario_mud_keys, entry, "count"));
    }
    return 0;
}
