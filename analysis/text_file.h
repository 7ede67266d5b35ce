/* Files of text that others read: figures' data, reports, exports. */
#ifndef ROAMLAB_TEXT_FILE_H
#define ROAMLAB_TEXT_FILE_H

#include "buf.h"
#include "err.h"

/* Writes the text to the file at `path`, over what it held. */
int text_file_write(const char *path, const struct buf *text, struct err *e);

#endif
