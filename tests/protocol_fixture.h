/* Plays a scenario as a trial (trial.h), and where its containers ended. PROTOCOL_TRACE=1 in the environment prints every event. */
#ifndef ROAMLAB_PROTOCOL_FIXTURE_H
#define ROAMLAB_PROTOCOL_FIXTURE_H

#include "buf.h"
#include "mem.h"
#include "rng.h"
#include "trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PLAY_MUDS_MAX = 64 };

/* Hosts pc1 … pcN in a full mesh, each with an access point and an edge server; every device on a host of its own, linked to all. */
struct play {
    int aps, muds;
    const char *visits[PLAY_MUDS_MAX]; /* JSON lists; the last one given serves all further devices */
    const char *strategy; /* its name, " overlapped", " snapshots" */
    double rtt_ms, rate_mbit, loss, air_loss, requests_per_s, work_ms, memory_mb, duration_s;
    bool elsewhere; /* AP-2's edge server has no room: by location and data, its devices' containers go to ES-3 */
    const char *migration, *timeouts, *faults; /* further keys, such as "\"retries\":1"; NULL = none */
    uint64_t seed;
    bool outages; /* of random walks */
};

struct played {
    struct trial trial;
    int64_t sent, answered, abandoned;
    int finished, failed, superseded;
    uint32_t live_edges[PLAY_MUDS_MAX]; /* bit n = the container at edge n (from 1) is live */
};

static inline const char *play_visits(const struct play *p, int mud)
{
    while (mud > 0 && !p->visits[mud])
        mud--;
    return p->visits[mud];
}

static inline void play_hosts(const struct play *p, struct buf *out)
{
    buf_printf(out, "\"hosts\":{");
    for (int i = 1; i <= p->aps; i++)
        buf_printf(out, "\"pc%d\":{},", i);
    for (int i = 1; i <= p->muds; i++)
        buf_printf(out, "\"phone%d\":{}%s", i, i < p->muds ? "," : "},\"edges\":{");
    for (int i = 1; i <= p->aps; i++)
        buf_printf(out, "\"es%d\":{\"host\":\"pc%d\"%s%s}%s", i, i, p->elsewhere && i == 2 ? ",\"cpus\":0" : "",
                   p->elsewhere && i == 3 ? ",\"data_share\":0.2" : "", i < p->aps ? "," : "},\"aps\":{");
    for (int i = 1; i <= p->aps; i++)
        buf_printf(out, "\"ap%d\":{\"host\":\"pc%d\",\"edge\":\"es%d\"}%s", i, i, i, i < p->aps ? "," : "},");
}

static inline void play_links(const struct play *p, struct buf *out)
{
    buf_printf(out, "\"links\":[");
    for (int i = 1; i <= p->aps; i++)
        for (int j = i + 1; j <= p->aps; j++)
            buf_printf(out, "{\"between\":[\"pc%d\",\"pc%d\"],\"rtt_ms\":%g,\"rate_mbit\":%g,\"loss\":%g},",
                       i, j, p->rtt_ms, p->rate_mbit, p->loss);
    for (int i = 1; i <= p->muds; i++)
        for (int j = 1; j <= p->aps; j++)
            buf_printf(out, "{\"between\":[\"phone%d\",\"pc%d\"],\"rtt_ms\":4,\"loss\":%g}%s", i, j,
                       p->air_loss, i == p->muds && j == p->aps ? "]," : ",");
}

static inline void play_text(const struct play *p, struct buf *out)
{
    buf_printf(out, "{\"name\":\"play\",\"duration_s\":%g,", p->duration_s);
    play_hosts(p, out);
    play_links(p, out);
    buf_printf(out, "\"service\":{\"base_mb\":1,\"layer_mb\":0.5,\"memory_mb\":%g,\"work_ms\":%g},\"muds\":{",
               p->memory_mb, p->work_ms);
    for (int i = 0; i < p->muds; i++)
        buf_printf(out, "\"m%d\":{\"host\":\"phone%d\",\"requests_per_s\":%g,\"visits\":%s}%s", i + 1, i + 1,
                   p->requests_per_s, play_visits(p, i), i + 1 < p->muds ? "," : "},");
    buf_printf(out, "\"migration\":{\"strategy\":\"%.*s\",%s%s", (int)strcspn(p->strategy, " "), p->strategy,
               strstr(p->strategy, " overlapped") ? "\"carrier\":\"stream\",\"pipeline\":true," : "",
               strstr(p->strategy, " snapshots") ? "\"snapshot_every\":8," : "");
    buf_printf(out, "\"placement\":\"%s\"%s%s},\"timeouts\":{%s},\"faults\":[%s]}",
               p->elsewhere ? "weighted" : "own",
               p->migration ? "," : "", p->migration ? p->migration : "", p->timeouts ? p->timeouts : "",
               p->faults ? p->faults : "");
}

static inline struct scenario *play_scenario(const struct play *p)
{
    struct buf text = BUF_INIT;
    struct err e = ERR_INIT;
    play_text(p, &text);
    struct scenario *s = scenario_parse("play", buf_text(&text), text.len, NULL, 0, &e);
    if (!s)
        fail_msg("%s: %s", e.text, buf_text(&text));
    buf_free(&text);
    return s;
}

/* Two are live from ACTIVATE until STOP, or until the activated one is called off. */
static inline void played_container(struct played *r, const struct event *ev)
{
    uint32_t edge = 1u << atoi(ev->reporter + strlen("ES-"));
    if (strcmp(ev->text, "live") == 0)
        r->live_edges[ev->mud] |= edge;
    else
        r->live_edges[ev->mud] &= ~edge;
}

static inline void played_migration(struct played *r, const struct event *ev)
{
    r->finished += strcmp(ev->text, "finished") == 0;
    r->failed += strcmp(ev->text, "failed") == 0;
    r->superseded += strcmp(ev->text, "superseded") == 0;
}

static inline void played_trace(const struct event *ev)
{
    static int wanted = -1;
    if (wanted < 0)
        wanted = getenv("PROTOCOL_TRACE") != NULL;
    if (wanted)
        fprintf(stderr, "%10.4f %-10s %-8s %s %-14s mud %d n %d m %d v %lld: %s\n", simtime_seconds(ev->at),
                event_kind_name(ev->kind), ev->reporter,
                ev->direction == EVENT_SENT       ? "->"
                : ev->direction == EVENT_RECEIVED ? "<-"
                                                  : "  ",
                ev->peer, ev->mud, ev->number, ev->migration, (long long)ev->value, ev->text);
}

static inline void played_hear(struct trial *trial, const struct event *ev)
{
    struct played *r = container_of(trial, struct played, trial);
    played_trace(ev);
    if (ev->kind == EVENT_SENT_TOTAL) {
        r->sent += ev->number;
        r->answered += ev->value;
    } else if (ev->kind == EVENT_ABANDONED) {
        r->abandoned++;
    } else if (ev->kind == EVENT_CONTAINER) {
        played_container(r, ev);
    } else if (ev->kind == EVENT_MIGRATION) {
        played_migration(r, ev);
    }
}

/* Runs it. Whatever is wrong in any run stands in the trial's complaints. */
static inline struct played play(const struct play *p)
{
    struct scenario *s = play_scenario(p);
    struct played r = {.trial.hear = played_hear};
    trial_run(&r.trial, s, p->seed);
    scenario_free(s);
    return r;
}

#endif
