/* How the journal's own kinds are undone (journal.h says what they mean). */
#ifndef ROAMLAB_UNDO_H
#define ROAMLAB_UNDO_H

#include "journal.h"

#include <stdint.h>

extern const struct journal_kind undo_kinds[]; /* ends with a NULL name */

/* Removes the folder with all that is in it; what is mounted below is unmounted first. Absent is good. */
int undo_folder(const char *path, struct err *e);

/* Start time of a process in clock ticks since boot (proc(5), field 22 of stat); 0 if there is no such
 * process. */
uint64_t undo_process_start(int pid);

#endif
