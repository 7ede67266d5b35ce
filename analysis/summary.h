/* What `run` says at its end: requests, response times, each migration with its stages, invariants,
 * expectations and where the figures are. */
#ifndef ROAMLAB_SUMMARY_H
#define ROAMLAB_SUMMARY_H

#include <json-c/json.h>
#include <stdio.h>

/* `folder` is where the result lies; figures are mentioned if it has some. */
void summary_print(json_object *result, const char *folder, FILE *out);

#endif
