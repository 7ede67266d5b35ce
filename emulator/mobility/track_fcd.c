/* SUMO's floating car data (--fcd-output): fcd-export > timestep time > vehicle, person or container with id, x and y, where
 * persons and containers may stand inside the vehicle that carries them. Every step lists all who are there: who is missing in
 * a step has gone, and may come back. Other elements and attributes are passed over, as SUMO adds new ones.
 *
 * Degrees instead of metres (--fcd-output.geo) are refused. They show in the configuration that SUMO writes into the comment
 * at the top; without that, by devices that report a speed but move less than a hundredth of it, while all coordinates could
 * be degrees. A position beyond TRACK_COORDINATE_MAX is SUMO's way to say that there is none, such as while a vehicle leaves a
 * parking area: the device counts as missing.
 *
 * The file is parsed piece by piece; what a piece yields waits in a queue. Held per device: name, last position. */
#include "decimal.h"
#include "mem.h"
#include "track_reader.h"

#include <expat.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    PIECE = 64 * 1024,
    ELEMENT_MAX = 1024 * 1024, /* bytes; expat holds one in memory */
    WITNESSES = 3,             /* devices that move by degrees, until they are believed */
};

struct device {
    double x, y;
    int64_t step;     /* the last one that lists it */
    const char *kind; /* "vehicle", … */
    bool present;
};

struct fcd {
    struct track_reader reader;
    XML_Parser parser;
    int64_t fed; /* bytes */
    int depth;
    bool in_step, ended;
    int status; /* of the parser's callbacks */
    struct err *e;
    int64_t step; /* counted from 1 */
    struct simtime at, before;
    struct device *devices; /* as many as names; owned */
    uint32_t *present;      /* those in the last step; owned, room for all */
    uint32_t present_count;
    bool in_metres; /* it is certain */
    int witnesses;
    struct track_sample *queue; /* owned */
    size_t queued, taken, room;
};

static const char *attribute(const char **attributes, const char *name)
{
    for (; attributes[0]; attributes += 2)
        if (strcmp(attributes[0], name) == 0)
            return attributes[1];
    return NULL;
}

static void queue(struct fcd *f, uint32_t device, bool gone)
{
    if (f->queued == f->room) {
        f->room = f->room ? f->room * 2 : 64;
        f->queue = mem_resize(f->queue, f->room * sizeof *f->queue);
    }
    const struct device *d = &f->devices[device];
    f->queue[f->queued++] =
        (struct track_sample){.at = f->at, .device = device, .x = d->x, .y = d->y, .gone = gone};
}

/* --- metres or degrees ------------------------------------------------------------------------------------------ */

static int refuse_degrees(struct fcd *f)
{
    track_reader_error(&f->reader, f->e, "the coordinates are degrees, not metres");
    return err_hint(f->e, "let SUMO write the file without --fcd-output.geo");
}

/* `seconds` passed since the device was at (d->x, d->y). */
static int judge_move(struct fcd *f, const struct device *d, double x, double y, const char *speed_text)
{
    double speed;
    if (!speed_text || !decimal_parse(speed_text, strlen(speed_text), &speed) || speed < 1)
        return 0;
    double seconds = simtime_seconds(simtime_sub(f->at, f->before));
    if (hypot(x - d->x, y - d->y) >= 0.01 * speed * seconds)
        f->in_metres = true;
    else if (++f->witnesses == WITNESSES)
        return refuse_degrees(f);
    return 0;
}

static int judge(struct fcd *f, const struct device *d, double x, double y, const char *speed)
{
    if (fabs(x) > 180 || fabs(y) > 90)
        f->in_metres = true;
    else if (d->present && d->step == f->step - 1)
        return judge_move(f, d, x, y, speed);
    return 0;
}

static int read_comment(struct fcd *f, const char *text)
{
    static const char option[] = "fcd-output.geo value=\"";
    const char *value = strstr(text, option);
    return value && strchr("tTyY1", value[strlen(option)]) ? refuse_degrees(f) : 0;
}

/* --- elements --------------------------------------------------------------------------------------------------- */

