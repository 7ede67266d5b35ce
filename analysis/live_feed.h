/* What the readers of a live page hear: a run's events as server-sent events (WHATWG HTML, 9.2), one text that only grows. Every reader
 * reads it from the beginning at its own speed; nobody waits for a reader, and a slow one costs nothing.
 *
 *     event: request      data: [sent_s, number, ms, ms, ms, 1, device]    as `response` of report_data.h
 *     event: event        data: as a row of `events`, and stages
 *     event: message      data: as a row of `messages`; requests and replies are left out
 *     event: full         data: 0             nothing more follows but the end: the text has reached its limit
 *     event: end          data: how it ended, as a JSON string
 *
 * Of devices only those are heard of that a report shows. All functions may be called from any thread. */
#ifndef ROAMLAB_LIVE_FEED_H
#define ROAMLAB_LIVE_FEED_H

#include "event.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct live_feed;

struct live_feed *live_feed_new(void);
void live_feed_free(struct live_feed *feed); /* NULL-safe; nobody may read any more */
void live_feed_add(struct live_feed *feed, const struct event *event);
/* The last that readers hear. */
void live_feed_end(struct live_feed *feed, const char *how);
/* From now on nobody waits for more. */
void live_feed_close(struct live_feed *feed);

/* Copies at most `most` bytes of the text from the place `at`: how many; 0 = for some seconds nothing more has come; -1 = that was all. */
ssize_t live_feed_read(struct live_feed *feed, size_t at, char *out, size_t most);

#endif
