/* A run as a trace in Chrome's JSON form, for ui.perfetto.dev or chrome://tracing: every role is a process with a thread for each kind of
 * what it does: requests, stages, migrations, roaming (handoffs, outages) as slices, those that overlap on threads beside one another;
 * messages as slices of a nanosecond, joined by flows from sender to receiver. Containers, marks and notes are instants; rates of links are
 * counters.
 *
 * The form: "Trace Event Format", Google, 2016; times in microseconds. */
#ifndef ROAMLAB_EXPORT_TRACE_H
#define ROAMLAB_EXPORT_TRACE_H

#include "err.h"

/* Writes FOLDER/events.db, of one run, to the file at `path`. */
int export_trace(const char *folder, const char *path, struct err *e);

#endif
