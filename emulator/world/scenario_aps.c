/* Access points: one by one, or many in a grid whose parts are wired to different edge servers. */
#include "scenario_key.h"

#include "ap_grid.h"
#include "mem.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct grid {
    const struct ap_grid *layout;
    uint32_t count, columns;
    double spacing_m;
};

static const char *layout_name_at(int i)
{
    return ap_grid_at(i) ? ap_grid_at(i)->name : NULL;
}

static int read_grid(struct grid *grid, json_object *entry, const struct scenario_place *here, struct err *e)
{
    const char *layout;
    if (scenario_choice(entry, "layout", "square", layout_name_at, here, &layout, e) < 0)
        return -EINVAL;
    double columns = scenario_number(&scenario_ap_keys, entry, "columns");
    grid->layout = ap_grid_of(layout);
    grid->count = (uint32_t)scenario_number(&scenario_ap_keys, entry, "count");
    grid->columns = isnan(columns) ? (uint32_t)ceil(sqrt(grid->count)) : (uint32_t)columns;
    grid->spacing_m = scenario_number(&scenario_ap_keys, entry, "spacing_m");
    return 0;
}

/* The edge servers cut the grid into a grid of their own, of about the same shape, row by row. */
static int edge_of_place(const struct scenario *s, const struct grid *grid, uint32_t i)
{
    uint32_t rows = (grid->count + grid->columns - 1) / grid->columns, edges = (uint32_t)s->edge_count;
    uint32_t across = (uint32_t)lround(sqrt((double)edges * grid->columns / rows));
    across = across < 1 ? 1 : across > edges ? edges : across;
    uint32_t down = (edges + across - 1) / across;
    uint32_t edge = i / grid->columns * down / rows * across + i % grid->columns * across / grid->columns;
    return (int)(edge < edges ? edge : edges - 1);
}

static void place_ap(struct scenario_ap *ap, const struct grid *grid, uint32_t i)
{
    double x, y;
    grid->layout->place(grid->columns, i, &x, &y);
    ap->x_m += x * grid->spacing_m;
    ap->y_m += y * grid->spacing_m;
}

static int need_edge(json_object *entry, bool counted, const struct scenario_place *here, struct err *e)
{
    if (counted || scenario_member(entry, "edge"))
        return 0;
    scenario_error(PLACE_NAMED(here, "edge"), e, "is missing");
    return err_hint(e, "edge: the edge server that this access point is wired to");
}

static int build_kind(struct scenario_ap *kind, json_object *root, json_object *entry,
                      const struct scenario_place *here, struct err *e)
{
    scenario_fill(&scenario_ap_keys, entry, kind);
    kind->host = kind->edge = -1;
    kind->placed = scenario_member(entry, "x_m") && scenario_member(entry, "y_m");
    if (scenario_index_by_key(root, "hosts", "host", entry, "host", here, &kind->host, e) < 0)
        return -EINVAL;
    return scenario_index_by_key(root, "edges", "edge server", entry, "edge", here, &kind->edge, e);
}

static void add_aps(struct scenario *s, const struct scenario_ap *kind, const char *name, bool counted,
                    const struct grid *grid)
{
    for (uint32_t i = 0; i < grid->count; i++) {
        struct scenario_ap *ap = &s->aps[s->ap_count];
        *ap = *kind;
        ap->name = counted ? mem_printf("%s-%u", name, i + 1) : mem_copy_string(name);
        ap->edge = kind->edge < 0 ? edge_of_place(s, grid, i) : kind->edge;
        ap->host = kind->host < 0 ? s->edges[ap->edge].host : kind->host;
        uint32_t turn = counted ? i : (uint32_t)s->ap_count;
        if (kind->channel == 0)
            ap->channel = grid->layout->channel(grid->columns, turn);
        if (counted)
            place_ap(ap, grid, i);
        ap->placed |= counted;
        s->ap_count++;
    }
}

static int count_aps(json_object *map, size_t *total, struct err *e)
{
    *total = 0;
    json_object_object_foreach(map, name, entry)
    {
        *total += (size_t)scenario_number(&scenario_ap_keys, entry, "count");
        if (*total > SCENARIO_APS_MAX)
            return scenario_error(PLACE_NAMED(PLACE_NAMED(NULL, "aps"), name), e,
                                  "makes more than %d access points in all", SCENARIO_APS_MAX);
    }
    return 0;
}

int scenario_build_aps(struct scenario *s, json_object *root, struct err *e)
{
    json_object *map = scenario_member(root, "aps");
    const struct scenario_place *place = PLACE_NAMED(NULL, "aps");
    size_t total;
    if (count_aps(map, &total, e) < 0)
        return -EINVAL;
    s->aps = mem_alloc_array(total, sizeof *s->aps);
    json_object_object_foreach(map, name, entry)
    {
        const struct scenario_place *here = PLACE_NAMED(place, name);
        bool counted = scenario_member(entry, "count");
        struct scenario_ap kind = {0};
        struct grid grid;
        json_object_set_userdata(entry, (void *)(intptr_t)s->ap_count, NULL);
        if (need_edge(entry, counted, here, e) < 0 || build_kind(&kind, root, entry, here, e) < 0 ||
            read_grid(&grid, entry, here, e) < 0 ||
            scenario_check_counted_name(map, &scenario_ap_keys, "an access point", name, here, e) < 0)
            return -EINVAL;
        add_aps(s, &kind, name, counted, &grid);
    }
    return 0;
}

int scenario_ap_index(json_object *root, const char *name, const struct scenario_place *place, int *out,
                      struct err *e)
{
    json_object *map = scenario_member(root, "aps"), *entry = scenario_member(map, name);
    const char *dash = strrchr(name, '-');
    if (entry && scenario_member(entry, "count")) {
        scenario_error(place, e, "%s is many access points", name);
        return err_hint(e, "write %s-1 or another of them", name);
    }
    if (entry || !dash)
        return scenario_index_of(map, "access point", name, place, out, e);
    autofree char *group = mem_printf("%.*s", (int)(dash - name), name);
    entry = scenario_member(map, group);
    char *end;
    long number = strtol(dash + 1, &end, 10);
    if (!entry || !scenario_member(entry, "count") || *end || dash[1] < '1' || dash[1] > '9' ||
        (double)number > scenario_number(&scenario_ap_keys, entry, "count"))
        return scenario_unknown_name(map, "access point", name, place, e);
    *out = (int)(intptr_t)json_object_get_userdata(entry) + (int)number - 1;
    return 0;
}
