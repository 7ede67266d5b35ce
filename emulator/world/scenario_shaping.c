#include "scenario_key.h"

#include "distribution.h"
#include "mem.h"
#include "trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const way_names[] = {"forward", "back"};

/* What a key says about one direction of a link. */
struct way {
    const struct scenario_key *key;
    json_object *value; /* NULL: nothing */
    struct scenario_place of_key, of_way;
};

static const struct scenario_place *place_of(const struct way *w)
{
    return w->of_way.name ? &w->of_way : &w->of_key;
}

/* Fills in *w, whose places refer to one another. */
static void find_way(const struct scenario_keys *keys, json_object *entry, const char *name, int direction,
                     const struct scenario_place *place, struct way *w)
{
    *w = (struct way){.key = scenario_key_of(keys, name, strlen(name)), .of_key = *PLACE_NAMED(place, name)};
    w->value = scenario_member(entry, name);
    if (!w->value || !scenario_is_both_ways(w->key, w->value))
        return;
    w->value = scenario_member(w->value, way_names[direction]);
    w->of_way = *PLACE_NAMED(&w->of_key, way_names[direction]);
}

static double number_of(const struct way *w)
{
    return w->value ? json_object_get_double(w->value) : w->key->preset;
}

static double way_number(const struct scenario_keys *keys, json_object *entry, const char *name,
                         int direction)
{
    struct way w;
    find_way(keys, entry, name, direction, NULL, &w);
    return number_of(&w);
}

/* A probability, or an object with it and its correlation. Returns the object's keys' object, or NULL. */
static json_object *chance_of(const struct way *w, double *probability, double *correlation)
{
    if (!json_object_is_type(w->value, json_type_object)) {
        *probability = number_of(w);
        return NULL;
    }
    const struct scenario_keys *keys = w->key->children->at[0].children;
    *probability = scenario_number(keys, w->value, "probability");
    *correlation = scenario_number(keys, w->value, "correlation");
    return w->value;
}

/* --- loss ---------------------------------------------------------------------------------------------------------- */

static const struct scenario_keys *model_keys(const struct way *w, const char *name)
{
    return scenario_key_of(w->key->children->at[0].children, name, strlen(name))->children;
}

static void set_gilbert_elliott(struct link_params *p, const struct way *w, json_object *model)
{
    const struct scenario_keys *keys = model_keys(w, "gilbert_elliott");
    double r = scenario_number(keys, model, "r");
    p->loss_model = LINK_LOSS_GILBERT_ELLIOTT;
    p->gilbert_elliott.p = scenario_number(keys, model, "p");
    p->gilbert_elliott.r = isnan(r) ? 1 - p->gilbert_elliott.p : r;
    p->gilbert_elliott.loss_bad = scenario_number(keys, model, "loss_bad");
    p->gilbert_elliott.loss_good = scenario_number(keys, model, "loss_good");
}

static void set_markov(struct link_params *p, const struct way *w, json_object *model)
{
    const struct scenario_keys *keys = model_keys(w, "markov");
    double p31 = scenario_number(keys, model, "p31");
    p->loss_model = LINK_LOSS_MARKOV;
    p->markov.p13 = scenario_number(keys, model, "p13");
    p->markov.p31 = isnan(p31) ? 1 - p->markov.p13 : p31;
    p->markov.p32 = scenario_number(keys, model, "p32");
    p->markov.p23 = scenario_number(keys, model, "p23");
    p->markov.p14 = scenario_number(keys, model, "p14");
}

static int build_loss(struct link_params *p, const struct way *w, struct err *e)
{
    json_object *object = chance_of(w, &p->loss, &p->loss_correlation);
    json_object *gilbert_elliott = scenario_member(object, "gilbert_elliott"),
                *markov = scenario_member(object, "markov");
    bool random = scenario_member(object, "probability") || scenario_member(object, "correlation");
    if (object && random + (gilbert_elliott != NULL) + (markov != NULL) > 1) {
        scenario_error(place_of(w), e, "has more than one model");
        return err_hint(e, "probability (with correlation), gilbert_elliott or markov");
    }
    if (gilbert_elliott)
        set_gilbert_elliott(p, w, gilbert_elliott);
    if (markov)
        set_markov(p, w, markov);
    return 0;
}

