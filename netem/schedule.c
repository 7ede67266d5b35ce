#include "schedule.h"
#include "mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int schedule_add(struct schedule *s, const struct schedule_point *point, struct err *e)
{
    if (s->count == SCHEDULE_POINTS_MAX)
        return err_set(e, E2BIG, "has more than %d points", SCHEDULE_POINTS_MAX);
    if (point->at.ns < 0)
        return err_set(e, EINVAL, "is before the start");
    if (s->count && point->at.ns <= s->points[s->count - 1].at.ns)
        return err_set(e, EINVAL, "%g s is not later than %g s before it", simtime_seconds(point->at),
                       simtime_seconds(s->points[s->count - 1].at));
    if (s->count == s->capacity) {
        s->capacity = s->capacity ? s->capacity * 2 : 16;
        s->points = mem_resize(s->points, s->capacity * sizeof *s->points);
    }
    s->points[s->count++] = *point;
    return 0;
}

void schedule_free(struct schedule *s)
{
    free(s->points);
    *s = (struct schedule)SCHEDULE_INIT;
}

int schedule_repeat(struct schedule *s, struct err *e)
{
    s->period = s->count ? s->points[s->count - 1].at : SIMTIME_ZERO;
    return s->period.ns > 0 ? 0 : err_set(e, EINVAL, "cannot repeat: it lasts no time");
}

static void values_of(const struct link_params *p, int64_t values[SCHEDULE_QUANTITIES])
{
    values[SCHEDULE_DELAY] = p->delay.ns;
    values[SCHEDULE_JITTER] = p->jitter.ns;
    values[SCHEDULE_RATE] = (int64_t)p->rate_bps;
    values[SCHEDULE_LOSS] = llround(p->loss * (double)SCHEDULE_CERTAIN);
    values[SCHEDULE_DUPLICATE] = llround(p->duplicate * (double)SCHEDULE_CERTAIN);
    values[SCHEDULE_CORRUPT] = llround(p->corrupt * (double)SCHEDULE_CERTAIN);
}

static void set_values(const int64_t values[SCHEDULE_QUANTITIES], struct link_params *p)
{
    p->delay.ns = values[SCHEDULE_DELAY];
    p->jitter.ns = values[SCHEDULE_JITTER];
    p->rate_bps = (uint64_t)values[SCHEDULE_RATE];
    p->loss = (double)values[SCHEDULE_LOSS] / (double)SCHEDULE_CERTAIN;
    p->duplicate = (double)values[SCHEDULE_DUPLICATE] / (double)SCHEDULE_CERTAIN;
    p->corrupt = (double)values[SCHEDULE_CORRUPT] / (double)SCHEDULE_CERTAIN;
}

static int complete_point(struct schedule_point *point, const int64_t before[SCHEDULE_QUANTITIES],
                          const struct link_params *own, struct err *e)
{
    for (int q = 0; q < SCHEDULE_QUANTITIES; q++)
        if (!point->sets[q])
            point->values[q] = before[q];
    bool unlimited = !point->values[SCHEDULE_RATE] || !before[SCHEDULE_RATE];
    if (point->linear && point->sets[SCHEDULE_RATE] && unlimited)
        return err_set(e, EINVAL, "at %g s: a rate cannot approach linearly from or to an unlimited one",
                       simtime_seconds(point->at));
    struct link_params params = *own;
    set_values(point->values, &params);
    return link_params_check(&params, e) < 0 ? err_wrap(e, "at %g s", simtime_seconds(point->at)) : 0;
}

int schedule_complete(struct schedule *s, const struct link_params *own, struct err *e)
{
    int64_t first[SCHEDULE_QUANTITIES];
    int status = 0;
    values_of(own, first);
    for (size_t i = 0; i < s->count && status == 0; i++)
        status = complete_point(&s->points[i], i ? s->points[i - 1].values : first, own, e);
    return status;
}

