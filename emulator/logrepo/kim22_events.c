#include "kim22_log.h"
#include "mem.h"

#include <stdlib.h>
#include <string.h>

/* What a user sent or received about one number. */
struct exchange {
    int32_t user, number;
    enum event_direction direction;
    struct simtime at;
    const char *reporter, *peer;
};

struct span {
    const struct kim22_line *begin, *finish; /* finish: NULL if it never did */
};

struct storing {
    const struct kim22_log *log;
    struct logrepo *repo;
    struct simtime start;
    int32_t *users; /* by reporter: its MUD index, or -1 */
    int32_t user_count;
    struct span *spans; /* every "migr begins", in the order of the file: the k-th is migration k + 1 */
    size_t span_count;
};

/* The number of "SVCQ 12", or -1. */
static int32_t number_of(const char *text, const char *message)
{
    size_t len = strlen(message);
    if (strncmp(text, message, len) != 0 || text[len] != ' ')
        return -1;
    char *end;
    long n = strtol(text + len + 1, &end, 10);
    return *end == '\0' && end != text + len + 1 && n >= 0 && n <= INT32_MAX ? (int32_t)n : -1;
}

/* Forwarding access points send SVCQ too, but they also receive it. */
static void find_users(struct storing *s)
{
    int reporters = s->log->reporter_count;
    autofree bool *sends = mem_alloc_array((size_t)reporters, sizeof *sends);
    autofree bool *receives = mem_alloc_array((size_t)reporters, sizeof *receives);
    for (size_t i = 0; i < s->log->line_count; i++) {
        const struct kim22_line *line = &s->log->lines[i];
        if (line->kind == EVENT_MESSAGE && number_of(line->text, "SVCQ") >= 0)
            (line->direction == EVENT_SENT ? sends : receives)[line->reporter_index] = true;
    }
    s->users = mem_alloc_array((size_t)reporters, sizeof *s->users);
    for (int i = 0; i < reporters; i++)
        s->users[i] = sends[i] && !receives[i] ? s->user_count++ : -1;
}

static struct simtime time_of(const struct storing *s, const struct kim22_line *line)
{
    return simtime_sub(kim22_log_corrected(s->log, line), s->start);
}

/* Whose line it is: the reporting user's, else the only user's. */
static int32_t mud_of(const struct storing *s, const struct kim22_line *line)
{
    int32_t user = s->users[line->reporter_index];
    return user >= 0 ? user : s->user_count == 1 ? 0 : -1;
}

static struct event event_from(const struct storing *s, const struct kim22_line *line)
{
    int32_t number = number_of(line->text, "SVCQ");
    return (struct event){
        .at = time_of(s, line),
        .kind = line->kind,
        .direction = line->direction,
        .reporter = line->reporter,
        .peer = line->peer,
        .sender = line->sender,
        .text = line->text,
        .mud = mud_of(s, line),
        .number = number >= 0 ? number : number_of(line->text, "SVCR"),
        .migration = -1,
    };
}

static bool is_mark(const struct kim22_line *line, const char *text)
{
    return line->kind == EVENT_MARK && strcmp(line->text, text) == 0;
}

/* Which open migration a "migr finished" ends: the latest whose begin names the access point that reports the
 * end (as our edge servers do); if none does (the paper's), the latest. An older open one was given up for
 * it. */
static struct span *span_finished_by(struct storing *s, const struct kim22_line *finish)
{
    struct span *latest = NULL;
    for (size_t i = s->span_count; i-- > 0;) {
        struct span *span = &s->spans[i];
        if (!span->finish && strcmp(span->begin->peer, finish->reporter) == 0)
            return span;
        if (!span->finish && !latest)
            latest = span;
    }
    return latest;
}

