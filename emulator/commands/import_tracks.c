#include "import.h"
#include "itinerary.h"
#include "mem.h"
#include "roaming_cost.h"
#include "scenario_air.h"
#include "scenario_move.h"

#include <ctype.h>
#include <errno.h>
#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = 20 }; /* of a name in the file: with a letter before and a number behind, a scenario takes it */

struct timeline {
    const struct scenario *scenario;
    struct track_source *source;
    json_object **visits; /* with --json: a list for each device, or NULL; owned */
    uint32_t count, room;
};

/* --- csv ---------------------------------------------------------------------------------------------------------- */

/* RFC 4180: what could be taken for a separator stands in quotes. */
static void print_name(const char *name)
{
    if (!strpbrk(name, ",\"\r\n")) {
        fputs(name, stdout);
        return;
    }
    putchar('"');
    for (; *name; name++)
        printf(*name == '"' ? "\"\"" : "%c", *name);
    putchar('"');
}

static void print_visit(void *context, uint32_t device, const struct visit *visit, double dbm)
{
    const struct timeline *t = context;
    print_name(t->source->operations->name(t->source, device));
    if (visit->ap == VISIT_NOWHERE)
        printf(",%.3f,,,0\n", simtime_seconds(visit->at));
    else
        printf(",%.3f,%s,%.1f,%.3f\n", simtime_seconds(visit->at), t->scenario->aps[visit->ap].name, dbm,
               simtime_to_ms(handoff_phases_sum(&visit->phases)));
}

/* --- json --------------------------------------------------------------------------------------------------------- */

static void keep_visit(void *context, uint32_t device, const struct visit *visit, double dbm)
{
    struct timeline *t = context;
    (void)dbm;
    if (device >= t->room) {
        uint32_t room = t->room ? t->room * 2 : 64;
        room = device < room ? room : device + 1;
        t->visits = mem_resize(t->visits, room * sizeof(json_object *));
        memset(t->visits + t->room, 0, (room - t->room) * sizeof(json_object *));
        t->room = room;
    }
    t->count = device < t->count ? t->count : device + 1;
    if (!t->visits[device])
        t->visits[device] = json_object_new_array();
    json_object_array_add(t->visits[device], scenario_visit_json(t->scenario, visit));
}

/* Devices of a scenario have plainer names than those of SUMO ("flow.0"). */
static char *plain_name(const char *name)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    char *copy = mem_printf("%s%.*s", isalnum((unsigned char)name[0]) ? "" : "m", NAME_BYTES, name);
    for (char *c = copy; *(c += strspn(c, plain));)
        *c = '_';
    return copy;
}

/* Names that differ stay different. */
static char *own_name(json_object *muds, const char *name)
{
    autofree char *plain = plain_name(name);
    char *own = mem_copy_string(plain);
    for (uint32_t n = 2; json_object_object_get_ex(muds, own, NULL); n++) {
        free(own);
        own = mem_printf("%s_%u", plain, n);
    }
    return own;
}

static void print_json(struct timeline *t)
{
    const struct scenario *s = t->scenario;
    json_object *muds = json_object_new_object();
    for (uint32_t i = 0; i < t->count; i++) {
        if (!t->visits[i])
            continue;
        autofree char *name = own_name(muds, t->source->operations->name(t->source, i));
        json_object *mud = json_object_new_object();
        json_object_object_add(mud, "host", json_object_new_string(s->hosts[s->muds[0].host].name));
        json_object_object_add(mud, "visits", json_object_get(t->visits[i]));
        json_object_object_add(muds, name, mud);
    }
    puts(json_object_to_json_string_ext(muds, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
                                                  JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(muds);
}

/* --- the pass ----------------------------------------------------------------------------------------------------- */

static int check(const struct import_tracks *request, const struct timeline *t, struct err *e)
{
    const struct scenario *s = t->scenario;
    for (int i = 0; i < s->ap_count; i++)
        if (!s->aps[i].placed) {
            err_set(e, EINVAL, "%.200s: aps.%s: has no place", s->path, s->aps[i].name);
            return err_hint(e, "give its x_m and y_m in metres");
        }
    if (!s->radio.roaming.policy->needs_stations || t->source->by_time)
        return 0;
    err_set(e, EINVAL, "%.200s: %s counts stations, but the file tells one device after the other",
            request->file, s->radio.roaming.policy->name);
    return err_hint(e, "sort the tracks by time, as csv");
}

static int move_all(struct timeline *t, const struct itinerary_options *options, struct err *e)
{
    struct itinerary *itinerary = itinerary_new(options);
    struct track_sample sample;
    int status;
    while ((status = t->source->operations->next(t->source, &sample, e)) > 0)
        itinerary_move(itinerary, &sample);
    if (status == 0)
        itinerary_end(itinerary);
    itinerary_free(itinerary);
    return status;
}

static int pass(const struct import_tracks *request, struct timeline *t, struct err *e)
{
    const struct scenario *s = t->scenario;
    struct scenario_air air = {0};
    autofree float *costs =
        s->radio.roaming.policy->needs_cost ? roaming_costs(s, s->muds[0].host, s->seed) : NULL;
    int status = check(request, t, e);
    if (status == 0 && (status = scenario_air_open(&air, s, s->seed, e)) < 0)
        err_wrap(e, "%.240s", s->path);
    if (status == 0) {
        struct itinerary_options options = scenario_air_itinerary(&air, s, s->seed);
        options.name = request->format->name;
        options.costs = costs;
        options.visit = request->json ? keep_visit : print_visit;
        options.context = t;
        if (!request->json)
            puts("device,at_s,ap,rssi_dbm,silent_ms");
        status = move_all(t, &options, e);
    }
    scenario_air_close(&air);
    return status;
}

int import_tracks(const struct import_tracks *request)
{
    struct err e = ERR_INIT;
    struct scenario *s =
        scenario_read(request->scenario, request->settings->list, request->settings->count, &e);
    struct timeline t = {.scenario = s, .source = s ? request->format->open(request->file, &e) : NULL};
    int status = t.source ? pass(request, &t, &e) : -EINVAL;
    if (status < 0)
        err_print(&e);
    else if (request->json)
        print_json(&t);
    for (uint32_t i = 0; i < t.count; i++)
        json_object_put(t.visits[i]);
    free(t.visits);
    if (t.source)
        t.source->operations->close(t.source);
    scenario_free(s);
    return status < 0 ? 2 : fflush(stdout) ? 4 : 0;
}
