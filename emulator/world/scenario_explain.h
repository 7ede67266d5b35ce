/* What the keys of a scenario mean, by the rows that check them (scenario_key.h). */
#ifndef ROAMLAB_SCENARIO_EXPLAIN_H
#define ROAMLAB_SCENARIO_EXPLAIN_H

#include <stdio.h>

struct scenario_nearest;

/* Prints every key that `path` names: links.0.rtt_ms, links.rtt_ms or rtt_ms, with or without places in lists and names.
 * Returns how many, and offers `nearest` all keys. */
int scenario_explain(const char *path, struct scenario_nearest *nearest, FILE *out);

#endif