/* --- jitter ---------------------------------------------------------------------------------------------------------- */

static const char *const distributions[] = {[LINK_UNIFORM] = "uniform",
                                            [LINK_NORMAL] = "normal",
                                            [LINK_PARETO] = "pareto",
                                            [LINK_PARETONORMAL] = "paretonormal"};

static const char *distribution_at(int i)
{
    return i < (int)ARRAY_LEN(distributions) ? distributions[i] : NULL;
}

static int build_table(struct scenario_link *link, int direction, const struct way *w, struct err *e)
{
    const char *text = scenario_word(w->value, "text"), *file = scenario_word(w->value, "file");
    if (!text)
        return scenario_error(place_of(w), e, "names no file");
    link->tables[direction] = table_parse(file ? file : "table", text, strlen(text), e);
    if (!link->tables[direction])
        return scenario_wrap(place_of(w), e);
    link->params[direction].distribution = LINK_TABLE;
    link->params[direction].table = link->tables[direction];
    return 0;
}

static int build_distribution(struct scenario_link *link, int direction, const struct way *w, struct err *e)
{
    if (!w->value)
        return 0;
    if (json_object_is_type(w->value, json_type_object))
        return build_table(link, direction, w, e);
    const char *word = json_object_get_string(w->value);
    for (int i = 0; distribution_at(i); i++)
        if (strcmp(distribution_at(i), word) == 0) {
            link->params[direction].distribution = (enum link_distribution)i;
            return 0;
        }
    scenario_error(place_of(w), e, "there is no distribution %s", word);
    return scenario_names_hint(distribution_at, word, e);
}

/* --- slots ------------------------------------------------------------------------------------------------------------ */

static void build_slot(struct link_params *p, const struct way *w)
{
    const struct scenario_keys *keys = w->key->children->at[0].children;
    if (!w->value)
        return;
    double min = scenario_number(keys, w->value, "min_ms"), max = scenario_number(keys, w->value, "max_ms");
    p->slot.min = simtime_from_ms(min);
    p->slot.max = isnan(max) ? p->slot.min : simtime_from_ms(max);
    p->slot.packets = (uint32_t)scenario_number(keys, w->value, "packets");
    p->slot.bytes = (uint32_t)scenario_number(keys, w->value, "bytes");
}

/* --- one direction ------------------------------------------------------------------------------------------------------ */

static struct simtime delay_of(const struct scenario_keys *keys, json_object *entry, int direction)
{
    double ms = scenario_member(entry, "delay_ms") ? way_number(keys, entry, "delay_ms", direction)
                                                   : scenario_number(keys, entry, "rtt_ms") / 2;
    return simtime_from_ms(ms);
}

static int build_direction(struct scenario_link *link, json_object *entry, int direction,
                           const struct scenario_place *place, struct err *e)
{
    const struct scenario_keys *keys = &scenario_shaping_keys;
    struct link_params *p = &link->params[direction];
    struct way loss, duplicate, corrupt, reorder, distribution, slot;
    find_way(keys, entry, "loss", direction, place, &loss);
    find_way(keys, entry, "duplicate", direction, place, &duplicate);
    find_way(keys, entry, "corrupt", direction, place, &corrupt);
    find_way(keys, entry, "reorder", direction, place, &reorder);
    find_way(keys, entry, "distribution", direction, place, &distribution);
    find_way(keys, entry, "slot", direction, place, &slot);
    p->delay = delay_of(keys, entry, direction);
    p->jitter = simtime_from_ms(way_number(keys, entry, "jitter_ms", direction));
    p->jitter_correlation = way_number(keys, entry, "jitter_correlation", direction);
    p->rate_bps = (uint64_t)llround(way_number(keys, entry, "rate_mbit", direction) * 1e6);
    p->packet_overhead = (int32_t)way_number(keys, entry, "packet_overhead_bytes", direction);
    p->cell_bytes = (uint32_t)way_number(keys, entry, "cell_bytes", direction);
    p->cell_overhead = (int32_t)way_number(keys, entry, "cell_overhead_bytes", direction);
    p->queue_packets = (uint32_t)way_number(keys, entry, "queue_packets", direction);
    p->queue_bytes = (uint64_t)way_number(keys, entry, "queue_bytes", direction);
    chance_of(&duplicate, &p->duplicate, &p->duplicate_correlation);
    chance_of(&corrupt, &p->corrupt, &p->corrupt_correlation);
    json_object *object = chance_of(&reorder, &p->reorder, &p->reorder_correlation);
    if (object)
        p->gap = (uint32_t)scenario_number(reorder.key->children->at[0].children, object, "gap");
    build_slot(p, &slot);
    if (build_loss(p, &loss, e) < 0 || build_distribution(link, direction, &distribution, e) < 0)
        return -EINVAL;
    return link_params_check(p, e) < 0 ? scenario_wrap(place, e) : 0;
}

