/* Who is where in a scenario, in the form that ports and estimates understand (layout.h). */
#ifndef ROAMLAB_WORLD_LAYOUT_H
#define ROAMLAB_WORLD_LAYOUT_H

#include "layout.h"
#include "scenario.h"

/* Link parameters are those of the run's start. The scenario must outlive the layout. */
void world_layout_init(struct layout *l, const struct scenario *s, uint64_t seed);
void world_layout_free(struct layout *l);
/* The widest window of any device. */
uint32_t world_layout_window(const struct scenario *s);

#endif
