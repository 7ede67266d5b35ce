/* How the journal's own kinds are undone (journal.h says what they mean). */
#ifndef ROAMLAB_UNDO_H
#define ROAMLAB_UNDO_H

#include "journal.h"

#include <stdint.h>

extern const struct journal_kind undo_kinds[]; /* ends with a NULL name */

int undo_folder(const char *path, struct err *e);
/* Unmounts `path`, if it is a mount, and all mounts below it. */
int undo_mounts(const char *path, struct err *e);

/* Start time of a process in clock ticks since boot (proc(5), field 22 of stat); 0 if there is no such
 * process. */
uint64_t undo_process_start(int pid);

#endif
