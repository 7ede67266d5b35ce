/* An archive put together again from tar-split's record of it (github.com/vbatts/tar-split), as the Engine keeps one for each layer: JSON
 * objects one behind the other, either literal bytes (headers, padding; type 2) or the name of a file whose contents stand there (type 1).
 * The files lie in a folder; the archive is the same, byte for byte. */
#ifndef ROAMLAB_TAR_SPLIT_H
#define ROAMLAB_TAR_SPLIT_H

#include "archive.h"

/* Appends it to `a`; one that only counts reads no file. Never leaves `folder`, whatever names and links there are. -EBADMSG: no such
 * record, or the files are not what it names. */
int tar_split_assemble(struct archive *a, const char *record, size_t len, const char *folder, struct err *e);

#endif
