/* Where devices have been, to be drawn: of a few of them, and of each so many samples that a map shows no difference. A long
 * path loses every second sample, as often as it takes: it keeps its shape, and what it leaves out is spread evenly. */
#ifndef ROAMLAB_TRACK_PATHS_H
#define ROAMLAB_TRACK_PATHS_H

#include "track.h"

enum { PATHS_DEVICES = 40, PATH_SAMPLES = 256 };

struct track_path {
    struct track_sample *samples; /* owned */
    struct track_sample last;     /* the newest, kept or not */
    uint32_t count, every, left;  /* one of `every` samples is kept; so many until the next one */
};

struct track_paths {
    struct track_path list[PATHS_DEVICES]; /* by device */
};

struct track_paths *track_paths_new(void);
void track_paths_free(struct track_paths *paths); /* NULL-safe */
/* The device's next sample. Devices from PATHS_DEVICES on are not kept. */
void track_paths_add(struct track_paths *paths, uint32_t device, const struct track_sample *sample);
/* {"DEVICE": [[at_s, x_m, y_m], …], …} as JSON; a device that is gone from a sample on has null as its next one. free() it. NULL for
 * NULL. */
char *track_paths_text(const struct track_paths *paths);

#endif
