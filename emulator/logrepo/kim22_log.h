/* Kim22's own log form read back into events (`roamlab import kim22-log FILE`), so that a log of the paper's
 * prototype, or an events.log of ours, can be analysed like any run.
 *
 * Lines (see store.h) carry the clock of their REPORTER, and those clocks differ by half a second and more.
 * Where one reporter sent a message that another received, the difference of the two stamps is delay +
 * offset; messages both ways enclose the offset, and it is put in the middle (as NTP does with its quickest
 * exchange). Offsets are relative to the first reporter of the file. What no constant offset explains is kept
 * and flagged. */
#ifndef ROAMLAB_KIM22_LOG_H
#define ROAMLAB_KIM22_LOG_H

#include "err.h"
#include "event.h"
#include "logrepo.h"

#include <stddef.h>

struct kim22_line {
    struct simtime at; /* since 1970, by the reporter's clock */
    enum event_kind kind;
    enum event_direction direction;
    const char *reporter, *peer, *sender, *text; /* into the log's own memory; "" for "-" */
    const char *from; /* of messages: the reporter that sent it, "" if it is only known by an address */
    int reporter_index;
    int number; /* line in the file, from 1 */
};

struct kim22_reporter {
    const char *name;
    struct simtime offset; /* its clock minus the first reporter's */
    /* ± around it; SIMTIME_NEVER: only one direction was seen, the delay is inside. */
    struct simtime uncertainty;
    bool connected; /* false: no message links it to the first; offset 0 */
};

/* A message received before it was sent, by the corrected clocks. */
struct kim22_impossible {
    int sent_line, received_line;
    struct simtime by;
};

struct kim22_log {
    char *path, *memory;      /* owned */
    struct kim22_line *lines; /* in the order of the file */
    size_t line_count;
    struct kim22_reporter *reporters; /* in the order of appearance */
    int reporter_count;
    struct kim22_impossible *impossible;
    size_t impossible_count;
};

/* Reads the text; `path` is for messages only ("FILE:LINE: what"). Blank lines are skipped. -EINVAL on
 * anything else that is no line of the log, or if there is none. */
int kim22_log_parse(const char *path, const char *text, size_t len, struct kim22_log **out, struct err *e);
int kim22_log_read(const char *path, struct kim22_log **out, struct err *e);
/* Estimates the reporters' offsets and fills `impossible`. */
void kim22_log_synchronise(struct kim22_log *log);
/* The line's time by the first reporter's clock. */
struct simtime kim22_log_corrected(const struct kim22_log *log, const struct kim22_line *line);
/* The earliest corrected time: the run's time zero. */
struct simtime kim22_log_start(const struct kim22_log *log);
/* Adds every line in the order of the file, times corrected and relative to kim22_log_start(), and what
 * follows from them: requests (a user is a reporter that sends SVCQ and receives none), totals, migrations
 * (see kim22_events.c for which "migr finished" ends which "migr begins"; one that a lone user's next one
 * overtakes is superseded), and a note for each offset and each impossible pair. */
int kim22_log_store(const struct kim22_log *log, struct logrepo *repo, struct err *e);
void kim22_log_free(struct kim22_log *log); /* NULL-safe */

#endif
