/* Moving devices get their visits before a run: tracks (drawn or read), the radio and the roaming decision are played in advance,
 * and what devices do then is the same as if the visits stood in the scenario. */
#ifndef ROAMLAB_SCENARIO_MOVE_H
#define ROAMLAB_SCENARIO_MOVE_H

#include "scenario.h"

/* Fills in the visits of all devices that move, as they are with that seed; does nothing if they are there already. -errno and
 * `e` if a file of tracks is wrong, -EINTR after a signal (interrupt.h). */
int scenario_move(struct scenario *s, uint64_t seed, struct err *e);

/* Fills in sha256 as scenario_move() does: of the text and the files of tracks, which are read for it. */
int scenario_hash_tracks(struct scenario *s, struct err *e);

/* The scenario's text with the visits in place of what they were made from: whoever reads it needs no file of tracks and computes
 * nothing. scenario_move() first. free() it. */
char *scenario_text_with_visits(const struct scenario *s);

/* One visit as scenarios write it. */
struct json_object *scenario_visit_json(const struct scenario *s, const struct visit *visit);

#endif
