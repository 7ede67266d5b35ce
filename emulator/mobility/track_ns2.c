/* ns-2's movement files, as its setdest, BonnMotion and SUMO's tools write them:
 *
 *     $node_(N) set X_ METRES                        where node N begins; Y_ likewise, Z_ is not used
 *     $ns_ at SECONDS "$node_(N) set X_ METRES"      it jumps there, and a movement ends
 *     $ns_ at SECONDS "$node_(N) setdest X Y SPEED"  it goes from where it then is, straight, in metres per second, and stays
 *
 * (The ns manual, chapter on mobile networking.) A setdest during a movement begins where the node is by then; with speed 0
 * the node stops. Four numbers after setdest are refused: the last one may be a height or a pause. What $god_ is told is passed
 * over, and # begins a comment; everything else is an error, since a script's loops and variables cannot be followed.
 *
 * Statements may come in any order, the nodes' beginnings last: they are all held, 32 bytes each, in the order of time. Nodes
 * are named by their numbers. */
#include "mem.h"
#include "track_reader.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 10 };

static const double longest_s = 1e9; /* of a movement: what takes longer than 30 years ends on the way */

/* A setdest; or a set, which has a negative speed, and NAN for the coordinate that stays. */
struct command {
    struct simtime at;
    double x, y, speed;
};

struct node {
    struct command *commands; /* owned */
    uint32_t count;
    int64_t line; /* of the first statement */
};

struct ns2 {
    struct track_reader reader;
    struct node *nodes; /* as many as names; owned */
    /* Where the present node is, and which command comes next. */
    uint32_t device, next;
    bool here, moves, jumps;
    struct simtime at, arrives;
    double x, y, to_x, to_y;
};

struct words {
    const char *text[WORDS_MAX];
    size_t len[WORDS_MAX];
    int count;
};

/* --- statements ------------------------------------------------------------------------------------------------- */

static bool is(const struct words *w, int i, const char *text)
{
    return i < w->count && w->len[i] == strlen(text) && memcmp(w->text[i], text, w->len[i]) == 0;
}

/* Quotes and braces, which hold a statement together for Tcl, say nothing here. */
static void split(const char *line, size_t len, struct words *w)
{
    static const char between[] = " \t\r\"{}";
    const char *end = memchr(line, '#', len);
    end = end ? end : line + len;
    w->count = 0;
    while (line < end && w->count < WORDS_MAX) {
        const char *begin = line;
        while (line < end && !strchr(between, *line))
            line++;
        if (line > begin) {
            w->text[w->count] = begin;
            w->len[w->count++] = (size_t)(line - begin);
        }
        line += line < end;
    }
    if (w->count && w->text[w->count - 1][w->len[w->count - 1] - 1] == ';')
        w->count -= --w->len[w->count - 1] == 0;
}

static int no_statement(const struct ns2 *n, struct err *e)
{
    track_reader_error(&n->reader, e, "this is no statement of a movement file");
    return err_hint(
        e, "a line reads $node_(N) set X_ METRES, or $ns_ at SECONDS \"$node_(N) setdest X Y SPEED\"");
}

/* The room for all nodes grows where the names' does. */
static struct node *node_of(struct ns2 *n, const char *number, size_t len)
{
    uint32_t count = n->reader.names.count;
    uint32_t device = track_names_device(&n->reader.names, number, len);
    if (device == count) {
        if ((count & (count - 1)) == 0)
            n->nodes = mem_resize(n->nodes, (count ? count * (size_t)2 : 1) * sizeof *n->nodes);
        n->nodes[device] = (struct node){.line = n->reader.line};
    }
    return &n->nodes[device];
}

/* "$node_(12)" */
static struct node *read_node(struct ns2 *n, const struct words *w, int i)
{
    static const char open[] = "$node_(";
    size_t before = strlen(open);
    if (i >= w->count || w->len[i] < before + 2 || w->len[i] > before + 10 ||
        memcmp(w->text[i], open, before) != 0 || w->text[i][w->len[i] - 1] != ')')
        return NULL;
    const char *number = w->text[i] + before;
    size_t len = w->len[i] - before - 1;
    for (size_t k = 0; k < len; k++)
        if (number[k] < '0' || number[k] > '9')
            return NULL;
    while (len > 1 && number[0] == '0')
        number++, len--;
    return node_of(n, number, len);
}

