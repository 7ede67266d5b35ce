/* What the real world needs from this process, asked before anything is created. main turns -EPERM into exit
 * status 3. */
#ifndef ROAMLAB_PRIVILEGES_H
#define ROAMLAB_PRIVILEGES_H

#include "err.h"

/* 0, or -EPERM naming the capabilities that are missing (capabilities(7)) and what to do. */
int privileges_check(struct err *e);

#endif
