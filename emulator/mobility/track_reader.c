#include "track_reader.h"
#include "decimal.h"
#include "fields.h"
#include "mem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum {
    BUFFER_SIZE = TRACK_LINE_MAX + 1, /* with the line's end */
    QUOTED_MAX = 40,                  /* bytes of the file in an error */
    GZIP_BUFFER = 128 * 1024,
};

static const double seconds_max = 4e9; /* later than now since 1970; twice that still is a simtime */

int track_reader_open(struct track_reader *r, const char *path, struct err *e)
{
    errno = 0;
    r->file = gzopen(path, "re");
    if (!r->file)
        return err_errno(e, "%.200s", path);
    gzbuffer(r->file, GZIP_BUFFER);
    r->path = mem_copy_string(path);
    r->buffer = mem_alloc(BUFFER_SIZE);
    r->line = 1;
    return 0;
}

void track_reader_close(struct track_reader *r)
{
    if (r->file)
        gzclose(r->file);
    free(r->path);
    free(r->buffer);
    track_names_free(&r->names);
}

const char *track_reader_name(const struct track_source *source, uint32_t device)
{
    return track_names_of(&container_of(source, struct track_reader, source)->names, device);
}

/* --- errors and numbers ----------------------------------------------------------------------------------------- */

int track_reader_error(const struct track_reader *r, struct err *e, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    autofree char *what = mem_vprintf(format, args);
    va_end(args);
    return err_set(e, EINVAL, "%.200s:%lld: %s", r->path, (long long)r->line, what);
}

static int not_a_number(const struct track_reader *r, const char *what, const char *text, size_t len,
                        struct err *e)
{
    return track_reader_error(r, e, "%s: \"%.*s\" is not a number", what,
                              len < QUOTED_MAX ? (int)len : QUOTED_MAX, text);
}

int track_reader_number(const struct track_reader *r, const char *what, const char *text, size_t len,
                        double max, double *number, struct err *e)
{
    if (!decimal_parse(text, len, number))
        return not_a_number(r, what, text, len, e);
    if (!(*number >= -max && *number <= max))
        return track_reader_error(r, e, "%s is %.15g, must be %.15g to %.15g", what, *number, -max, max);
    return 0;
}

int track_reader_time(const struct track_reader *r, const char *text, size_t len, struct simtime *time,
                      struct err *e)
{
    double seconds;
    if (!decimal_parse(text, len, &seconds))
        return not_a_number(r, "the time", text, len, e);
    if (!(seconds >= 0 && seconds <= seconds_max))
        return track_reader_error(r, e, "the time is %.15g s, must be 0 to %.15g", seconds, seconds_max);
    *time = simtime_from_seconds(seconds);
    return 0;
}

/* --- the text --------------------------------------------------------------------------------------------------- */

int track_reader_bytes(struct track_reader *r, void *bytes, int size, struct err *e)
{
    int got = gzread(r->file, bytes, (unsigned)size), code = Z_OK;
    if (got > 0)
        return got;
    const char *what = gzerror(r->file, &code);
    if (code == Z_ERRNO)
        return err_errno(e, "%.200s", r->path);
    if (code == Z_BUF_ERROR)
        return track_reader_error(r, e, "the compressed file is cut off here");
    return code == Z_OK || code == Z_STREAM_END ? 0 : track_reader_error(r, e, "%s", what);
}

/* Reads on behind what is not yet taken, which moves to the front. 1; 0 if there is no more, or no more room. */
static int fill(struct track_reader *r, struct err *e)
{
    memmove(r->buffer, r->buffer + r->at, r->len);
    r->at = 0;
    if (r->file_ended || r->len == BUFFER_SIZE)
        return 0;
    int got = track_reader_bytes(r, r->buffer + r->len, (int)(BUFFER_SIZE - r->len), e);
    if (got <= 0) {
        r->file_ended = true;
        return got;
    }
    r->len += (size_t)got;
    return 1;
}

/* How many bytes stand before the first stop; `len` if there is none. */
typedef size_t (*track_scan)(const char *text, size_t len);

static size_t to_newline(const char *text, size_t len)
{
    const char *newline = memchr(text, '\n', len);
    return newline ? (size_t)(newline - text) : len;
}

static size_t to_blank(const char *text, size_t len)
{
    size_t n = 0;
    while (n < len && text[n] != ' ' && text[n] != '\t' && text[n] != '\r' && text[n] != '\n')
        n++;
    return n;
}

/* Sets how many bytes are before the next stop, or the end of the file. 1; 0 if nothing is left at all. */
static int find(struct track_reader *r, track_scan scan, size_t *distance, struct err *e)
{
    size_t seen = 0;
    for (;;) {
        *distance = seen + scan(r->buffer + r->at + seen, r->len - seen);
        if (*distance < r->len)
            break;
        seen = r->len;
        int more = fill(r, e);
        if (more < 0)
            return more;
        if (more == 0 && !r->file_ended)
            return track_reader_error(r, e, "more than %d bytes without an end", TRACK_LINE_MAX);
        if (more == 0)
            break;
    }
    if (memchr(r->buffer + r->at, '\0', *distance))
        return track_reader_error(r, e, "a zero byte: this is no text");
    return r->len > 0;
}

static void take(struct track_reader *r, size_t len)
{
    r->at += len;
    r->len -= len;
}

static void begin_line(struct track_reader *r)
{
    r->line += r->line_ended;
    r->line_ended = false;
}

int track_reader_line(struct track_reader *r, const char **line, size_t *len, struct err *e)
{
    do {
        begin_line(r);
        int status = find(r, to_newline, len, e);
        if (status <= 0)
            return status;
        *line = r->buffer + r->at;
        r->line_ended = *len < r->len;
        take(r, *len + r->line_ended);
        field_trim(line, len);
    } while (*len == 0);
    return 1;
}

int track_reader_word(struct track_reader *r, const char **word, size_t *len, struct err *e)
{
    begin_line(r);
    do {
        int status = find(r, to_blank, len, e);
        if (status <= 0)
            return status;
        if (*len == 0) {
            r->line_ended = r->buffer[r->at] == '\n';
            take(r, 1);
        }
    } while (*len == 0 && !r->line_ended);
    *word = *len ? r->buffer + r->at : NULL;
    take(r, *len);
    return 1;
}
