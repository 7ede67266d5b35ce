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
    const char *name = scenario_word(entry, "ap");
    bool outage = json_object_get_boolean(scenario_member(entry, "outage"));
    if (outage == (name != NULL)) {
        scenario_error(here, e, outage ? "has both ap and outage" : "has neither ap nor outage");
        return err_hint(e, "write the access point, or \"outage\": true for none");
    }
    if (name && scenario_ap_index(root, name, PLACE_NAMED(here, "ap"), &ap, e) < 0)
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

static int build_visits(struct scenario_mud *kind, json_object *root, json_object *visits,
                        const struct scenario_place *place, struct err *e)
{
    size_t count = json_object_array_length(visits);
    kind->visits = mem_alloc_array(count + 1, sizeof *kind->visits);
    for (size_t i = 0; i < count; i++)
        if (build_visit(kind, root, json_object_array_get_idx(visits, i), PLACE_INDEX(place, (int)i), e) < 0)
            return -EINVAL;
    return 0;
}

static int build_moving(const struct scenario *s, struct scenario_mud *kind, json_object *root, json_object *entry,
                        const struct scenario_place *here, struct err *e)
{
    const char *track = scenario_word(entry, "track");
    if (scenario_index_by_key(root, "mobility", "mobility", entry, "mobility", here, &kind->mobility, e) < 0)
        return -EINVAL;
    if (track && !s->mobilities[kind->mobility].tracks)
        return scenario_error(PLACE_NAMED(here, "track"), e, "mobility %s has no file of tracks",
                              s->mobilities[kind->mobility].name);
    kind->track = mem_copy_string(track);
    return 0;
}

static int build_kind(const struct scenario *s, struct scenario_mud *kind, json_object *root, json_object *entry,
                      const struct scenario_place *here, struct err *e)
{
    json_object *visits = scenario_member(entry, "visits");
    bool moving = scenario_member(entry, "mobility");
    scenario_fill(&scenario_mud_keys, entry, kind);
    kind->mobility = -1;
    if (moving == (visits != NULL)) {
        scenario_error(here, e, moving ? "has both visits and mobility" : "has neither visits nor mobility");
        return err_hint(e, "visits: where it is when; mobility: how it moves");
    }
    if (!moving && scenario_member(entry, "track"))
        return scenario_error(PLACE_NAMED(here, "track"), e, "needs mobility");
    int status = moving ? build_moving(s, kind, root, entry, here, e)
                        : build_visits(kind, root, visits, PLACE_NAMED(here, "visits"), e);
    return status < 0 ? status : scenario_index_by_key(root, "hosts", "host", entry, "host", here, &kind->host, e);
}

/* Alike devices share one list of visits, unless each moves its own way. */
static void add_devices(struct scenario *s, const struct scenario_mud *kind, const char *name, bool counted,
                        int count)
{
    for (int i = 0; i < count; i++) {
        struct scenario_mud *mud = &s->muds[s->mud_count++];
        *mud = *kind;
        mud->name = counted ? mem_printf("%s-%d", name, i + 1) : mem_copy_string(name);
        mud->visits_shared = i > 0 && kind->mobility < 0;
        mud->counted = counted;
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

static struct scenario_mud next_kind(const struct scenario *s, bool alike)
{
    if (s->mud_count == 0)
        return (struct scenario_mud){0};
    const struct scenario_mud *before = &s->muds[s->mud_count - 1];
    return (struct scenario_mud){.entry = before->entry + 1, .kind = before->kind + !alike};
}

int scenario_build_muds(struct scenario *s, json_object *root, struct err *e)
{
    json_object *map = scenario_member(root, "muds");
    const struct scenario_place *place = PLACE_NAMED(NULL, "muds");
    double total;
    if (count_devices(map, &total, e) < 0)
        return -EINVAL;
    s->muds = mem_alloc_array((size_t)total, sizeof *s->muds);
    const char *kind_before = NULL;
    json_object_object_foreach(map, name, entry)
    {
        const struct scenario_place *here = PLACE_NAMED(place, name);
        const char *kind_word = scenario_word(entry, "kind");
        bool alike = kind_word && kind_before && strcmp(kind_word, kind_before) == 0;
        struct scenario_mud kind = next_kind(s, alike);
        kind_before = kind_word;
        if (build_kind(s, &kind, root, entry, here, e) < 0 ||
            scenario_check_counted_name(map, &scenario_mud_keys, "a device", name, here, e) < 0) {
            free(kind.visits);
            free(kind.track);
            return -EINVAL;
        }
        add_devices(s, &kind, name, scenario_member(entry, "count"),
                    (int)scenario_number(&scenario_mud_keys, entry, "count"));
    }
    return 0;
}