static int begin_step(struct fcd *f, const char **attributes)
{
    const char *time = attribute(attributes, "time");
    if (!time)
        return track_reader_error(&f->reader, f->e, "timestep without time");
    if (strchr(time, ':')) {
        track_reader_error(&f->reader, f->e, "the time \"%.40s\" is not in seconds", time);
        return err_hint(f->e, "let SUMO write the file without --human-readable-time");
    }
    struct simtime last = f->at;
    int status = track_reader_time(&f->reader, time, strlen(time), &f->at, f->e);
    if (status < 0)
        return status;
    if (f->step++ && f->at.ns <= last.ns)
        return track_reader_error(&f->reader, f->e,
                                  "the timestep at %g s is not later than the one before it, at %g s",
                                  simtime_seconds(f->at), simtime_seconds(last));
    f->before = last;
    f->in_step = true;
    return 0;
}

/* The room for all devices grows where the names' does. */
static uint32_t device_of(struct fcd *f, const char *id)
{
    uint32_t count = f->reader.names.count;
    uint32_t device = track_names_device(&f->reader.names, id, strlen(id));
    if (device < count)
        return device;
    if ((count & (count - 1)) == 0) {
        size_t room = count ? count * (size_t)2 : 1;
        f->devices = mem_resize(f->devices, room * sizeof *f->devices);
        f->present = mem_resize(f->present, room * sizeof *f->present);
    }
    f->devices[device] = (struct device){0};
    return device;
}

static int read_position(struct fcd *f, const char *kind, const char **attributes, double *x, double *y)
{
    const struct {
        const char *name;
        double *value;
    } rows[] = {{"x", x}, {"y", y}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *text = attribute(attributes, rows[i].name);
        if (!text) {
            track_reader_error(&f->reader, f->e, "%s without %s", kind, rows[i].name);
            return err_hint(f->e, "x and y must be among SUMO's --fcd-output.attributes");
        }
        int status =
            track_reader_number(&f->reader, rows[i].name, text, strlen(text), HUGE_VAL, rows[i].value, f->e);
        if (status < 0)
            return status;
    }
    return 0;
}

static int check_listing(struct fcd *f, const struct device *d, const char *kind, const char *id)
{
    if (!d->kind || (d->step < f->step && d->kind == kind))
        return 0;
    if (d->kind == kind)
        return track_reader_error(&f->reader, f->e, "%s \"%.40s\" stands twice in this timestep", kind, id);
    track_reader_error(&f->reader, f->e, "\"%.40s\" is a %s here and was a %s before", id, kind, d->kind);
    return err_hint(f->e, "give them different ids, or let SUMO write persons to a file of their own, "
                          "--person-fcd-output");
}

static int read_device(struct fcd *f, const char *kind, const char **attributes)
{
    double x, y;
    const char *id = attribute(attributes, "id");
    if (!f->in_step)
        return track_reader_error(&f->reader, f->e, "%s outside of a timestep", kind);
    if (!id || !*id)
        return track_reader_error(&f->reader, f->e, "%s without id", kind);
    int status = read_position(f, kind, attributes, &x, &y);
    if (status < 0)
        return status;
    if (fabs(x) > TRACK_COORDINATE_MAX || fabs(y) > TRACK_COORDINATE_MAX)
        return 0;
    uint32_t device = device_of(f, id);
    struct device *d = &f->devices[device];
    if ((status = check_listing(f, d, kind, id)) < 0)
        return status;
    if (!f->in_metres && (status = judge(f, d, x, y, attribute(attributes, "speed"))) < 0)
        return status;
    if (!d->present)
        f->present[f->present_count++] = device;
    *d = (struct device){.x = x, .y = y, .step = f->step, .kind = kind, .present = true};
    queue(f, device, false);
    return 0;
}

static void end_step(struct fcd *f)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < f->present_count; i++) {
        uint32_t device = f->present[i];
        struct device *d = &f->devices[device];
        d->present = d->step == f->step;
        if (d->present)
            f->present[kept++] = device;
        else
            queue(f, device, true);
    }
    f->present_count = kept;
    f->in_step = false;
}

