/* Moving devices: their tracks, through the radio and the roaming decision, become visits. */
#include "scenario_move.h"

#include "generator_steps.h"
#include "interrupt.h"
#include "itinerary.h"
#include "mem.h"
#include "roaming_cost.h"
#include "scenario_air.h"
#include "scenario_key.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The devices of one entry of muds. */
struct group {
    struct scenario *s;
    const struct scenario_mobility *mobility;
    int first, count;
    uint64_t seed;
    char *name; /* of the entry */
    float *costs;
    struct itinerary *itinerary;
};

/* --- the devices of a group ------------------------------------------------------------------------------------------ */

static void add_visit(void *context, uint32_t device, const struct visit *visit, double dbm)
{
    struct group *group = context;
    struct scenario_mud *mud = &group->s->muds[(uint32_t)group->first + device];
    int count = mud->visit_count;
    (void)dbm;
    if (count == 0 || (count >= 4 && (count & (count - 1)) == 0))
        mud->visits = mem_resize(mud->visits, (size_t)(count ? 2 * count : 4) * sizeof *mud->visits);
    mud->visits[mud->visit_count++] = *visit;
}

static void forget_visits(struct group *group)
{
    for (int i = group->first; i < group->first + group->count; i++) {
        free(steal(group->s->muds[i].visits));
        group->s->muds[i].visit_count = 0;
    }
}

static void begin_group(struct group *group, struct scenario *s, int first, const struct scenario_air *air,
                        uint64_t seed)
{
    const struct scenario_mud *mud = &s->muds[first];
    const struct roaming_policy *policy = s->radio.roaming.policy;
    *group = (struct group){.s = s, .mobility = &s->mobilities[mud->mobility], .first = first, .seed = seed};
    group->name = scenario_entry_name(mud);
    while (first + group->count < s->mud_count && s->muds[first + group->count].entry == mud->entry)
        group->count++;
    forget_visits(group);
    if (policy->needs_cost)
        group->costs = roaming_costs(s, mud->host, seed);
    struct itinerary_options options = scenario_air_itinerary(air, s, seed);
    options.name = group->name;
    options.costs = group->costs;
    options.visit = add_visit;
    options.context = group;
    group->itinerary = itinerary_new(&options);
}

static void end_group(struct group *group)
{
    itinerary_free(group->itinerary);
    free(group->costs);
    free(group->name);
}

/* --- tracks ---------------------------------------------------------------------------------------------------------- */

/* A group's tracks on their way: those that it takes from its source. */
struct tracks {
    struct group *group;
    struct track_source *source;
    struct track_sample next; /* of the source's devices */
    bool pending;             /* `next` is there */
    uint32_t seen;            /* devices of the source so far */
    int64_t start;            /* the source's device that is the first of the group; -1 = not yet seen */
};

static int tracks_error(const struct tracks *t, struct err *e)
{
    return scenario_wrap(PLACE_NAMED(PLACE_NAMED(NULL, "mobility"), t->group->mobility->name), e);
}

static struct track_source *open_source(const struct group *group, struct err *e)
{
    const struct scenario *s = group->s;
    const struct scenario_mobility *m = group->mobility;
    uint32_t count = (uint32_t)group->count;
    if (m->tracks)
        return m->format->open(m->tracks, e);
    if (s->radio.roaming.policy->needs_stations)
        return generator_open_steps(&m->generator, group->name, group->seed, count, s->radio.scan_interval,
                                    s->duration, e);
    return generator_open(&m->generator, group->name, group->seed, count, s->duration, e);
}

static int open_tracks(struct tracks *t, struct group *group, struct err *e)
{
    *t = (struct tracks){.group = group, .start = group->s->muds[group->first].track ? -1 : 0};
    t->source = open_source(group, e);
    return t->source ? 0 : tracks_error(t, e);
}

static void meet(struct tracks *t, uint32_t device)
{
    const char *wanted = t->group->s->muds[t->group->first].track;
    const char *name = wanted ? t->source->operations->name(t->source, device) : NULL;
    if (name && t->start < 0 && strcmp(name, wanted) == 0)
        t->start = device;
    t->seen = device + 1;
}

/* 1 and the next sample of a device of the group, 0 at the end. */
static int next_sample(struct tracks *t, struct track_sample *sample, struct err *e)
{
    int status;
    while ((status = t->source->operations->next(t->source, sample, e)) > 0) {
        if (interrupt_signal())
            return err_set(e, EINTR, "interrupted");
        if (sample->device >= t->seen)
            meet(t, sample->device);
        int64_t device = (int64_t)sample->device - t->start;
        if (t->start < 0 || device < 0 || device >= t->group->count)
            continue;
        sample->device = (uint32_t)device;
        track_paths_add(t->group->s->paths, (uint32_t)(t->group->first + device), sample);
        return 1;
    }
    return status < 0 ? tracks_error(t, e) : 0;
}

