/* What `roamlab import` imports. All return an exit status and print their errors. */
#ifndef ROAMLAB_IMPORT_H
#define ROAMLAB_IMPORT_H

#include "command_line.h"
#include "track.h"

/* An event log in the text form of the paper, into the result folder `out`; NULL: results/NAME-TIMESTAMP. */
int import_kim22(const char *file, const char *out);

/* Tracks, through the radio and the roaming decision of a scenario, into visits on standard output: CSV, or JSON for `muds`. */
struct import_tracks {
    const struct track_format *format;
    const char *file, *scenario;
    const struct command_settings *settings; /* of the scenario */
    bool json;
};
int import_tracks(const struct import_tracks *request);

#endif