static int read_element(struct fcd *f, const char *name, const char **attributes)
{
    static const char *const kinds[] = {"vehicle", "person", "container"};
    if (f->depth == 1 && strcmp(name, "fcd-export") != 0) {
        track_reader_error(&f->reader, f->e, "begins with <%.40s>, must begin with <fcd-export>", name);
        return err_hint(f->e, "the file that SUMO writes with --fcd-output");
    }
    if (f->depth == 2 && strcmp(name, "timestep") == 0)
        return begin_step(f, attributes);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (strcmp(name, kinds[i]) == 0)
            return read_device(f, kinds[i], attributes);
    return 0;
}

/* --- the parser ------------------------------------------------------------------------------------------------- */

static void mark_line(struct fcd *f)
{
    f->reader.line = (int64_t)XML_GetCurrentLineNumber(f->parser);
}

static void stop_on_error(struct fcd *f, int status)
{
    if (status == 0 || f->status < 0)
        return;
    f->status = status;
    XML_StopParser(f->parser, XML_FALSE);
}

static void on_begin(void *user, const char *name, const char **attributes)
{
    struct fcd *f = user;
    mark_line(f);
    f->depth++;
    stop_on_error(f, read_element(f, name, attributes));
}

static void on_end(void *user, const char *name)
{
    struct fcd *f = user;
    (void)name;
    if (f->depth-- == 2 && f->in_step)
        end_step(f);
}

static void on_comment(void *user, const char *text)
{
    struct fcd *f = user;
    mark_line(f);
    stop_on_error(f, read_comment(f, text));
}

static int syntax_error(struct fcd *f, struct err *e)
{
    enum XML_Error code = XML_GetErrorCode(f->parser);
    mark_line(f);
    int status = track_reader_error(&f->reader, e, "%s", XML_ErrorString(code));
    if (f->ended)
        err_hint(e, "the file ends early: was it copied, or written, to its end?");
    return status;
}

static int check_size(struct fcd *f, struct err *e)
{
    XML_Index begin = XML_GetCurrentByteIndex(f->parser);
    if (begin < 0 || f->fed - begin <= ELEMENT_MAX)
        return 0;
    mark_line(f);
    return track_reader_error(&f->reader, e, "more than %d bytes without the end of an element", ELEMENT_MAX);
}

static int parse_piece(struct fcd *f, struct err *e)
{
    void *piece = XML_GetBuffer(f->parser, PIECE);
    int len = piece ? track_reader_bytes(&f->reader, piece, PIECE, e) : 0;
    if (len < 0)
        return len;
    f->ended = len == 0;
    f->queued = f->taken = 0;
    f->e = e;
    if (XML_ParseBuffer(f->parser, len, f->ended) == XML_STATUS_ERROR)
        return f->status < 0 ? f->status : syntax_error(f, e);
    f->fed += len;
    return check_size(f, e);
}

static int next(struct track_source *source, struct track_sample *sample, struct err *e)
{
    struct fcd *f = container_of(source, struct fcd, reader.source);
    while (f->taken == f->queued) {
        if (f->ended)
            return 0;
        int status = parse_piece(f, e);
        if (status < 0)
            return status;
    }
    *sample = f->queue[f->taken++];
    return 1;
}

static void close_fcd(struct track_source *source)
{
    struct fcd *f = container_of(source, struct fcd, reader.source);
    XML_ParserFree(f->parser);
    track_reader_close(&f->reader);
    free(f->devices);
    free(f->present);
    free(f->queue);
    free(f);
}

static struct track_source *open_fcd(const char *path, struct err *e)
{
    static const struct track_source_operations operations = {next, track_reader_name, close_fcd};
    struct fcd *f = mem_alloc(sizeof *f);
    f->reader.source = (struct track_source){&operations, .by_time = true};
    f->parser = XML_ParserCreate(NULL);
    if (track_reader_open(&f->reader, path, e) < 0) {
        close_fcd(&f->reader.source);
        return NULL;
    }
    XML_SetUserData(f->parser, f);
    XML_SetElementHandler(f->parser, on_begin, on_end);
    XML_SetCommentHandler(f->parser, on_comment);
    return &f->reader.source;
}

const struct track_format track_fcd = {"fcd", "SUMO's floating car data (--fcd-output), XML", open_fcd};
