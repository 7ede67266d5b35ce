/* What the readers of track files have in common: a text that may be compressed by gzip, taken as lines, words or raw bytes;
 * numbers; names of devices; errors that say "FILE:LINE: WHAT". A format embeds a `struct track_reader` and adds what it
 * needs. */
#ifndef ROAMLAB_TRACK_READER_H
#define ROAMLAB_TRACK_READER_H

#include "track.h"
#include "track_names.h"

#include <zlib.h>

enum {
    TRACK_LINE_MAX = 65535,           /* bytes that a line, or a word where lines have no bound, may have */
    TRACK_COORDINATE_MAX = 100000000, /* metres */
};

struct track_reader {
    struct track_source source;
    struct track_names names;
    char *path;
    gzFile file;
    int64_t line; /* the one that was taken last, or is being taken; from 1 */
    bool line_ended, file_ended;
    char *buffer;
    size_t at, len; /* what is read but not taken */
};

extern const struct track_format track_ns2, track_fcd, track_bonnmotion, track_csv;

int track_reader_open(struct track_reader *r, const char *path, struct err *e);
void track_reader_close(struct track_reader *r);
const char *track_reader_name(const struct track_source *source, uint32_t device);

/* 1 and the next line with anything on it, without blanks at both ends; 0 at the end. Valid until the next call. */
int track_reader_line(struct track_reader *r, const char **line, size_t *len, struct err *e);
/* 1 and the next word; 1 and NULL at the end of each line; 0 at the end of the file. Valid until the next call. */
int track_reader_word(struct track_reader *r, const char **word, size_t *len, struct err *e);
/* Up to `size` bytes, as they are; 0 at the end. */
int track_reader_bytes(struct track_reader *r, void *bytes, int size, struct err *e);

/* "FILE:LINE: WHAT"; -EINVAL. */
int track_reader_error(const struct track_reader *r, struct err *e, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A number from -max to max, called `what` in the error. */
int track_reader_number(const struct track_reader *r, const char *what, const char *text, size_t len,
                        double max, double *number, struct err *e);
/* Seconds from 0 on. */
int track_reader_time(const struct track_reader *r, const char *text, size_t len, struct simtime *time,
                      struct err *e);

#endif
