/* The cost model of virtual time, fitted to stages of real runs: for each operation a fixed time and one per megabyte, for each carrier these
 * and round trips of its own, by least squares with coefficients that are not negative. Rows count by their relative error, so that the
 * small ones are not lost beside the great ones.
 *
 * What the rows cannot tell apart keeps the shape that it has: an operation that was met with one size alone keeps its default's proportion of
 * fixed to per megabyte; one that was not met keeps its default altogether; a carrier's round trips need paths of several round-trip times. */
#ifndef ROAMLAB_CALIBRATION_H
#define ROAMLAB_CALIBRATION_H

#include "scenario.h"

#include <json-c/json.h>
#include <stdio.h>

struct calibration;

struct calibration *calibration_new(void);
void calibration_free(struct calibration *c); /* NULL-safe */
/* An operation that handled so many megabytes took so long. */
void calibration_add(struct calibration *c, enum operation operation, double mb, double ms);
/* A transfer took `ms`, of which the links and what is modelled already explain all but `beyond_ms`. `carrier` outlives the calibration. */
void calibration_add_transfer(struct calibration *c, const char *carrier, double mb, double rtt_ms, double ms,
                              double beyond_ms);

/* {"costs", "carriers"} as a scenario has them; each entry's `source` says from how many rows, over what range, and what it leaves. `defaults`:
 * scenario_default_costs(). json_object_put() it. */
json_object *calibration_json(const struct calibration *c, const struct scenario_cost defaults[OPERATIONS]);
/* The same as a table, with what was not identified. */
void calibration_print(const struct calibration *c, const struct scenario_cost defaults[OPERATIONS],
                       FILE *out);

#endif
