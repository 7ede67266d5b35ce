/* Where a result goes if nobody says so. */
#ifndef ROAMLAB_RESULT_FOLDER_H
#define ROAMLAB_RESULT_FOLDER_H

#include "err.h"

/* Makes results/NAME-TIMESTAMP, below the present folder; with -2, -3, … behind it if that is there, so that of runs that begin within one second
 * each has its own. free() the path. NULL and `e` if it cannot be made. */
char *result_folder_make(const char *name, struct err *e);

#endif