/* How many points are not later than `at`. */
static size_t points_until(const struct schedule *s, struct simtime at)
{
    size_t low = 0, high = s->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->points[middle].at.ns <= at.ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct simtime within_period(const struct schedule *s, struct simtime now)
{
    return s->period.ns ? simtime_ns(now.ns % s->period.ns) : now;
}

static int64_t step_of(int64_t length_ns)
{
    int64_t step = simtime_ms(SCHEDULE_STEP_MS).ns;
    return length_ns / 1000 > step ? length_ns / 1000 : step;
}

/* `next` is approached from `begin`: the values of the step that `at` lies in. */
static void approach(const struct schedule_point *next, struct simtime begin, struct simtime at,
                     int64_t values[SCHEDULE_QUANTITIES])
{
    int64_t length = next->at.ns - begin.ns, step = step_of(length), steps = (at.ns - begin.ns) / step;
    double part = (double)(steps * step) / (double)length;
    for (int q = 0; q < SCHEDULE_QUANTITIES; q++)
        values[q] += llround((double)(next->values[q] - values[q]) * part);
}

struct link_params schedule_params(const struct schedule *s, const struct link_params *own,
                                   struct simtime now)
{
    struct simtime at = within_period(s, now);
    size_t passed = points_until(s, at);
    int64_t values[SCHEDULE_QUANTITIES];
    values_of(own, values);
    if (passed)
        memcpy(values, s->points[passed - 1].values, sizeof values);
    if (passed < s->count && s->points[passed].linear)
        approach(&s->points[passed], passed ? s->points[passed - 1].at : SIMTIME_ZERO, at, values);
    struct link_params params = *own;
    set_values(values, &params);
    return params;
}

struct simtime schedule_next(const struct schedule *s, struct simtime now)
{
    struct simtime at = within_period(s, now), pass = simtime_sub(now, at);
    size_t passed = points_until(s, at);
    if (passed == s->count)
        return SIMTIME_NEVER; /* never in a schedule that repeats: its last point begins the next pass */
    const struct schedule_point *next = &s->points[passed];
    if (!next->linear)
        return simtime_add(pass, next->at);
    struct simtime begin = passed ? s->points[passed - 1].at : SIMTIME_ZERO;
    int64_t step = step_of(next->at.ns - begin.ns);
    struct simtime stop = simtime_ns(begin.ns + ((at.ns - begin.ns) / step + 1) * step);
    return simtime_add(pass, simtime_min(stop, next->at));
}

/* --- for people ---------------------------------------------------------------------------------------------- */

struct quantity_words {
    const char *name, *unit, *zero;
    double scale;
};

static const struct quantity_words words[SCHEDULE_QUANTITIES] = {
    [SCHEDULE_DELAY] = {"delay", " ms", NULL, 1e6},
    [SCHEDULE_JITTER] = {"jitter", " ms", NULL, 1e6},
    [SCHEDULE_RATE] = {"rate", " Mbit/s", "unlimited", 1e6},
    [SCHEDULE_LOSS] = {"loss", " %", NULL, (double)SCHEDULE_CERTAIN / 100},
    [SCHEDULE_DUPLICATE] = {"duplicate", " %", NULL, (double)SCHEDULE_CERTAIN / 100},
    [SCHEDULE_CORRUPT] = {"corrupt", " %", NULL, (double)SCHEDULE_CERTAIN / 100},
};

static void put_value(struct buf *out, const struct quantity_words *w, int64_t value, bool with_unit)
{
    if (!value && w->zero)
        buf_printf(out, "%s", w->zero);
    else
        buf_printf(out, "%.6g%s", (double)value / w->scale, with_unit ? w->unit : "");
}

static void put_change(struct buf *out, int q, const char *direction, int64_t before, int64_t after)
{
    const struct quantity_words *w = &words[q];
    if (before == after)
        return;
    buf_printf(out, "%s%s%s ", out->len ? ", " : "", w->name, direction);
    put_value(out, w, before, !after && w->zero);
    buf_printf(out, " → ");
    put_value(out, w, after, true);
}

void schedule_describe(const struct link_params before[2], const struct link_params after[2], struct buf *out)
{
    int64_t old[2][SCHEDULE_QUANTITIES], new[2][SCHEDULE_QUANTITIES];
    buf_clear(out);
    for (int direction = 0; direction < 2; direction++) {
        values_of(&before[direction], old[direction]);
        values_of(&after[direction], new[direction]);
    }
    for (int q = 0; q < SCHEDULE_QUANTITIES; q++) {
        if (old[0][q] == old[1][q] && new[0][q] == new[1][q]) {
            put_change(out, q, "", old[0][q], new[0][q]);
            continue;
        }
        put_change(out, q, " forward", old[0][q], new[0][q]);
        put_change(out, q, " back", old[1][q], new[1][q]);
    }
}
