/* Tracks: where devices are over time, as samples of a plane in metres. A source yields them one by one: importers read
 * them from files (ns2, fcd, bonnmotion, csv), generators draw them. Between two samples a device moves on a straight line at
 * constant speed; two samples of the same time are a jump; before its first sample, and from a sample that says `gone` to its
 * next, it is nowhere; after its last one it stays where it is.
 *
 * A source holds constant memory per device, whatever the length of its file; only ns2, whose statements may come in any
 * order, holds them all, 32 bytes each. */
#ifndef ROAMLAB_TRACK_H
#define ROAMLAB_TRACK_H

#include "err.h"
#include "simtime.h"

#include <stdbool.h>
#include <stdint.h>

struct track_sample {
    struct simtime at;
    uint32_t device; /* counted from 0 in the order of first appearance */
    double x, y;     /* metres */
    bool gone;       /* it was at (x, y) until now */
};

struct track_source;

struct track_source_operations {
    /* 1 and a sample; 0 at the end; -errno and `e` (with file:line). */
    int (*next)(struct track_source *source, struct track_sample *sample, struct err *e);
    /* The device's name in the file ("veh0", "3"), valid until close; NULL from a generator. */
    const char *(*name)(const struct track_source *source, uint32_t device);
    void (*close)(struct track_source *source);
};

struct track_source {
    const struct track_source_operations *operations;
    bool
        by_time; /* all samples come in the order of time; else device after device, each in the order of time */
};

/* A file format: one row of the importers' table. */
struct track_format {
    const char *name, *help;
    /* NULL and `e` if the file cannot be opened or does not begin as this format does. */
    struct track_source *(*open)(const char *path, struct err *e);
};

const struct track_format *track_format_of(const char *name); /* NULL if there is none of that name */
const struct track_format *track_format_at(int i);            /* the i-th, NULL behind the last */

#endif
