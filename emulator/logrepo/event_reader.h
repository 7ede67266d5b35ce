/* Reads the events of a finished or running repository back, ordered by (time, order of arrival). */
#ifndef ROAMLAB_EVENT_READER_H
#define ROAMLAB_EVENT_READER_H

#include "err.h"
#include "event.h"

struct event_reader;

/* A set of kinds to read: EVENT_MASK(EVENT_REQUEST) | … */
#define EVENT_MASK(kind) (1u << (kind))
#define EVENT_MASK_ALL ((1u << EVENT_KINDS) - 1)

/* Opens FOLDER/events.db for reading only. */
int event_reader_open(const char *folder, uint32_t kinds, struct event_reader **out, struct err *e);
/* Reading ends with -EINTR as soon as `stops` is not 0; looked at now and then, also while all are being put in order. */
void event_reader_stop_when(struct event_reader *reader, int (*stops)(void));
/* 1 and the next event, whose strings live until the next call; 0 behind the last; -errno. */
int event_reader_next(struct event_reader *reader, struct event *event, struct err *e);
/* What logrepo_describe() kept under `key`; free() it; NULL if there is nothing. */
char *event_reader_fact(struct event_reader *reader, const char *key);
void event_reader_close(struct event_reader *reader); /* NULL-safe */

#endif
