/* Small file work. All of it blocks: on a loop only for single small files. */
#ifndef ROAMLAB_FILES_H
#define ROAMLAB_FILES_H

#include "buf.h"
#include "err.h"

#include <sys/types.h>

/* Makes the folder, and its parents with mode 0755; an existing one is good and stays as it is. */
int files_make_folder(const char *path, mode_t mode, struct err *e);
/* Removes a file or a whole tree, without following links or crossing into other mounts. Absent is good. */
int files_remove(const char *path, struct err *e);
/* Bytes of all regular files below the folder, or of the one file. */
int files_size(const char *path, uint64_t *bytes, struct err *e);
/* Writes the text in one go to an existing kernel file, or over a plain file; a new one has mode 0600. */
int files_write(const char *path, const char *text, struct err *e);
/* The same by way of PATH.tmp and a rename: readers see the old text or the new one. */
int files_replace(const char *path, const char *text, struct err *e);
/* Appends the file's contents, at most `limit` bytes from its end if limit > 0. */
int files_read(const char *path, size_t limit, struct buf *out, struct err *e);
/* Opens a file by a name below the folder that somebody else chose. A name that leads out of the folder, or over any link, is -EXDEV or -ELOOP.
 * The descriptor, close-on-exec, or -errno. */
int files_open_inside(const char *folder, const char *name, int flags, mode_t mode);

#endif
