/* Mounts that must go before the folders they lie in can. */
#ifndef ROAMLAB_MOUNTS_H
#define ROAMLAB_MOUNTS_H

#include "err.h"

/* Unmounts what is mounted at or below `folder`, newest first, of the mounts whose path holds both texts (""
 * = any). A busy one goes lazily. A folder that is not there has none. Blocks for milliseconds. */
int mounts_remove(const char *folder, const char *text, const char *other, struct err *e);

#endif
