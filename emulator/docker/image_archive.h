/* The content of the service's image as an archive for `docker load`: layers, configuration, manifest
 * (Docker Image Specification 1.2). */
#ifndef ROAMLAB_DOCKER_IMAGE_ARCHIVE_H
#define ROAMLAB_DOCKER_IMAGE_ARCHIVE_H

#include "archive.h"
#include "buf.h"

struct image_content {
    const char *name;          /* repository:tag */
    const struct buf *program; /* becomes /service */
    uint64_t base_bytes;
    void (*base_block)(uint64_t seed, uint64_t block, uint8_t out[65536]);
};

/* Writes the archive; *bytes is its size. Base data up to 14 GB. */
int image_archive_write(int fd, const struct image_content *content, struct background *b, uint64_t *bytes,
                        struct err *e);

#endif
