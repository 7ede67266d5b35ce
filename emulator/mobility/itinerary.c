#include "itinerary.h"

#include "mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HEARD_MAX = 32, STREAM_MAX = 80 };

/* What is kept of a device. */
struct walker {
    struct simtime at; /* of the last sample */
    double x, y;
    struct simtime next_scan;
    struct roaming_wish wish;
    struct rng rng;
    uint32_t current, anchor; /* access point; edge server with the container. VISIT_NOWHERE = none */
    bool present;             /* somewhere; else before its first sample, or gone */
    bool known;               /* `rng` is set */
    bool joined;              /* it has been associated before */
};

struct itinerary {
    struct itinerary_options options;
    char stream[STREAM_MAX];
    struct walker *walkers; /* owned; by device */
    size_t count, capacity;
};

static struct walker *walker_of(struct itinerary *it, uint32_t device)
{
    if (device >= it->capacity) {
        size_t capacity = it->capacity ? it->capacity * 2 : 64;
        capacity = device < capacity ? capacity : (size_t)device + 1;
        it->walkers = mem_resize(it->walkers, capacity * sizeof *it->walkers);
        memset(it->walkers + it->capacity, 0, (capacity - it->capacity) * sizeof *it->walkers);
        it->capacity = capacity;
    }
    struct walker *w = &it->walkers[device];
    if (device >= it->count)
        it->count = (size_t)device + 1;
    if (w->known)
        return w;
    w->known = true;
    w->current = w->anchor = w->wish.ap = VISIT_NOWHERE;
    rng_init(&w->rng, it->options.seed, it->stream, device);
    return w;
}

/* --- a change of access point -------------------------------------------------------------------------------------- */

static uint32_t busy_channels(const struct itinerary *it, const struct heard *heard, uint32_t count)
{
    uint64_t seen[4] = {0};
    uint32_t channels = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t channel = it->options.channels[heard[i].ap];
        uint64_t bit = (uint64_t)1 << (channel % 64);
        channels += !(seen[channel / 64] & bit);
        seen[channel / 64] |= bit;
    }
    return channels;
}

static void count_stations(struct itinerary *it, const struct walker *w, uint32_t next)
{
    if (!it->options.stations)
        return;
    if (w->current != VISIT_NOWHERE)
        it->options.stations[w->current]--;
    if (next != VISIT_NOWHERE)
        it->options.stations[next]++;
}

static void take_along_container(struct itinerary *it, struct walker *w, uint32_t ap)
{
    if (it->options.edge_of_ap && (w->anchor == VISIT_NOWHERE || !it->options.stays))
        w->anchor = it->options.edge_of_ap[ap];
}

static void begin_visit(struct itinerary *it, struct walker *w, struct visit *visit, double dbm)
{
    uint32_t device = (uint32_t)(w - it->walkers);
    count_stations(it, w, visit->ap);
    w->current = visit->ap;
    w->wish.ap = VISIT_NOWHERE;
    it->options.visit(it->options.context, device, visit, dbm);
}

static void lose(struct itinerary *it, struct walker *w, struct simtime at)
{
    struct visit visit = {.ap = VISIT_NOWHERE, .at = at};
    if (w->current != VISIT_NOWHERE)
        begin_visit(it, w, &visit, NAN);
}

static double power_of(const struct heard *heard, uint32_t ap)
{
    while (heard->ap != ap)
        heard++;
    return heard->dbm;
}

/* Before its first access point a device has no association to lose, and nothing to be silent about. */
static void join(struct itinerary *it, struct walker *w, struct simtime at, uint32_t ap,
                 const struct roaming_view *view)
{
    struct visit visit = {.ap = ap, .at = at};
    if (w->joined)
        visit.phases =
            handoff_draw(&it->options.handoff, busy_channels(it, view->heard, view->count), &w->rng);
    w->joined = true;
    take_along_container(it, w, ap);
    struct simtime silent_until = simtime_add(at, handoff_phases_sum(&visit.phases));
    while (simtime_before(w->next_scan, silent_until))
        w->next_scan = simtime_add(w->next_scan, it->options.scan_interval);
    begin_visit(it, w, &visit, power_of(view->heard, ap));
}

/* --- measuring ------------------------------------------------------------------------------------------------------- */

static void scan(struct itinerary *it, struct walker *w, struct simtime at, double x, double y)
{
    const struct itinerary_options *o = &it->options;
    struct heard heard[HEARD_MAX];
    struct roaming_view view = {.heard = heard, .current = w->current, .stations = o->stations};
    view.count = cells_heard(o->cells, x, y, heard, HEARD_MAX);
    if (o->costs && w->anchor != VISIT_NOWHERE)
        view.cost = o->costs + (size_t)w->anchor * o->ap_count;
    uint32_t ap = roaming_decide(&o->roaming, &view, at, &w->wish);
    if (ap == VISIT_NOWHERE)
        lose(it, w, at);
    else if (ap != w->current)
        join(it, w, at, ap, &view);
}

/* Along the straight way from the last sample to (x, y), where the device is at `end`. */
static void scan_until(struct itinerary *it, struct walker *w, struct simtime end, double x, double y)
{
    double way_ns = (double)simtime_sub(end, w->at).ns;
    struct simtime last = simtime_min(end, it->options.until);
    while (simtime_before(w->next_scan, last)) {
        struct simtime at = w->next_scan;
        double part = (double)simtime_sub(at, w->at).ns / way_ns;
        w->next_scan = simtime_add(at, it->options.scan_interval);
        scan(it, w, at, w->x + (x - w->x) * part, w->y + (y - w->y) * part);
    }
}

static void appear(struct itinerary *it, struct walker *w, struct simtime at)
{
    uint64_t offset = 1 + rng_below(&w->rng, (uint64_t)it->options.scan_interval.ns);
    w->present = true;
    w->next_scan = simtime_add(at, simtime_ns((int64_t)offset));
}

void itinerary_move(struct itinerary *it, const struct track_sample *sample)
{
    struct walker *w = walker_of(it, sample->device);
    if (w->present)
        scan_until(it, w, sample->at, sample->x, sample->y);
    if (sample->gone) {
        if (w->present && simtime_before(sample->at, it->options.until))
            lose(it, w, sample->at);
        w->present = false;
        return;
    }
    if (!w->present)
        appear(it, w, sample->at);
    w->at = sample->at;
    w->x = sample->x;
    w->y = sample->y;
}

void itinerary_end(struct itinerary *it)
{
    for (size_t i = 0; i < it->count; i++)
        if (it->walkers[i].present)
            scan_until(it, &it->walkers[i], SIMTIME_NEVER, it->walkers[i].x, it->walkers[i].y);
}

struct itinerary *itinerary_new(const struct itinerary_options *options)
{
    struct itinerary *it = mem_alloc(sizeof *it);
    it->options = *options;
    snprintf(it->stream, sizeof it->stream, "roaming of %s", options->name);
    return it;
}

void itinerary_free(struct itinerary *it)
{
    if (!it)
        return;
    free(it->walkers);
    free(it);
}
