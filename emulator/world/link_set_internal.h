/* What link_set.c and link_set_list.c share. */
#ifndef ROAMLAB_LINK_SET_INTERNAL_H
#define ROAMLAB_LINK_SET_INTERNAL_H

#include "driver.h"
#include "links_file.h"

/* The name of the set that shapes the interface, NULL if none does; free() it. */
char *link_set_of(const struct links_end *end);

/* What link i of the file asks for in a direction. */
struct link_need link_set_need(const struct links_file *file, int i, int direction);

/* Takes away one set, by its holder if it is alive. */
int link_set_clear_one(const char *name, struct err *e);

#endif