/* Behind those of the same time. */
static struct command *insert(struct node *node, struct command command)
{
    if ((node->count & (node->count - 1)) == 0) /* full at every power of two */
        node->commands =
            mem_resize(node->commands, (node->count ? node->count * (size_t)2 : 1) * sizeof *node->commands);
    uint32_t i = node->count++;
    while (i && simtime_before(command.at, node->commands[i - 1].at))
        i--;
    memmove(&node->commands[i + 1], &node->commands[i], (node->count - 1 - i) * sizeof *node->commands);
    node->commands[i] = command;
    return &node->commands[i];
}

/* X_ and Y_ of one time are one jump. */
static void set(struct node *node, struct simtime at, char axis, double value)
{
    struct command *last = NULL;
    for (uint32_t i = node->count; i-- && node->commands[i].at.ns >= at.ns;)
        if (node->commands[i].at.ns == at.ns) {
            last = &node->commands[i];
            break;
        }
    if (!last || last->speed >= 0)
        last = insert(node, (struct command){.at = at, .x = NAN, .y = NAN, .speed = -1});
    *(axis == 'X' ? &last->x : &last->y) = value;
}

static int read_set(struct ns2 *n, struct node *node, struct simtime at, const struct words *w, int i,
                    struct err *e)
{
    double value;
    if (i + 4 != w->count || w->len[i + 2] != 2 || !strchr("XYZ", w->text[i + 2][0]) ||
        w->text[i + 2][1] != '_')
        return no_statement(n, e);
    char name[] = {w->text[i + 2][0], '_', '\0'};
    int status =
        track_reader_number(&n->reader, name, w->text[i + 3], w->len[i + 3], TRACK_COORDINATE_MAX, &value, e);
    if (status == 0 && name[0] != 'Z')
        set(node, at, name[0], value);
    return status;
}

static int read_setdest(struct ns2 *n, struct node *node, struct simtime at, const struct words *w, int i,
                        struct err *e)
{
    struct command command = {.at = at};
    const struct {
        const char *what;
        double max, *value;
    } rows[] = {
        {"x", TRACK_COORDINATE_MAX, &command.x},
        {"y", TRACK_COORDINATE_MAX, &command.y},
        {"the speed", 1e6, &command.speed},
    };
    if (i + 6 == w->count) {
        track_reader_error(&n->reader, e, "setdest with four numbers: is the last one a height, or a pause?");
        return err_hint(e, "write setdest X Y SPEED");
    }
    if (i + 5 != w->count || at.ns < 0)
        return no_statement(n, e);
    for (int k = 0; k < 3; k++) {
        int status = track_reader_number(&n->reader, rows[k].what, w->text[i + 2 + k], w->len[i + 2 + k],
                                         rows[k].max, rows[k].value, e);
        if (status < 0)
            return status;
    }
    if (command.speed < 0)
        return track_reader_error(&n->reader, e, "the speed is %g, must be 0 or more", command.speed);
    insert(node, command);
    return 0;
}

static int read_statement(struct ns2 *n, const struct words *w, struct err *e)
{
    struct simtime at = simtime_ns(-1); /* before anything at 0 s */
    bool scheduled = is(w, 0, "$ns_") || is(w, 0, "$ns");
    int i = scheduled ? 3 : 0;
    if (w->count == 0 || is(w, i, "$god_"))
        return 0;
    struct node *node = read_node(n, w, i);
    if (!node || (scheduled && !is(w, 1, "at")))
        return no_statement(n, e);
    if (scheduled) {
        int status = track_reader_time(&n->reader, w->text[2], w->len[2], &at, e);
        if (status < 0)
            return status;
    }
    if (is(w, i + 1, "set"))
        return read_set(n, node, at, w, i, e);
    return is(w, i + 1, "setdest") ? read_setdest(n, node, at, w, i, e) : no_statement(n, e);
}

static int read_all(struct ns2 *n, struct err *e)
{
    const char *line;
    size_t len;
    int status;
    while ((status = track_reader_line(&n->reader, &line, &len, e)) == 1) {
        struct words words;
        split(line, len, &words);
        if ((status = read_statement(n, &words, e)) < 0)
            return status;
    }
    return status;
}