static int check_enough(const struct tracks *t, struct err *e)
{
    const struct group *group = t->group;
    const struct scenario_place *place = PLACE_NAMED(PLACE_NAMED(NULL, "muds"), group->name);
    int64_t there = t->start < 0 ? 0 : t->seen - t->start;
    if (t->start < 0)
        return scenario_error(PLACE_NAMED(place, "track"), e, "%s has no track %s", group->mobility->tracks,
                              group->s->muds[group->first].track);
    if (there >= group->count)
        return 0;
    scenario_error(PLACE_NAMED(place, "count"), e, "is %d, but %s has only %lld tracks", group->count,
                   group->mobility->tracks, (long long)there);
    return err_hint(e, "take fewer devices, or more tracks");
}

static void close_tracks(struct tracks *t)
{
    if (t->source)
        t->source->operations->close(t->source);
}

/* --- device after device ---------------------------------------------------------------------------------------------- */

static int move_through(struct tracks *t, struct err *e)
{
    struct track_sample sample;
    int status;
    while ((status = next_sample(t, &sample, e)) > 0)
        itinerary_move(t->group->itinerary, &sample);
    itinerary_end(t->group->itinerary);
    return status < 0 ? status : check_enough(t, e);
}

static int move_group(struct group *group, struct err *e)
{
    struct tracks tracks;
    int status = open_tracks(&tracks, group, e);
    if (status == 0)
        status = move_through(&tracks, e);
    close_tracks(&tracks);
    return status;
}

static int move_one_by_one(struct group *groups, int count, struct err *e)
{
    int status = 0;
    for (int i = 0; i < count && status == 0; i++)
        status = move_group(&groups[i], e);
    return status;
}

/* --- all at a time ------------------------------------------------------------------------------------------------------ */

/* Whose turn it is: the earliest, the first of equals. NULL = nobody has samples any more. */
static struct tracks *earliest(struct tracks *tracks, int count)
{
    struct tracks *first = NULL;
    for (int i = 0; i < count; i++)
        if (tracks[i].pending && (!first || simtime_before(tracks[i].next.at, first->next.at)))
            first = &tracks[i];
    return first;
}

static int advance(struct tracks *t, struct err *e)
{
    int status = next_sample(t, &t->next, e);
    t->pending = status > 0;
    return status < 0 ? status : 0;
}

static int check_by_time(const struct tracks *t, struct err *e)
{
    if (t->source->by_time)
        return 0;
    scenario_error(PLACE_NAMED(PLACE_NAMED(NULL, "radio"), "roaming"), e,
                   "%s counts stations, but %s tells one device after the other",
                   t->group->s->radio.roaming.policy->name, t->group->mobility->tracks);
    return err_hint(e, "sort the tracks by time, as csv");
}

static int begin_tracks(struct tracks *tracks, struct group *groups, int count, struct err *e)
{
    int status = 0;
    for (int i = 0; i < count && status == 0; i++) {
        status = open_tracks(&tracks[i], &groups[i], e);
        if (status == 0)
            status = check_by_time(&tracks[i], e);
        if (status == 0)
            status = advance(&tracks[i], e);
    }
    return status;
}

static int move_side_by_side(struct group *groups, int count, struct err *e)
{
    struct tracks *tracks = mem_alloc_array((size_t)count, sizeof *tracks), *t;
    int status = begin_tracks(tracks, groups, count, e);
    while (status == 0 && (t = earliest(tracks, count))) {
        itinerary_move(t->group->itinerary, &t->next);
        status = advance(t, e);
    }
    for (int i = 0; i < count; i++) {
        itinerary_end(groups[i].itinerary);
        if (status == 0)
            status = check_enough(&tracks[i], e);
        close_tracks(&tracks[i]);
    }
    free(tracks);
    return status;
}

/* --- all groups --------------------------------------------------------------------------------------------------------- */

static bool moves(const struct scenario *s, int i)
{
    return scenario_begins_entry(s, i) && s->muds[i].mobility >= 0;
}

static int move_all(struct scenario *s, const struct scenario_air *air, uint64_t seed, struct err *e)
{
    int count = 0, at = 0;
    for (int i = 0; i < s->mud_count; i++)
        count += moves(s, i);
    struct group *groups = mem_alloc_array((size_t)count, sizeof *groups);
    track_paths_free(s->paths);
    s->paths = track_paths_new();
    for (int i = 0; i < s->mud_count; i++)
        if (moves(s, i))
            begin_group(&groups[at++], s, i, air, seed);
    int status = s->radio.roaming.policy->needs_stations ? move_side_by_side(groups, count, e)
                                                         : move_one_by_one(groups, count, e);
    for (int i = 0; i < count; i++)
        end_group(&groups[i]);
    free(groups);
    return status;
}

int scenario_move(struct scenario *s, uint64_t seed, struct err *e)
{
    struct scenario_air air;
    if (s->mobility_count == 0 || (s->moved && s->moved_seed == seed))
        return 0;
    int status = scenario_air_open(&air, s, seed, e);
    if (status == 0)
        status = move_all(s, &air, seed, e);
    scenario_air_close(&air);
    if (status == 0 && !s->moved)
        status = scenario_hash_tracks(s, e);
    s->moved = status == 0;
    s->moved_seed = seed;
    return status < 0 ? err_wrap(e, "%.240s", s->path) : 0;
}
