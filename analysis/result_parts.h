/* Parts of result.json that a single run and a set of repetitions share. */
#ifndef ROAMLAB_RESULT_PARTS_H
#define ROAMLAB_RESULT_PARTS_H

#include "result.h"

/* The object with everything up to and including "environment". */
json_object *result_head(const struct result_input *input, int repetitions);
/* {"metric", "bound", "paper", "value", "holds"}, without "paper" if the scenario quotes none; a value of NAN holds nothing. */
json_object *result_expectation(const struct scenario_expect *expect, double value);

#endif
