/* Plays the protocol by every strategy and says what is wrong with it. PROTOCOL_SEEDS=N plays N times as many random runs, PROTOCOL_SEED=N those
 * with that seed. */
#ifndef ROAMLAB_PROTOCOL_PLAY_H
#define ROAMLAB_PROTOCOL_PLAY_H

#include "protocol_fixture.h"

static const char *const strategies[] = {
    "p-migr",   "c-migr",    "cold", "p-migr overlapped", "c-migr overlapped",
    "pre-copy", "stateless", "pre-copy overlapped", "image-copy",
    "log-replay", "log-replay overlapped", "log-replay snapshots", "log-replay overlapped snapshots",
    "post-copy", "hybrid-copy", "post-copy overlapped", "hybrid-copy overlapped",
};
/* So many of them are played at every moment and with every seed, the others, whose walks differ little, at each fifth. */
enum { PLAYED_FINELY = 5, COARSENESS = 5 };

enum { SHOWN_MAX = 10 };

static int runs, wrong;

/* A migration of about a second and a half between edges 40 ms apart. */
static const struct play basic = {
    .aps = 3,
    .muds = 1,
    .visits = {"[{\"ap\":\"ap1\",\"at_s\":0},{\"ap\":\"ap2\",\"at_s\":1.5}]"},
    .strategy = "p-migr",
    .rtt_ms = 40,
    .rate_mbit = 80,
    .requests_per_s = 20,
    .work_ms = 5,
    .memory_mb = 1,
    .duration_s = 8,
    .seed = 1,
};

static inline uint64_t from_environment(const char *name, uint64_t usual)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : usual;
}

static inline uint64_t first_seed(void)
{
    return from_environment("PROTOCOL_SEED", 1);
}

static inline uint64_t last_seed(uint64_t usual)
{
    return from_environment("PROTOCOL_SEED", usual * from_environment("PROTOCOL_SEEDS", 1));
}

/* Says what is wrong and how to see it again; a test ends with all_good(), so that one run shows everything. */
static inline void print_complaints(const struct play *p, const struct played *r, const char *label)
{
    if (wrong++ >= SHOWN_MAX)
        return;
    struct buf text = BUF_INIT;
    buf_printf(&text, "%s, %s, seed %llu:", label, p->strategy, (unsigned long long)p->seed);
    for (int i = 0; i < r->trial.complaint_count; i++)
        buf_printf(&text, "\n    %s", r->trial.complaints[i]);
    print_error("%s\n", buf_text(&text));
    buf_free(&text);
}

static inline void all_good(void)
{
    int count = wrong;
    wrong = 0;
    assert_int_equal(count, 0);
}

static inline int last_access_point(const char *visits)
{
    const char *last = visits;
    for (const char *next; (next = strstr(last, "\"ap\":\"ap"));)
        last = next + strlen("\"ap\":\"ap");
    return atoi(last);
}

/* The edge server where the container of a device at that access point belongs. */
static inline int home_of(const struct play *p, int access_point)
{
    return p->elsewhere && access_point == 2 ? 3 : access_point;
}

/* What else a run must show, beside the invariants. */
struct expected {
    int live_at;          /* the edge where the only device's container ends, 0 = anywhere */
    bool followed;        /* every container ends where its device is */
    double served_for_s;  /* every request that is due in that time is sent and answered */
    int failed, finished; /* migrations, -1 = any number */
    bool leaves;          /* devices may go out of reach for good */
};

__attribute__((format(printf, 3, 4))) static inline struct played
play_well(const struct play *p, const struct expected *x, const char *format, ...)
{
    char label[200];
    va_list args;
    va_start(args, format);
    vsnprintf(label, sizeof label, format, args);
    va_end(args);
    struct played r = play(p);
    runs++;
    int64_t due = (int64_t)(p->muds * x->served_for_s * p->requests_per_s);
    if (r.sent < due || r.answered + r.abandoned != r.sent || (r.abandoned > 0) > x->leaves)
        trial_complain(&r.trial, "%lld of %lld requests sent, %lld answered, %lld abandoned", (long long)r.sent,
                        (long long)due, (long long)r.answered, (long long)r.abandoned);
    for (int i = 0; x->followed && i < p->muds; i++)
        if (r.live_edges[i] != 1u << home_of(p, last_access_point(play_visits(p, i))))
            trial_complain(&r.trial, "the container of device %d is not with its device (edges %x)", i,
                            r.live_edges[i]);
    if (x->live_at && r.live_edges[0] != 1u << x->live_at)
        trial_complain(&r.trial, "the container is not at edge %d (edges %x)", x->live_at, r.live_edges[0]);
    if ((x->failed >= 0 && r.failed != x->failed) || (x->finished >= 0 && r.finished != x->finished))
        trial_complain(&r.trial, "%d migrations finished, %d failed", r.finished, r.failed);
    if (r.trial.complaint_count)
        print_complaints(p, &r, label);
    trial_free(&r.trial);
    return r;
}

/* --- what is played finely, what coarsely --- */

static inline double step_of(size_t strategy, double step)
{
    return strategy < PLAYED_FINELY ? step : COARSENESS * step;
}

static inline bool plays(size_t strategy, uint64_t seed)
{
    return strategy < PLAYED_FINELY || seed % COARSENESS == 0 || getenv("PROTOCOL_SEED");
}

/* --- random walks --- */

static inline double random_stay_s(struct rng *rng)
{
    return 0.05 + 4 * rng_unit(rng) * rng_unit(rng);
}

/* Random walks: a device stays 0.05 to 4 s at each access point, and as long out of reach before one in three if there are outages. */
static inline char *random_visits(struct rng *rng, int aps, double until_s, bool outages)
{
    struct buf text = BUF_INIT;
    uint64_t at = rng_below(rng, (uint64_t)aps);
    buf_printf(&text, "[");
    for (double at_s = 0.01 + rng_unit(rng); at_s < until_s; at_s += random_stay_s(rng)) {
        double stay_s = outages && text.len > 1 && rng_below(rng, 3) == 0 ? random_stay_s(rng) : 0;
        if (stay_s > 0 && at_s + stay_s < until_s) {
            buf_printf(&text, ",{\"outage\":true,\"at_s\":%.3f}", at_s);
            at_s += stay_s;
        }
        buf_printf(&text, "%s{\"ap\":\"ap%d\",\"at_s\":%.3f}", text.len > 1 ? "," : "", (int)at + 1, at_s);
        at = (at + 1 + rng_below(rng, (uint64_t)aps - 1)) % (uint64_t)aps;
    }
    buf_printf(&text, "]");
    char *copy = mem_copy_string(buf_text(&text));
    buf_free(&text);
    return copy;
}

static inline void play_random_walks(struct play p, const struct expected *x, const char *label)
{
    struct rng rng;
    rng_init(&rng, p.seed, "walks", 0);
    for (int i = 0; i < p.muds; i++)
        p.visits[i] = random_visits(&rng, p.aps, p.duration_s - 1, p.outages);
    play_well(&p, x, "%s", label);
    for (int i = 0; i < p.muds; i++)
        free((char *)(uintptr_t)p.visits[i]);
}

#endif