/* --- over time ------------------------------------------------------------------------------------------------------------ */

static const char *const shapes[] = {"step", "linear", NULL};

static const char *shape_at(int i)
{
    return shapes[i];
}

static void set_point(struct schedule_point *point, enum schedule_quantity quantity,
                      const struct scenario_keys *keys, json_object *entry, const char *name, int direction,
                      double scale)
{
    struct way w;
    find_way(keys, entry, name, direction, NULL, &w);
    if (!w.value)
        return;
    point->sets[quantity] = true;
    point->values[quantity] = llround(json_object_get_double(w.value) * scale);
}

static void fill_point(struct schedule_point *point, const struct scenario_keys *keys, json_object *entry,
                       int direction)
{
    if (scenario_member(entry, "rtt_ms")) {
        point->sets[SCHEDULE_DELAY] = true;
        point->values[SCHEDULE_DELAY] = simtime_from_ms(scenario_number(keys, entry, "rtt_ms") / 2).ns;
    }
    set_point(point, SCHEDULE_DELAY, keys, entry, "delay_ms", direction, 1e6);
    set_point(point, SCHEDULE_JITTER, keys, entry, "jitter_ms", direction, 1e6);
    set_point(point, SCHEDULE_RATE, keys, entry, "rate_mbit", direction, 1e6);
    set_point(point, SCHEDULE_LOSS, keys, entry, "loss", direction, (double)SCHEDULE_CERTAIN);
    set_point(point, SCHEDULE_DUPLICATE, keys, entry, "duplicate", direction, (double)SCHEDULE_CERTAIN);
    set_point(point, SCHEDULE_CORRUPT, keys, entry, "corrupt", direction, (double)SCHEDULE_CERTAIN);
}

static int check_rtt_or_delay(json_object *entry, const struct scenario_place *place, struct err *e)
{
    if (!scenario_member(entry, "rtt_ms") || !scenario_member(entry, "delay_ms"))
        return 0;
    scenario_error(PLACE_NAMED(place, "delay_ms"), e, "stands beside rtt_ms");
    return err_hint(e, "keep one of the two: rtt_ms is shared out evenly, delay_ms is one way");
}

static int build_point(struct scenario_link *link, json_object *entry, const struct scenario_place *place,
                       struct err *e)
{
    const struct scenario_keys *keys =
        scenario_key_of(&scenario_shaping_keys, "schedule", strlen("schedule"))->children;
    const char *shape;
    if (scenario_choice(entry, "shape", "step", shape_at, place, &shape, e) < 0 ||
        check_rtt_or_delay(entry, place, e) < 0)
        return -EINVAL;
    for (int direction = 0; direction < 2; direction++) {
        struct schedule_point point = {.at = simtime_from_seconds(scenario_number(keys, entry, "at_s")),
                                       .linear = strcmp(shape, "linear") == 0};
        fill_point(&point, keys, entry, direction);
        if (schedule_add(&link->schedules[direction], &point, e) < 0)
            return scenario_wrap(PLACE_NAMED(place, "at_s"), e);
    }
    return 0;
}

