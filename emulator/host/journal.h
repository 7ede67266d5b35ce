/* The journal of a run: what it creates outside of itself, written down before it is created, so that what a
 * crash leaves can be removed by `roamlab clean`, and nothing else.
 *
 * JOURNAL_ROOT/RUN/journal holds one record a line, "KIND ARGUMENT"; the folder also is where the run keeps
 * its own files (sockets, data roots). JOURNAL_ROOT/RUN/lock is locked (flock) as long as the run lives. The
 * orderly end of a run and the cleaning after a crash are the same code: undo the records from the last to
 * the first, then the folder. Undoing what is not there, or no longer, does nothing, so a record never has to
 * be taken back.
 *
 * Kinds that the journal knows itself:
 *   netns NAME           a named namespace: processes in it are ended, then the name is removed
 *   process PID START    a process by its number and start time (ticks since boot): ended, with its process
 *                        group if it leads one
 *   mount PATH           unmounted, with what is mounted below it
 *   folder PATH          removed with all that is in it; mounts below are unmounted first, links are not
 *                        followed
 * Other rooms bring kinds of their own in a table (a dockerd's root, say). */
#ifndef ROAMLAB_JOURNAL_H
#define ROAMLAB_JOURNAL_H

#include "err.h"

#include <stdbool.h>
#include <sys/types.h>

#define JOURNAL_ROOT "/var/lib/roamlab/runs"

struct journal_kind {
    const char *name;
    /* Removes what the record stands for; 0 too if it is not there. */
    int (*undo)(const char *argument, struct err *e);
};

/* Tables of kinds end with a row whose name is NULL; a NULL table has none. */
struct journal;

/* Begins the run: its folder, its lock, an empty journal. `root` NULL = JOURNAL_ROOT. -EEXIST if a run of
 * that name is alive or has left something; -EINVAL if the name is not of [a-z0-9-]. NULL and `e` on failure.
 * `kinds` must outlive the journal. */
struct journal *journal_open(const char *root, const char *run, const struct journal_kind *kinds,
                             struct err *e);

/* Writes the record to the disk; only then create the thing. No line breaks in the argument. */
int journal_record(struct journal *journal, const char *kind, const char *argument, struct err *e);
/* A process that has just been started. For the instant between start and record: start it in a recorded
 * namespace. */
int journal_record_process(struct journal *journal, pid_t pid, struct err *e);

/* JOURNAL_ROOT/RUN, without a slash at the end; the journal's. */
const char *journal_folder(const struct journal *journal);
const char *journal_run(const struct journal *journal);

/* Undoes all, removes the folder, frees the journal. If something cannot be undone, the rest is, the folder
 * stays for journal_clean, and the first error is returned. NULL-safe. */
int journal_close(struct journal *journal, struct err *e);

/* Lets go of the lock and leaves everything as it is (the end of a process that must not clean).
 * NULL-safe. */
void journal_abandon(struct journal *journal);

struct journal_cleaned {
    int cleaned; /* dead runs removed */
    int alive;   /* live runs left alone */
    int failed;
};

/* Undoes what dead runs left. `run` NULL = all of them, live ones are passed over; a live `run` is refused
 * with -EBUSY, an unknown one with -ENOENT. The first error is in `e`; *cleaned may be NULL. */
int journal_clean(const char *root, const char *run, const struct journal_kind *kinds,
                  struct journal_cleaned *cleaned, struct err *e);

#endif
