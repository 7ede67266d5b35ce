/* Files that say how a link varied, read into a schedule.
 *
 * csv: one line a point, fields separated by commas: seconds from the start, then values. Without a first line of
 * names the fields are t_s, rate_mbit, rtt_ms, loss. With one, any of
 *     t_s  rate_mbit  rtt_ms  jitter_ms  loss  duplicate  corrupt
 * in any order, t_s among them; NAME.forward and NAME.back are for one direction, where rtt_ms.forward is twice that
 * direction's delay. Units are those of the scenario; rate_mbit 0 is not limited. An empty field keeps the value.
 * Blank lines, and those that begin with #, are passed over. Every line is a step.
 *
 * mahimahi: packet-delivery files as mm-link takes them (Netravali15): every line is a whole number of milliseconds
 * from the start at which one packet of full size may leave; numbers do not fall, and the last one is the period. It
 * becomes a rate: the opportunities of each bin times a full packet's bits, over the bin. A bin is 100 ms, or longer
 * where a trace would have more than TRACE_BINS_MAX of them. A rate cannot be 0, so an outage lets one packet a bin
 * through. Only the rate varies. */
#ifndef ROAMLAB_TRACE_H
#define ROAMLAB_TRACE_H

#include "schedule.h"

enum { TRACE_BIN_MS = 100, TRACE_BINS_MAX = 20000 };

struct trace_format {
    const char *name; /* as scenarios write it */
    const char *help;
    bool repeats; /* unless told otherwise */
    /* Adds the points of `text` to a schedule for each direction. `name` is the file's, for messages, which say
     * "NAME:LINE: WHAT". The schedules are empty before and freed by the caller, also after an error. */
    int (*read)(const char *name, const char *text, size_t len, struct schedule schedules[2], struct err *e);
};

/* The formats by number, up to NULL; by name, or NULL. */
const struct trace_format *trace_format_at(int i);
const struct trace_format *trace_format_of(const char *name);

#endif
