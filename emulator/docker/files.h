/* Small file work that the Docker room needs. All of it blocks: call it from background work, or for single
 * small files. */
#ifndef ROAMLAB_FILES_H
#define ROAMLAB_FILES_H

#include "background.h"
#include "buf.h"

#include <sys/types.h>

/* Makes the folder and its parents; an existing one is good. */
int files_make_folder(const char *path, mode_t mode, struct err *e);
/* Removes a file or a whole tree, without following links or crossing into other mounts. Absent is good. */
int files_remove(const char *path, struct err *e);
/* Bytes of all regular files below the folder, or of the one file. */
int files_size(const char *path, uint64_t *bytes, struct err *e);
/* A hard link at `to`, or a copy if the file systems differ. */
int files_link_or_copy(const char *from, const char *to, struct background *b, struct err *e);
/* Writes the text as one write to an existing kernel file, or replaces a plain file. */
int files_write(const char *path, const char *text, struct err *e);
/* Appends the file's contents, at most `limit` bytes from its end if limit > 0. */
int files_read(const char *path, size_t limit, struct buf *out, struct err *e);

#endif
