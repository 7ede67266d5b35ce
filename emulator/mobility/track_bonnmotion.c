/* BonnMotion's .movements: a line for each node with its waypoints, t x y and again t x y …; or t x y z, if the first line is
 * #3D. Other lines that begin with # are comments. A node is at its first waypoint also before that waypoint's time, and stays
 * at its last one (the BonnMotion manual, chapter on its native format). Nodes are named by their number, from 0. Lines have
 * no bound: a node's track is read as it is asked for. The height is not used. */
#include "mem.h"
#include "track_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bonnmotion {
    struct track_reader reader;
    bool in_node, has_height;
    struct track_sample last;
    bool late; /* the node's first waypoint is after time 0, where a sample stands in for it */
};

static int skip_line(struct track_reader *r, struct err *e)
{
    const char *word;
    size_t len;
    int status;
    do
        status = track_reader_word(r, &word, &len, e);
    while (status == 1 && word);
    return status;
}

static int comment(struct bonnmotion *b, const char *word, size_t len, struct err *e)
{
    if (len == 3 && memcmp(word, "#3D", 3) == 0 && b->reader.names.count == 0)
        b->has_height = true;
    return skip_line(&b->reader, e);
}

static void begin_node(struct bonnmotion *b)
{
    char name[16];
    int len = snprintf(name, sizeof name, "%u", b->reader.names.count);
    b->last = (struct track_sample){.device = track_names_device(&b->reader.names, name, (size_t)len)};
    b->in_node = true;
}

/* 1 and the first number of the next waypoint; 0 at the end of the file. */
static int find_waypoint(struct bonnmotion *b, const char **word, size_t *len, bool *first, struct err *e)
{
    int status;
    *first = false;
    while ((status = track_reader_word(&b->reader, word, len, e)) == 1) {
        if (!*word) {
            b->in_node = false;
        } else if (!b->in_node && (*word)[0] == '#') {
            if ((status = comment(b, *word, *len, e)) <= 0)
                return status;
        } else {
            *first = !b->in_node;
            if (*first)
                begin_node(b);
            return 1;
        }
    }
    return status;
}

static int read_coordinate(struct bonnmotion *b, const char *what, double *value, struct err *e)
{
    const char *word = NULL;
    size_t len;
    int status = track_reader_word(&b->reader, &word, &len, e);
    if (status < 0)
        return status;
    if (status == 0 || !word) {
        track_reader_error(&b->reader, e, "node %s ends within a waypoint, without %s",
                           track_names_of(&b->reader.names, b->last.device), what);
        return err_hint(e, "waypoints are %s",
                        b->has_height ? "t x y z" : "t x y, or t x y z after a line #3D");
    }
    return track_reader_number(&b->reader, what, word, len, TRACK_COORDINATE_MAX, value, e);
}

static int read_waypoint(struct bonnmotion *b, const char *word, size_t len, struct err *e)
{
    struct simtime before = b->last.at;
    double height;
    int status = track_reader_time(&b->reader, word, len, &b->last.at, e);
    if (status < 0)
        return status;
    if (simtime_before(b->last.at, before)) {
        track_reader_error(&b->reader, e, "node %s goes back in time, from %g s to %g s",
                           track_names_of(&b->reader.names, b->last.device), simtime_seconds(before),
                           simtime_seconds(b->last.at));
        return err_hint(e, "if waypoints have a height, the file begins with the line #3D");
    }
    status = read_coordinate(b, "x", &b->last.x, e);
    if (status == 0)
        status = read_coordinate(b, "y", &b->last.y, e);
    if (status == 0 && b->has_height)
        status = read_coordinate(b, "z", &height, e);
    return status;
}

static int next(struct track_source *source, struct track_sample *sample, struct err *e)
{
    struct bonnmotion *b = container_of(source, struct bonnmotion, reader.source);
    const char *word;
    size_t len;
    bool first = false;
    if (!b->late) {
        int status = find_waypoint(b, &word, &len, &first, e);
        if (status <= 0)
            return status;
        if ((status = read_waypoint(b, word, len, e)) < 0)
            return status;
    }
    *sample = b->last;
    b->late = first && b->last.at.ns > 0;
    if (b->late)
        sample->at = SIMTIME_ZERO;
    return 1;
}

static void close_bonnmotion(struct track_source *source)
{
    struct bonnmotion *b = container_of(source, struct bonnmotion, reader.source);
    track_reader_close(&b->reader);
    free(b);
}

static struct track_source *open_bonnmotion(const char *path, struct err *e)
{
    static const struct track_source_operations operations = {next, track_reader_name, close_bonnmotion};
    struct bonnmotion *b = mem_alloc(sizeof *b);
    b->reader.source = (struct track_source){.operations = &operations};
    if (track_reader_open(&b->reader, path, e) == 0)
        return &b->reader.source;
    close_bonnmotion(&b->reader.source);
    return NULL;
}

const struct track_format track_bonnmotion = {
    "bonnmotion", "BonnMotion's .movements, a line of waypoints for each node", open_bonnmotion};