static void find_spans(struct storing *s)
{
    for (size_t i = 0; i < s->log->line_count; i++) {
        const struct kim22_line *line = &s->log->lines[i];
        if (is_mark(line, "migr begins")) {
            s->spans = mem_resize(s->spans, (s->span_count + 1) * sizeof *s->spans);
            s->spans[s->span_count++] = (struct span){line, NULL};
        } else if (is_mark(line, "migr finished")) {
            struct span *span = span_finished_by(s, line);
            if (span)
                span->finish = line;
        }
    }
}

static int add_lines(struct storing *s, struct err *e)
{
    int32_t begun = 0;
    for (size_t i = 0; i < s->log->line_count; i++) {
        struct event ev = event_from(s, &s->log->lines[i]);
        if (is_mark(&s->log->lines[i], "migr begins"))
            ev.migration = ++begun;
        int status = logrepo_add(s->repo, &ev, e);
        if (status < 0)
            return status;
    }
    return 0;
}

/* The edge server of a mark: the paper's access points report for theirs, ours report themselves. */
static const char *edge_of(const struct kim22_line *line)
{
    return strncmp(line->peer, "ES", 2) != 0 && strncmp(line->reporter, "ES", 2) == 0 ? line->reporter
                                                                                      : line->peer;
}

static int add_migration(struct storing *s, size_t k, struct err *e)
{
    const struct span *span = &s->spans[k];
    /* A lone user's migration that another one follows without its end was called off for that. */
    const struct kim22_line *next =
        k + 1 < s->span_count && s->user_count == 1 ? s->spans[k + 1].begin : NULL;
    const struct kim22_line *end = span->finish ? span->finish : next;
    if (!end)
        return 0; /* no end is known: the invariants say so */
    autofree char *peer =
        mem_printf("%s %s", edge_of(span->begin), span->finish ? edge_of(span->finish) : "");
    struct event ev = {
        .at = time_of(s, end),
        .kind = EVENT_MIGRATION,
        .reporter = end->reporter,
        .peer = peer,
        .sender = "",
        .text = span->finish ? "finished" : "superseded",
        .mud = mud_of(s, span->begin),
        .number = -1,
        .migration = (int32_t)k + 1,
        .begin = time_of(s, span->begin),
    };
    return logrepo_add(s->repo, &ev, e);
}

static int add_migrations(struct storing *s, struct err *e)
{
    int status = 0;
    for (size_t k = 0; k < s->span_count && status == 0; k++)
        status = add_migration(s, k, e);
    return status;
}

static int by_number(const void *a_, const void *b_)
{
    const struct exchange *a = a_, *b = b_;
    if (a->user != b->user)
        return a->user < b->user ? -1 : 1;
    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    if (a->direction != b->direction)
        return a->direction < b->direction ? -1 : 1;
    return simtime_cmp(a->at, b->at);
}

static size_t collect_exchanges(const struct storing *s, struct exchange *out)
{
    size_t count = 0;
    for (size_t i = 0; i < s->log->line_count; i++) {
        const struct kim22_line *line = &s->log->lines[i];
        int32_t user = s->users[line->reporter_index];
        if (line->kind != EVENT_MESSAGE || user < 0)
            continue;
        int32_t number = number_of(line->text, line->direction == EVENT_SENT ? "SVCQ" : "SVCR");
        if (number >= 0)
            out[count++] = (struct exchange){user,           number,    line->direction, time_of(s, line),
                                             line->reporter, line->peer};
    }
    qsort(out, count, sizeof *out, by_number);
    return count;
}

static int add_note(struct storing *s, struct simtime at, char *text, struct err *e)
{
    struct event ev = event_note(at, "LogRepo", text);
    int status = logrepo_add(s->repo, &ev, e);
    free(text);
    return status;
}

struct totals {
    int32_t sent, answered;
};

