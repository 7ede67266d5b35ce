/* What link_set.c and link_set_list.c share. */
#ifndef ROAMLAB_LINK_SET_INTERNAL_H
#define ROAMLAB_LINK_SET_INTERNAL_H

#include "err.h"

/* Takes away one set, by its holder if it is alive. */
int link_set_clear_one(const char *name, struct err *e);

#endif
