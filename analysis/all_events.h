/* Reading the events of a whole run, which takes as long as they are many: a signal (interrupt.h) ends it. */
#ifndef ROAMLAB_ALL_EVENTS_H
#define ROAMLAB_ALL_EVENTS_H

#include "event_reader.h"

/* As event_reader_open(); after a signal event_reader_next() says -EINTR. */
int all_events_open(const char *folder, uint32_t kinds, struct event_reader **out, struct err *e);

#endif