/* All exchanges of one number of one user: the sent ones stand first. */
static int add_request(struct storing *s, const struct exchange *x, size_t count, struct totals *totals,
                       struct err *e)
{
    size_t sent = 0;
    while (sent < count && x[sent].direction == EVENT_SENT)
        sent++;
    if (sent == 0)
        return add_note(s, x->at,
                        mem_printf("%s: SVCR %d answers nothing that was sent", x->reporter, x->number), e);
    totals->sent++;
    if (sent == count)
        return 0;
    totals->answered++;
    struct event ev = {
        .at = x[sent].at,
        .kind = EVENT_REQUEST,
        .reporter = x->reporter,
        .peer = x[sent].peer,
        .sender = x->reporter,
        .text = "ok",
        .mud = x->user,
        .number = x->number,
        .migration = -1,
        .begin = x->at,
        .value = (int64_t)sent,
    };
    return logrepo_add(s->repo, &ev, e);
}

static int add_total(struct storing *s, const struct exchange *last, struct totals totals, struct err *e)
{
    struct event ev = {.at = last->at,
                       .kind = EVENT_SENT_TOTAL,
                       .reporter = last->reporter,
                       .peer = "",
                       .sender = last->reporter,
                       .text = "",
                       .mud = last->user,
                       .number = totals.sent,
                       .migration = -1,
                       .value = totals.answered};
    return logrepo_add(s->repo, &ev, e);
}

static int add_requests(struct storing *s, struct err *e)
{
    autofree struct exchange *x = mem_alloc_array(s->log->line_count, sizeof *x);
    size_t count = collect_exchanges(s, x);
    struct totals totals = {0};
    int status = 0;
    for (size_t i = 0, end; i < count && status == 0; i = end) {
        for (end = i + 1; end < count && x[end].user == x[i].user && x[end].number == x[i].number;)
            end++;
        status = add_request(s, &x[i], end - i, &totals, e);
        if (status == 0 && (end == count || x[end].user != x[i].user)) {
            status = add_total(s, &x[end - 1], totals, e);
            totals = (struct totals){0};
        }
    }
    return status;
}

static char *offset_text(const struct kim22_log *log, const struct kim22_reporter *r)
{
    if (!r->connected)
        return mem_printf("clock of %s: no message links it to %s, taken as it is", r->name,
                          log->reporters[0].name);
    double ms = simtime_to_ms(r->offset);
    if (r->uncertainty.ns == INT64_MAX)
        return mem_printf("clock of %s: %+.3f ms against %s, seen in one direction only: the delay is inside",
                          r->name, ms, log->reporters[0].name);
    return mem_printf("clock of %s: %+.3f ms against %s, known to ± %.3f ms", r->name, ms,
                      log->reporters[0].name, simtime_to_ms(r->uncertainty));
}

static int add_notes(struct storing *s, struct err *e)
{
    const struct kim22_log *log = s->log;
    int status = 0;
    for (int i = 1; i < log->reporter_count && status == 0; i++)
        status = add_note(s, SIMTIME_ZERO, offset_text(log, &log->reporters[i]), e);
    for (size_t i = 0; i < log->impossible_count && status == 0; i++) {
        const struct kim22_impossible *p = &log->impossible[i];
        status = add_note(s, SIMTIME_ZERO,
                          mem_printf("%s:%d: received %.3f ms before it was sent (line %d)", log->path,
                                     p->received_line, simtime_to_ms(p->by), p->sent_line),
                          e);
    }
    return status;
}

int kim22_log_store(const struct kim22_log *log, struct logrepo *repo, struct err *e)
{
    struct storing s = {.log = log, .repo = repo, .start = kim22_log_start(log)};
    find_users(&s);
    find_spans(&s);
    int status = add_lines(&s, e);
    if (status == 0)
        status = add_requests(&s, e);
    if (status == 0)
        status = add_migrations(&s, e);
    if (status == 0)
        status = add_notes(&s, e);
    if (status == 0)
        status = logrepo_describe(repo, "source", "kim22-log", e);
    free(s.users);
    free(s.spans);
    return status;
}
