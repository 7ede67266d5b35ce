/* A run as a trace in Chrome's JSON form, for ui.perfetto.dev or chrome://tracing: every role is a process, its messages
 * are slices on one thread, joined by flows from sender to receiver; requests, migrations, stages, handoffs and outages are
 * slices of their own, which may overlap; containers, marks and notes are instants; rates of links are counters.
 *
 * The form: "Trace Event Format", Google, 2016; times in microseconds. */
#ifndef ROAMLAB_EXPORT_TRACE_H
#define ROAMLAB_EXPORT_TRACE_H

#include "err.h"

/* Writes FOLDER/events.db, of one run, to the file at `path`. */
int export_trace(const char *folder, const char *path, struct err *e);

#endif
