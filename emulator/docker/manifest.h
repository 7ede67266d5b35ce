/* The list of a checkpoint's files and their sizes, kept beside them.
 *
 * CRIU 4.2.1 does not notice a pages image that is too short: its restorer reads zero bytes for ever and
 * fills the disk with log lines. So the dump lists what it wrote, and a restore begins only if all of it
 * has arrived. */
#ifndef ROAMLAB_DOCKER_MANIFEST_H
#define ROAMLAB_DOCKER_MANIFEST_H

#include "err.h"

#include <stdint.h>

#define MANIFEST_NAME "roamlab.files"

/* Writes FOLDER/roamlab.files, which appears whole; *bytes is the sum of the files' sizes. */
int manifest_write(const char *folder, uint64_t *bytes, struct err *e);
/* 0 if every file of the list is there in its size, and nothing that is no regular file; -EBADMSG names the first that is otherwise. */
int manifest_check(const char *folder, uint64_t *bytes, struct err *e);

#endif
