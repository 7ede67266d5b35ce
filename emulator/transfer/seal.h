/* Seals: a carrier that does not compare what arrives with what was sent carries a file under NAME.SIZE.SHA256 (bytes in decimal, digest in lower case).
 * Its receiver gives it its name when all of it is there and the digest is the one that the name says. A check against damage: who can write
 * into the folder can seal what he likes. Blocking: for threads. */
#ifndef ROAMLAB_SEAL_H
#define ROAMLAB_SEAL_H

#include "err.h"

/* Another name of the file `path`, beside it, under which it travels; free() it. */
int seal_make(const char *path, char **sealed, struct err *e);
/* How many sealed files whose names begin so are in the folder, all of their bytes. */
int seal_count(const char *folder, const char *beginning, struct err *e);
/* Gives these their names. -EBADMSG, naming the first that is not what was sent; it keeps its sealed name. */
int seal_open(const char *folder, const char *beginning, struct err *e);

#endif
