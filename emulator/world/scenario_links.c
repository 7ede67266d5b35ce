#include "scenario_key.h"

#include "mem.h"

#include <errno.h>
#include <string.h>

/* The congestion controls that Linux knows by name. */
static const char *const congestions[] = {"cubic",     "reno",  "bbr",   "bic",      "cdg", "dctcp",
                                          "highspeed", "htcp",  "hybla", "illinois", "lp",  "nv",
                                          "scalable",  "vegas", "veno",  "westwood", "yeah"};

static const char *congestion_at(int i)
{
    return i < (int)ARRAY_LEN(congestions) ? congestions[i] : NULL;
}

static int build_ends(struct scenario *s, json_object *root, json_object *entry, struct scenario_link *link,
                      const struct scenario_place *here, struct err *e)
{
    json_object *pair = scenario_member(entry, "between");
    const struct scenario_place *place = PLACE_NAMED(here, "between");
    for (int i = 0; i < 2; i++) {
        const char *name = json_object_get_string(json_object_array_get_idx(pair, (size_t)i));
        if (scenario_index_of(scenario_member(root, "hosts"), "host", name, PLACE_INDEX(place, i),
                              &link->between[i], e) < 0)
            return -EINVAL;
    }
    if (link->between[0] == link->between[1]) {
        scenario_error(place, e, "joins host %s to itself", s->hosts[link->between[0]].name);
        return err_hint(e, "a host reaches itself without a link");
    }
    return 0;
}

static int build_link(struct scenario *s, json_object *root, json_object *entry, struct scenario_link *link,
                      const struct scenario_place *here, struct err *e)
{
    const char *congestion;
    if (scenario_build_shaping(link, entry, here, e) < 0 ||
        scenario_choice(entry, "congestion", "cubic", congestion_at, here, &congestion, e) < 0)
        return -EINVAL;
    link->use = scenario_number(&scenario_link_keys, entry, "in_use");
    snprintf(link->congestion, sizeof link->congestion, "%s", congestion);
    return build_ends(s, root, entry, link, here, e);
}

int scenario_build_links(struct scenario *s, json_object *root, struct err *e)
{
    json_object *list = scenario_member(root, "links");
    size_t count = list ? json_object_array_length(list) : 0;
    autofree int *link_of_pair =
        mem_alloc_array((size_t)s->host_count * (size_t)s->host_count, sizeof *link_of_pair);
    s->links = mem_alloc_array(count + 1, sizeof *s->links);
    for (size_t i = 0; i < count; i++) {
        struct scenario_link *link = &s->links[s->link_count++];
        const struct scenario_place *here = PLACE_INDEX(PLACE_NAMED(NULL, "links"), (int)i);
        if (build_link(s, root, json_object_array_get_idx(list, i), link, here, e) < 0)
            return -EINVAL;
        int a = link->between[0], b = link->between[1];
        int *known = &link_of_pair[a < b ? a * s->host_count + b : b * s->host_count + a];
        if (*known) {
            scenario_error(PLACE_NAMED(here, "between"), e, "links.%d joins %s and %s already", *known - 1,
                           s->hosts[a].name, s->hosts[b].name);
            return err_hint(e, "keep one link for each pair of hosts");
        }
        *known = s->link_count;
    }
    return 0;
}
