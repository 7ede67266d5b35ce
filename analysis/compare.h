/* Two results side by side: every number of result.json by its dotted path, and the difference in per
 * cent. */
#ifndef ROAMLAB_COMPARE_H
#define ROAMLAB_COMPARE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>

/* Prints the numbers that differ, or all; numbers that only one result has get "–". Texts (world, strategy,
 * environment) are shown where they differ. Stages go by their name, migrations by their place; of repetitions,
 * migrations are means (mean_migration.h). Returns how many rows differ. */
int compare_print(json_object *a, json_object *b, const char *name_a, const char *name_b, bool all,
                  FILE *out);

/* Prints a line for each metric of b that is more than `percent` per cent of a's value away from it, or that only one of
 * both has; of numbers, not of environments, drift, confidence intervals and sample sizes. Outcomes must be the same. Returns how many. */
int compare_moved(json_object *a, json_object *b, double percent, FILE *out);

#endif
