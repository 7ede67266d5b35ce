/* Papers' figures beside those of runs: every metric of which the scenario quotes a paper's value (expect.N.paper). */
#ifndef ROAMLAB_PAPER_TABLE_H
#define ROAMLAB_PAPER_TABLE_H

#include <json-c/json.h>
#include <stddef.h>
#include <stdio.h>

/* Prints a table "scenario, metric, paper, sim, real" of the results (result.json), a row for each scenario and quoted metric in
 * the order of the results; of several results of the same scenario and world the first counts. A mean comes with the half width of its 95 %
 * confidence interval if it has one, and with n, the repetitions behind it. Returns how many rows there are. */
int paper_table_print(json_object *const *results, size_t count, FILE *out);

#endif