static int build_schedule(struct scenario_link *link, json_object *list, const struct scenario_place *place,
                          struct err *e)
{
    for (size_t i = 0; i < json_object_array_length(list); i++)
        if (build_point(link, json_object_array_get_idx(list, i), PLACE_INDEX(place, (int)i), e) < 0)
            return -EINVAL;
    return 0;
}

static const char *format_at(int i)
{
    return trace_format_at(i) ? trace_format_at(i)->name : NULL;
}

static int read_trace(const struct trace_format *format, json_object *trace, const char *file_key,
                      const char *text_key, struct schedule out[2], const struct scenario_place *place,
                      struct err *e)
{
    const char *file = scenario_word(trace, file_key), *text = scenario_word(trace, text_key);
    int status = format->read(file ? file : text_key, text, strlen(text), out, e);
    return status < 0 ? scenario_wrap(PLACE_NAMED(place, file ? file_key : text_key), e) : 0;
}

/* The way back from a file of its own: that file's second schedule takes the first one's place. */
static int read_trace_back(struct scenario_link *link, const struct trace_format *format, json_object *trace,
                           const struct scenario_place *place, struct err *e)
{
    struct schedule back[2] = {SCHEDULE_INIT, SCHEDULE_INIT};
    int status = read_trace(format, trace, "file_back", "text_back", back, place, e);
    schedule_free(&back[0]);
    schedule_free(&link->schedules[1]);
    link->schedules[1] = back[1];
    return status;
}

static int build_trace(struct scenario_link *link, json_object *trace, const struct scenario_place *place,
                       struct err *e)
{
    const char *name;
    if (scenario_choice(trace, "format", "csv", format_at, place, &name, e) < 0)
        return -EINVAL;
    const struct trace_format *format = trace_format_of(name);
    if (!scenario_member(trace, "text"))
        return scenario_error(PLACE_NAMED(place, "file"), e, "is missing");
    if (read_trace(format, trace, "file", "text", link->schedules, place, e) < 0 ||
        (scenario_member(trace, "text_back") && read_trace_back(link, format, trace, place, e) < 0))
        return -EINVAL;
    json_object *repeat = scenario_member(trace, "repeat");
    bool repeats = repeat ? json_object_get_boolean(repeat) : format->repeats;
    for (int direction = 0; direction < 2 && repeats; direction++)
        if (schedule_repeat(&link->schedules[direction], e) < 0)
            return scenario_wrap(place, e);
    return 0;
}

static int build_variation(struct scenario_link *link, json_object *entry, const struct scenario_place *place,
                           struct err *e)
{
    json_object *list = scenario_member(entry, "schedule"), *trace = scenario_member(entry, "trace");
    const struct scenario_place *here = PLACE_NAMED(place, trace ? "trace" : "schedule");
    if (list && trace) {
        scenario_error(here, e, "stands beside schedule");
        return err_hint(e, "keep one of the two");
    }
    if ((list && build_schedule(link, list, here, e) < 0) || (trace && build_trace(link, trace, here, e) < 0))
        return -EINVAL;
    for (int direction = 0; direction < 2; direction++)
        if (schedule_complete(&link->schedules[direction], &link->params[direction], e) < 0)
            return scenario_wrap(here, e);
    return 0;
}

int scenario_build_shaping(struct scenario_link *link, json_object *entry, const struct scenario_place *place,
                           struct err *e)
{
    if (check_rtt_or_delay(entry, place, e) < 0)
        return -EINVAL;
    for (int direction = 0; direction < 2; direction++)
        if (build_direction(link, entry, direction, place, e) < 0)
            return -EINVAL;
    return build_variation(link, entry, place, e);
}

void scenario_free_shaping(struct scenario_link *link)
{
    for (int direction = 0; direction < 2; direction++) {
        schedule_free(&link->schedules[direction]);
        free(link->tables[direction]);
    }
}
