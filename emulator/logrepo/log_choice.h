/* Which of a run's events its repository keeps. What is not kept still counts: the result is drawn from all events
 * while they happen (result.h), whatever is chosen here. */
#ifndef ROAMLAB_LOG_CHOICE_H
#define ROAMLAB_LOG_CHOICE_H

#include "event_kind.h"

#include <stdbool.h>
#include <stdint.h>

enum log_mode {
    LOG_FULL,      /* everything */
    LOG_SAMPLED,   /* everything about one device in `every`; of the others, as aggregate */
    LOG_AGGREGATE, /* migrations with their stages, notes, abandoned requests, changed links: what is rare */
    LOG_MODES
};

struct log_choice {
    enum log_mode mode;
    uint32_t every;
};

const char *log_mode_name(int mode);         /* NULL behind the last */
enum log_mode log_mode_of(const char *name); /* LOG_MODES if there is none of that name */

bool log_keeps(const struct log_choice *choice, enum event_kind kind, int32_t mud);

/* A set of event_kind, 1 << kind each: what neither the repository nor a result asks for, but of the devices that are
 * kept whole. */
uint32_t log_unwanted(const struct log_choice *choice);

#endif