/* --- movements -------------------------------------------------------------------------------------------------- */

static int no_position(struct ns2 *n, const struct node *node, const char *what, struct err *e)
{
    const char *name = track_names_of(&n->reader.names, n->device);
    n->reader.line = node->line;
    track_reader_error(&n->reader, e, "node %s moves before it has %s", name, what);
    return err_hint(e, "$node_(%s) set X_ …, and Y_ likewise, say where it begins", name);
}

/* Where a movement has come to. */
static void interrupt(struct ns2 *n, struct simtime at)
{
    if (n->moves) {
        double part = (double)(at.ns - n->at.ns) / (double)(n->arrives.ns - n->at.ns);
        n->x += part * (n->to_x - n->x);
        n->y += part * (n->to_y - n->y);
    }
    n->moves = false;
    n->at = simtime_max(at, SIMTIME_ZERO);
}

static void jump(struct ns2 *n, const struct command *c)
{
    n->to_x = isnan(c->x) ? n->x : c->x;
    n->to_y = isnan(c->y) ? n->y : c->y;
    if (n->here)
        n->jumps = true; /* a sample before it, and one behind */
    else
        n->x = n->to_x, n->y = n->to_y;
    n->here = true;
}

static void depart(struct ns2 *n, const struct command *c)
{
    double seconds = hypot(c->x - n->x, c->y - n->y) / c->speed;
    double part = seconds > longest_s ? longest_s / seconds : 1;
    n->moves = c->speed > 0 && seconds > 0;
    if (!n->moves)
        return;
    n->to_x = n->x + part * (c->x - n->x);
    n->to_y = n->y + part * (c->y - n->y);
    n->arrives = simtime_add(n->at, simtime_from_seconds(part * seconds));
}

static int obey(struct ns2 *n, const struct node *node, struct err *e)
{
    const struct command *c = &node->commands[n->next++];
    bool is_set = c->speed < 0;
    if (!n->here && (!is_set || isnan(c->x) || isnan(c->y)))
        return no_position(n, node, !is_set ? "a position" : isnan(c->x) ? "an X_" : "a Y_", e);
    interrupt(n, c->at);
    if (is_set)
        jump(n, c);
    else
        depart(n, c);
    return 0;
}

static void begin_node(struct ns2 *n)
{
    n->device++;
    n->next = 0;
    n->here = n->moves = n->jumps = false;
}

static int next(struct track_source *source, struct track_sample *sample, struct err *e)
{
    struct ns2 *n = container_of(source, struct ns2, reader.source);
    while (n->device < n->reader.names.count && !n->moves && !n->jumps &&
           n->next == n->nodes[n->device].count)
        begin_node(n);
    if (n->device == n->reader.names.count)
        return 0;
    const struct node *node = &n->nodes[n->device];
    int status = 0;
    bool arrives = n->moves && (n->next == node->count || n->arrives.ns <= node->commands[n->next].at.ns);
    if (arrives || n->jumps) {
        n->x = n->to_x, n->y = n->to_y;
        n->at = arrives ? n->arrives : n->at;
        n->moves = n->jumps = false;
    } else {
        status = obey(n, node, e);
    }
    *sample = (struct track_sample){.at = n->at, .device = n->device, .x = n->x, .y = n->y};
    return status < 0 ? status : 1;
}

static void close_ns2(struct track_source *source)
{
    struct ns2 *n = container_of(source, struct ns2, reader.source);
    for (uint32_t i = 0; i < n->reader.names.count; i++)
        free(n->nodes[i].commands);
    free(n->nodes);
    track_reader_close(&n->reader);
    free(n);
}

static struct track_source *open_ns2(const char *path, struct err *e)
{
    static const struct track_source_operations operations = {next, track_reader_name, close_ns2};
    struct ns2 *n = mem_alloc(sizeof *n);
    n->reader.source = (struct track_source){.operations = &operations};
    if (track_reader_open(&n->reader, path, e) == 0 && read_all(n, e) == 0)
        return &n->reader.source;
    close_ns2(&n->reader.source);
    return NULL;
}

const struct track_format track_ns2 = {"ns2", "ns-2's movement files (setdest)", open_ns2};
