/* Private registries in tiers (KimS22), and what edge servers have of the base image. */
#include "scenario_key.h"
#include "mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { IMAGES_MAX = 100 };

static const struct scenario_key registry_rows[] = {
    {.name = "host",
     .kind = KEY_WORD,
     .field = KEY_NO_FIELD,
     .required = true,
     .help = "the host it runs on"},
    {.name = "parent",
     .kind = KEY_WORD,
     .field = KEY_NO_FIELD,
     .help = "the registry of the tier above; absent: it is the highest"},
    {.name = "images",
     .kind = KEY_TEXTS,
     .field = KEY_NO_FIELD,
     .min = 0,
     .max = IMAGES_MAX,
     .help = "its catalogue at the start; absent: the service's image without a parent, else nothing"},
    {"keeps", KEY_SWITCH, FIELD(scenario_registry, keeps), false, 0, 0, 0,
     "true: what one of its edge servers has pulled elsewhere is pushed to it", 0, 0},
};
const struct scenario_keys scenario_registry_keys = {registry_rows, ARRAY_LEN(registry_rows)};

/* NAME[:TAG] as the Distribution Specification has it, without a registry's name. */
bool scenario_is_image(const char *text)
{
    static const char name[] = "abcdefghijklmnopqrstuvwxyz0123456789",
                      tag[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ._-";
    size_t len = strcspn(text, ":");
    bool word = true; /* of letters and digits, separated by one of ._-/ each */
    for (size_t i = 0; i < len && word; i++)
        word = strchr(name, text[i]) ||
               (i > 0 && i + 1 < len && strchr("._-/", text[i]) && strchr(name, text[i - 1]));
    if (!word || len == 0 || len > 100 || text[len] == '\0')
        return word && len > 0 && len <= 100;
    const char *t = text + len + 1;
    for (size_t i = 0; t[i]; i++)
        if (!strchr(name, t[i]) && !(strchr(tag, t[i]) && (i > 0 || (t[i] != '.' && t[i] != '-'))))
            return false;
    return t[0] && strlen(t) <= 100;
}

static int not_an_image(const char *text, const struct scenario_place *place, struct err *e)
{
    scenario_error(place, e, "\"%.64s\" does not name an image", text);
    return err_hint(
        e,
        "small letters and digits, parts separated by one of . _ - /, then perhaps :TAG, such as iot_service:1.0");
}

static int take_images(struct scenario_registry *r, const struct scenario *s, json_object *entry,
                       const struct scenario_place *here, struct err *e)
{
    json_object *list = scenario_member(entry, "images");
    size_t count = list ? json_object_array_length(list) : 0;
    r->images = mem_alloc_array(count + 1, sizeof *r->images);
    r->has_image = !list && r->parent < 0;
    if (r->has_image)
        r->images[r->image_count++] = mem_copy_string(s->service.image);
    for (size_t i = 0; i < count; i++) {
        const char *image = json_object_get_string(json_object_array_get_idx(list, i));
        if (!scenario_is_image(image))
            return not_an_image(image, PLACE_INDEX(PLACE_NAMED(here, "images"), (int)i), e);
        r->images[r->image_count++] = mem_copy_string(image);
        r->has_image |= !strcmp(image, s->service.image);
    }
    return 0;
}

/* One registry a host: all listen at the same port. */
static int check_host(const struct scenario *s, int own, const struct scenario_place *here, struct err *e)
{
    for (int i = 0; i < own; i++)
        if (s->registries[i].host == s->registries[own].host) {
            scenario_error(PLACE_NAMED(here, "host"), e, "registry %s is on host %s already",
                           s->registries[i].name, s->hosts[s->registries[own].host].name);
            return err_hint(e, "give each registry a host of its own");
        }
    return 0;
}

static int check_tiers(const struct scenario *s, const struct scenario_place *place, struct err *e)
{
    for (int i = 0; i < s->registry_count; i++) {
        int steps = 0;
        for (int up = s->registries[i].parent; up >= 0; up = s->registries[up].parent)
            if (++steps > s->registry_count) {
                const struct scenario_place *here =
                    PLACE_NAMED(PLACE_NAMED(place, s->registries[i].name), "parent");
                return scenario_error(here, e, "the tiers go in a circle");
            }
    }
    return 0;
}

int scenario_build_registries(struct scenario *s, json_object *root, struct err *e)
{
    json_object *map = scenario_member(root, "registries");
    const struct scenario_place *place = PLACE_NAMED(NULL, "registries");
    const char *image = scenario_word(scenario_member(root, "service"), "image");
    s->service.image = mem_copy_string(image ? image : "service");
    if (!scenario_is_image(s->service.image))
        return not_an_image(s->service.image, PLACE_NAMED(PLACE_NAMED(NULL, "service"), "image"), e);
    if (!map)
        return 0;
    scenario_number_entries(map);
    s->registries = mem_alloc_array((size_t)json_object_object_length(map), sizeof *s->registries);
    json_object_object_foreach(map, name, entry)
    {
        const struct scenario_place *here = PLACE_NAMED(place, name);
        struct scenario_registry *r = &s->registries[s->registry_count++];
        *r = (struct scenario_registry){.name = mem_copy_string(name), .parent = -1};
        scenario_fill(&scenario_registry_keys, entry, r);
        if (scenario_index_by_key(root, "hosts", "host", entry, "host", here, &r->host, e) < 0 ||
            scenario_index_by_key(root, "registries", "registry", entry, "parent", here, &r->parent, e) < 0 ||
            take_images(r, s, entry, here, e) < 0 || check_host(s, s->registry_count - 1, here, e) < 0)
            return -EINVAL;
    }
    return check_tiers(s, place, e);
}

static int check_edge(const struct scenario *s, const struct scenario_edge *edge, struct err *e)
{
    const struct scenario_place *here =
        PLACE_NAMED(PLACE_NAMED(PLACE_NAMED(NULL, "edges"), edge->name), "has_base");
    int hop;
    for (int i = 0; i < s->registry_count; i++)
        if (s->registries[i].has_image && scenario_route(s, edge->host, s->registries[i].host, &hop, 0) != -1)
            return 0;
    scenario_error(here, e, "no registry that it reaches has the image %s", s->service.image);
    return err_hint(e, "add one to registries, or write true");
}

int scenario_check_registries(const struct scenario *s, struct err *e)
{
    for (int i = 0; i < s->edge_count; i++)
        if (!s->edges[i].has_base && check_edge(s, &s->edges[i], e) < 0)
            return -EINVAL;
    return 0;
}

void scenario_free_registries(struct scenario *s)
{
    for (int i = 0; i < s->registry_count; i++) {
        for (int j = 0; j < s->registries[i].image_count; j++)
            free(s->registries[i].images[j]);
        free(s->registries[i].images);
        free(s->registries[i].name);
    }
    free(s->registries);
    free(s->service.image);
}
