/* Does this kernel keep account of the pages that a process writes (soft-dirty bits: Linux,
 * Documentation/admin-guide/mm/soft-dirty.rst)? CRIU needs that for a dump that holds only what has changed since
 * another one. A huge page counts as written whole. Found out by writing a page. */
#ifndef ROAMLAB_DOCKER_DIRTY_TRACKING_H
#define ROAMLAB_DOCKER_DIRTY_TRACKING_H

#include "err.h"

/* 0, or -EOPNOTSUPP and why. Clears the bits of this process. */
int dirty_tracking_try(struct err *e);

#endif
