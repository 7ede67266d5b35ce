#include "kim22_log.h"
#include "mem.h"

#include <stdlib.h>
#include <string.h>

/* One message that was seen at both ends. */
struct pair {
    const struct kim22_line *sent, *received;
};

/* All messages between two reporters, a < b. With θ = b's clock − a's: a message a → b shows delay + θ, a
 * message b → a shows delay − θ, so that every delay ≥ 0 bounds θ from one side. */
struct edge {
    int a, b;
    int64_t lower, upper; /* of θ, nanoseconds */
    bool has_lower, has_upper;
    bool unbelievable; /* it would put a clock further off than offset_max */
};

/* Sixty years: an access point without a battery for its clock boots in 1970. Keeps every sum of stamps
 * inside 64 bits. */
static const int64_t offset_max = 60LL * 366 * 86400 * 1000000000;

static const char *receiver(const struct kim22_line *line)
{
    return line->direction == EVENT_SENT ? line->peer : line->reporter;
}

static int by_message(const void *a_, const void *b_)
{
    const struct kim22_line *a = *(const struct kim22_line *const *)a_,
                            *b = *(const struct kim22_line *const *)b_;
    int order = strcmp(receiver(a), receiver(b));
    order = order ? order : strcmp(a->sender, b->sender);
    return order ? order : strcmp(a->text, b->text);
}

static int by_message_and_origin(const void *a, const void *b)
{
    int order = by_message(a, b);
    return order ? order
                 : strcmp((*(const struct kim22_line *const *)a)->from,
                          (*(const struct kim22_line *const *)b)->from);
}

/* Calls `visit` for each run of equal messages that was sent once and received once: everything else (a
 * resend, a message that comes from two sides) cannot be paired with certainty and tells nothing. */
static void
for_unique_pairs(struct kim22_line **lines, size_t count, int (*order)(const void *, const void *),
                 void (*visit)(struct kim22_line *sent, struct kim22_line *received, void *context),
                 void *context)
{
    qsort(lines, count, sizeof *lines, order);
    for (size_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && order(&lines[i], &lines[end]) == 0;)
            end++;
        if (end - i == 2 && lines[i]->direction != lines[i + 1]->direction) {
            bool sent_first = lines[i]->direction == EVENT_SENT;
            visit(lines[i + !sent_first], lines[i + sent_first], context);
        }
    }
}

struct address {
    const char *address, *name; /* name "" = more than one */
};

struct addresses {
    struct address *known;
    size_t count;
};

static struct address *find_address(const struct addresses *addresses, const char *address)
{
    for (size_t i = 0; i < addresses->count; i++)
        if (strcmp(addresses->known[i].address, address) == 0)
            return &addresses->known[i];
    return NULL;
}

static void learn_address(struct kim22_line *sent, struct kim22_line *received, void *context)
{
    struct addresses *addresses = context;
    struct address *known = find_address(addresses, received->peer);
    received->from = sent->reporter;
    if (!known) {
        addresses->known = mem_resize(addresses->known, (addresses->count + 1) * sizeof *addresses->known);
        addresses->known[addresses->count++] = (struct address){received->peer, sent->reporter};
    } else if (strcmp(known->name, sent->reporter) != 0) {
        known->name = "";
    }
}

struct pairs {
    struct pair *list;
    size_t count;
};

static void keep_pair(struct kim22_line *sent, struct kim22_line *received, void *context)
{
    struct pairs *pairs = context;
    if (sent->reporter_index != received->reporter_index)
        pairs->list[pairs->count++] = (struct pair){sent, received};
}

/* Messages are paired by content first; that shows which address is whose; then by content and origin. */
static void find_pairs(struct kim22_log *log, struct pairs *pairs)
{
    struct kim22_line **messages = mem_alloc_array(log->line_count, sizeof(struct kim22_line *));
    struct addresses addresses = {0};
    size_t count = 0;
    for (size_t i = 0; i < log->line_count; i++)
        if (log->lines[i].kind == EVENT_MESSAGE)
            messages[count++] = &log->lines[i];
    for_unique_pairs(messages, count, by_message, learn_address, &addresses);
    for (size_t i = 0; i < count; i++) {
        const struct address *known =
            messages[i]->from[0] ? NULL : find_address(&addresses, messages[i]->peer);
        if (known)
            messages[i]->from = known->name;
    }
    pairs->list = mem_alloc_array(count, sizeof *pairs->list);
    for_unique_pairs(messages, count, by_message_and_origin, keep_pair, pairs);
    free(addresses.known);
    free(messages);
}

static int low_end(const struct pair *p)
{
    return p->sent->reporter_index < p->received->reporter_index ? p->sent->reporter_index
                                                                 : p->received->reporter_index;
}

static int high_end(const struct pair *p)
{
    return p->sent->reporter_index + p->received->reporter_index - low_end(p);
}

/* The bound on θ that this pair sets. */
static int64_t bound(const struct pair *p)
{
    int64_t difference = p->received->at.ns - p->sent->at.ns;
    return p->sent->reporter_index == low_end(p) ? difference : -difference;
}

static bool is_upper(const struct pair *p)
{
    return p->sent->reporter_index == low_end(p);
}

