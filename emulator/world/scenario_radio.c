/* What a scenario says about the radio and about how devices move. */
#include "scenario_key.h"

#include "mem.h"

#include <errno.h>
#include <string.h>

static const char *path_loss_name_at(int i)
{
    return path_loss_model_at(i) ? path_loss_model_at(i)->name : NULL;
}

static const char *indoor_name_at(int i)
{
    return i < INDOOR_ENVIRONMENTS ? indoor_environment_name((enum indoor_environment)i) : NULL;
}

static const char *scan_name_at(int i)
{
    return scan_mode_at(i) ? scan_mode_at(i)->name : NULL;
}

static const char *roaming_name_at(int i)
{
    return roaming_policy_at(i) ? roaming_policy_at(i)->name : NULL;
}

static const char *generator_name_at(int i)
{
    return generator_model_at(i) ? generator_model_at(i)->name : NULL;
}

static const char *format_name_at(int i)
{
    return track_format_at(i) ? track_format_at(i)->name : NULL;
}

static int choose_rows(struct scenario_radio *radio, json_object *object, const struct scenario_place *place,
                       struct err *e)
{
    const char *path_loss, *indoor, *scan, *roaming;
    if (scenario_choice(object, "path_loss", "log-distance", path_loss_name_at, place, &path_loss, e) < 0 ||
        scenario_choice(object, "indoor", "office", indoor_name_at, place, &indoor, e) < 0 ||
        scenario_choice(object, "scan", "active", scan_name_at, place, &scan, e) < 0 ||
        scenario_choice(scenario_member(object, "roaming"), "choose", "strongest", roaming_name_at,
                        PLACE_NAMED(place, "roaming"), &roaming, e) < 0)
        return -EINVAL;
    radio->radio.path_loss.model = path_loss_model_of(path_loss);
    radio->radio.path_loss.indoor = indoor_environment_of(indoor);
    radio->handoff.scan = scan_mode_of(scan);
    radio->roaming.policy = roaming_policy_of(roaming);
    return 0;
}

int scenario_build_radio(struct scenario *s, json_object *root, struct err *e)
{
    const struct scenario_place *place = PLACE_NAMED(NULL, "radio");
    json_object *object = scenario_member(root, "radio"), *roaming = scenario_member(object, "roaming");
    struct path_loss curve;
    s->radio = (struct scenario_radio){
        .radio = radio_defaults(), .handoff = handoff_defaults(), .roaming = roaming_defaults()};
    scenario_fill(&scenario_radio_keys, object, &s->radio);
    scenario_fill(scenario_roaming_keys, roaming, &s->radio.roaming);
    s->radio.delay_weight = scenario_number(scenario_roaming_keys, roaming, "delay_weight");
    if (choose_rows(&s->radio, object, place, e) < 0)
        return -EINVAL;
    if (path_loss_curve(&s->radio.radio.path_loss, &curve, e) < 0)
        return scenario_wrap(place, e);
    if (simtime_before(s->radio.handoff.max_channel, s->radio.handoff.min_channel))
        return scenario_error(PLACE_NAMED(place, "max_channel_ms"), e, "is less than min_channel_ms");
    return 0;
}

static int build_tracks(struct scenario_mobility *m, json_object *entry, const char *scenario_path,
                        const struct scenario_place *here, struct err *e)
{
    const char *format = NULL;
    if (scenario_choice(entry, "format", NULL, format_name_at, here, &format, e) < 0)
        return -EINVAL;
    if (!format) {
        scenario_error(PLACE_NAMED(here, "format"), e, "is missing");
        return scenario_names_hint(format_name_at, "", e);
    }
    m->format = track_format_of(format);
    m->tracks = scenario_path_beside(scenario_path, scenario_word(entry, "tracks"));
    return 0;
}

static int build_speed(struct generator_options *g, json_object *entry, const struct scenario_place *here,
                       struct err *e)
{
    if (!scenario_member(entry, "speed_mps"))
        return 0;
    if (scenario_member(entry, "speed_min_mps") || scenario_member(entry, "speed_max_mps")) {
        scenario_error(PLACE_NAMED(here, "speed_mps"), e, "stands beside a least or greatest speed");
        return err_hint(e, "keep one of them");
    }
    g->speed_min_mps = g->speed_max_mps = scenario_number(&scenario_mobility_keys, entry, "speed_mps");
    return 0;
}

static int build_generator(struct scenario_mobility *m, json_object *entry, const struct scenario_place *here,
                           struct err *e)
{
    const char *model;
    if (scenario_choice(entry, "model", NULL, generator_name_at, here, &model, e) < 0)
        return -EINVAL;
    m->generator = (struct generator_options)GENERATOR_DEFAULTS;
    scenario_fill(&scenario_mobility_keys, entry, m);
    if (build_speed(&m->generator, entry, here, e) < 0)
        return -EINVAL;
    m->generator.model = generator_model_of(model);
    return generator_check(&m->generator, e) < 0 ? scenario_wrap(here, e) : 0;
}

static int build_one(struct scenario_mobility *m, json_object *entry, const char *scenario_path,
                     const struct scenario_place *here, struct err *e)
{
    bool drawn = scenario_member(entry, "model"), read = scenario_member(entry, "tracks");
    if (drawn == read) {
        scenario_error(here, e, drawn ? "has both model and tracks" : "has neither model nor tracks");
        return err_hint(e, "name a model that draws tracks, or a file of tracks");
    }
    return drawn ? build_generator(m, entry, here, e) : build_tracks(m, entry, scenario_path, here, e);
}

int scenario_build_mobility(struct scenario *s, json_object *root, struct err *e)
{
    json_object *map = scenario_member(root, "mobility");
    const struct scenario_place *place = PLACE_NAMED(NULL, "mobility");
    if (!map)
        return 0;
    scenario_number_entries(map);
    s->mobilities = mem_alloc_array((size_t)json_object_object_length(map) + 1, sizeof *s->mobilities);
    json_object_object_foreach(map, name, entry)
    {
        struct scenario_mobility *m = &s->mobilities[s->mobility_count++];
        m->name = mem_copy_string(name);
        if (build_one(m, entry, s->path, PLACE_NAMED(place, name), e) < 0)
            return -EINVAL;
    }
    return 0;
}
