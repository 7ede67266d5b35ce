/* Migrations of a result whatever its repetitions: the K-th one of a run, its numbers as means over the
 * repetitions. Figures and comparisons show these. */
#ifndef ROAMLAB_MEAN_MIGRATION_H
#define ROAMLAB_MEAN_MIGRATION_H

#include <json-c/json.h>

/* The K-th migration, as it stands in result.json. Of repetitions: those whose K-th migration went through the
 * same stages as the first such one; numbers are means, texts that differ become "various", and "means_of" says
 * how many they were. NULL behind the last; json_object_put() it. */
json_object *mean_migration(json_object *result, int k);
/* All of them, as an array; json_object_put() it. */
json_object *mean_migrations(json_object *result);

#endif
