/* The date at the head of a line of the paper's log: `YYYY-MM-DD-hh-mm-ss-uuuuuu`, UTC, microseconds. */
#ifndef ROAMLAB_LOG_DATE_H
#define ROAMLAB_LOG_DATE_H

#include "simtime.h"

#include <stddef.h>

enum { LOG_DATE_LENGTH = 26 };

/* `since_1970` is a point on the calendar, as nanoseconds since 1970-01-01 UTC; cut (not rounded) to
 * microseconds. Good for the years that 64 bits of nanoseconds reach. */
void log_date_format(struct simtime since_1970, char out[LOG_DATE_LENGTH + 1]);
/* Reads a date that fills the `len` bytes exactly; fields out of range (month 13, 30 February, before 1970,
 * after 2099) are refused. */
bool log_date_parse(const char *text, size_t len, struct simtime *since_1970);

#endif
