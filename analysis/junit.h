/* What must hold of a result as test cases in JUnit's XML, which CI services read: one for each expectation, one for the
 * invariants, one for the host's speed, and one for failed migrations unless an expectation is about them. There is a
 * failure among them exactly if result_exit_status() is 1. */
#ifndef ROAMLAB_JUNIT_H
#define ROAMLAB_JUNIT_H

#include "err.h"

#include <json-c/json.h>

/* Writes or replaces the file at `path`. */
int junit_write(const char *path, json_object *result, struct err *e);

#endif
