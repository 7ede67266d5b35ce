/* What has changed in files since a copy of them was sent, by pages of 4096 bytes: the second half of a pre-copy.
 *
 * A kernel without soft-dirty bits cannot tell CRIU which pages a process has written, so the pages themselves are compared. A
 * page counts as changed if the copy has other bytes at the same place of the same file: content that has moved is sent again.
 * File format, numbers in network byte order:
 *
 *     "RLCHANG1", then for each file: be16 length of its name, the name; be64 its size; its SHA-256;
 *     its runs of changed bytes: be64 offset, be32 length, the bytes; a run of length 0 ends the file; a name of length 0 ends all.
 *
 * All of it blocks: for background work. */
#ifndef ROAMLAB_DOCKER_CHANGES_H
#define ROAMLAB_DOCKER_CHANGES_H

#include "background.h"

#include <stdint.h>
#include <stdio.h>

enum { CHANGES_PAGE = 4096, CHANGES_NAME_MAX = 255, CHANGES_RUN_MAX = 1 << 20 };

struct changes {
    FILE *file;
    struct background *background; /* may be NULL */
    uint64_t pages;                /* that have changed, the last of a file counted whole */
};

/* Begins the file at `path`. */
int changes_begin(struct changes *c, const char *path, struct background *background, struct err *e);
/* What turns the copy `before` (absent: an empty one) into `now`; at the other side the copy is called `name`. */
int changes_add(struct changes *c, const char *name, const char *before, const char *now, struct err *e);
/* Every file of a folder, as NAME/FILE; files that are only in the copy stay there. */
int changes_add_folder(struct changes *c, const char *name, const char *before, const char *now,
                       struct err *e);
/* Ends and closes it; also after an error. */
int changes_end(struct changes *c, struct err *e);

/* Makes the copies below `folder` what they are to become, in place. -EBADMSG if what comes out is not what was meant, by its
 * SHA-256, or if the file at `path` is none of ours: the copies are of no use then. */
int changes_merge(const char *path, const char *folder, struct background *background, struct err *e);

#endif