/* By ends, then all lower bounds, then all upper ones, each ascending: extremes and medians are found by
 * position. */
static int by_ends(const void *a_, const void *b_)
{
    const struct pair *a = a_, *b = b_;
    int64_t keys[2][4] = {{low_end(a), high_end(a), is_upper(a), bound(a)},
                          {low_end(b), high_end(b), is_upper(b), bound(b)}};
    for (int i = 0; i < 4; i++)
        if (keys[0][i] != keys[1][i])
            return keys[0][i] < keys[1][i] ? -1 : 1;
    return 0;
}

/* The pairs of one edge, sorted. If the tightest bounds contradict each other, a stamp is wrong or a clock
 * drifted: the medians are not moved by single lines, which are then found and flagged. */
static struct edge make_edge(const struct pair *pairs, size_t count)
{
    size_t lowers = 0;
    while (lowers < count && !is_upper(&pairs[lowers]))
        lowers++;
    struct edge edge = {
        .a = low_end(pairs), .b = high_end(pairs), .has_lower = lowers > 0, .has_upper = lowers < count};
    if (edge.has_lower)
        edge.lower = bound(&pairs[lowers - 1]);
    if (edge.has_upper)
        edge.upper = bound(&pairs[lowers]);
    if (edge.has_lower && edge.has_upper && edge.lower > edge.upper) {
        edge.lower = bound(&pairs[lowers / 2]);
        edge.upper = bound(&pairs[lowers + (count - lowers) / 2]);
    }
    return edge;
}

static int64_t middle(const struct edge *edge)
{
    if (edge->has_lower && edge->has_upper)
        return edge->lower + (edge->upper - edge->lower) / 2;
    return edge->has_upper ? edge->upper : edge->lower;
}

static int64_t half_width(const struct edge *edge)
{
    if (!edge->has_lower || !edge->has_upper)
        return INT64_MAX;
    return llabs(edge->upper - edge->lower) / 2;
}

/* Gives the edge's unknown end its offset from the known one; false if that offset cannot be. */
static bool join(struct kim22_log *log, const struct edge *edge)
{
    struct kim22_reporter *a = &log->reporters[edge->a], *b = &log->reporters[edge->b];
    struct kim22_reporter *from = a->connected ? a : b, *to = a->connected ? b : a;
    int64_t offset = to == b ? middle(edge) : -middle(edge);
    if (llabs(offset) > 2 * offset_max || llabs(from->offset.ns + offset) > offset_max)
        return false;
    bool bounded = half_width(edge) <= offset_max && from->uncertainty.ns <= offset_max;
    to->offset = simtime_ns(from->offset.ns + offset);
    to->uncertainty = bounded ? simtime_ns(from->uncertainty.ns + half_width(edge)) : SIMTIME_NEVER;
    to->connected = true;
    return true;
}

/* Joins the reporter that is known best from the ones already joined, until no edge leads further. */
static void spread(struct kim22_log *log, struct edge *edges, size_t count)
{
    log->reporters[0].connected = true;
    for (;;) {
        struct edge *best = NULL;
        for (size_t i = 0; i < count; i++)
            if (!edges[i].unbelievable &&
                log->reporters[edges[i].a].connected != log->reporters[edges[i].b].connected &&
                (!best || half_width(&edges[i]) < half_width(best)))
                best = &edges[i];
        if (!best)
            return;
        best->unbelievable = !join(log, best);
    }
}

static void flag_impossible(struct kim22_log *log, const struct pairs *pairs)
{
    log->impossible = mem_alloc_array(pairs->count, sizeof *log->impossible);
    for (size_t i = 0; i < pairs->count; i++) {
        const struct pair *p = &pairs->list[i];
        struct simtime by =
            simtime_sub(kim22_log_corrected(log, p->sent), kim22_log_corrected(log, p->received));
        if (by.ns > 0)
            log->impossible[log->impossible_count++] =
                (struct kim22_impossible){p->sent->number, p->received->number, by};
    }
}

void kim22_log_synchronise(struct kim22_log *log)
{
    struct pairs pairs = {0};
    find_pairs(log, &pairs);
    qsort(pairs.list, pairs.count, sizeof *pairs.list, by_ends);
    struct edge *edges = mem_alloc_array(pairs.count, sizeof *edges);
    size_t edge_count = 0;
    for (size_t i = 0, end; i < pairs.count; i = end) {
        for (end = i + 1; end < pairs.count && low_end(&pairs.list[end]) == low_end(&pairs.list[i]) &&
                          high_end(&pairs.list[end]) == high_end(&pairs.list[i]);)
            end++;
        edges[edge_count++] = make_edge(&pairs.list[i], end - i);
    }
    spread(log, edges, edge_count);
    flag_impossible(log, &pairs);
    free(edges);
    free(pairs.list);
}

struct simtime kim22_log_corrected(const struct kim22_log *log, const struct kim22_line *line)
{
    return simtime_sub(line->at, log->reporters[line->reporter_index].offset);
}

struct simtime kim22_log_start(const struct kim22_log *log)
{
    struct simtime start = SIMTIME_NEVER;
    for (size_t i = 0; i < log->line_count; i++)
        start = simtime_min(start, kim22_log_corrected(log, &log->lines[i]));
    return start;
}
