/* Of the pages that could come later, those that a process touches first: its stack and what programs have beside their heap are small. They go with the
 * rest of its state, so that it need not wait for its pages, round trip by round trip, before it has said a word. */
#ifndef ROAMLAB_DOCKER_LAZY_FIRST_H
#define ROAMLAB_DOCKER_LAZY_FIRST_H

#include "background.h"

/* At the source, of a frozen container: gives `memory`, its dump without pages, the small runs of its first process, whose /proc/PID/mem is the
 * descriptor `pages`. Blocking. Errors as pages_fill(). */
int lazy_first_take(const char *memory, int pages, struct background *b, struct err *e);

#endif
