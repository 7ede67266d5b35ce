/* The service's image, built without any registry: the static program and base data of a given size, as
 * the layers and files of an ordinary base image (python:3.8 has seven layers, one of them more than half
 * of it), in the form that `docker load` reads.
 *
 * The archive is written once into a cache folder and named after what is in it, so that all Engines of a
 * machine, and later runs, share it. The image is tagged roamlab/service:KEY; an Engine that has it is not
 * asked to load it again. */
#ifndef ROAMLAB_DOCKER_IMAGE_H
#define ROAMLAB_DOCKER_IMAGE_H

#include "api.h"

enum { IMAGE_BLOCK = 65536 };

struct image_options {
    const char *cache;   /* folder, made if absent */
    const char *program; /* the static service program */
    uint64_t base_bytes; /* of base data besides the program */
    /* Fills block number `block` of the base data; called in a thread. */
    void (*base_block)(uint64_t seed, uint64_t block, uint8_t out[IMAGE_BLOCK]);
};

struct image {
    void (*done)(struct image *image, int status, const struct err *e);
    /* Valid after a good done(), until image_free: */
    char *name;     /* roamlab/service:KEY */
    char *archive;  /* CACHE/service-KEY.tar */
    uint64_t bytes; /* of the archive */
    double ratio;   /* zstd -3 on a sample of the base data; 0 without base data */
    /* The rest is the image's own. */
    struct background background;
    char *cache, *program;
    uint64_t base_bytes;
    void (*base_block)(uint64_t seed, uint64_t block, uint8_t out[IMAGE_BLOCK]);
};

/* Builds the archive, or finds it in the cache, off the loop. Two that build the same at once wait for
 * each other. */
int image_prepare(struct image *image, struct loop *loop, const struct image_options *o, struct err *e);
/* Calls it off if it still runs. */
void image_free(struct image *image);
/* Removes what builders that were killed left unfinished in the cache, theirs and registry_image.h's; what is being built stays. */
int image_cache_clean(const char *cache, struct err *e);

struct image_install {
    /* bytes: what had to be loaded, 0 if the Engine had the image. */
    void (*done)(struct image_install *install, int status, uint64_t bytes, const struct err *e);
    /* The rest is the installation's own. */
    struct docker_api *api;
    char *archive;
    struct docker_request request;
    struct docker_transfer transfer;
};

/* Makes sure that the Engine has the prepared image. */
int image_install(struct image_install *install, struct docker_api *api, const struct image *image,
                  struct err *e);
void image_install_cancel(struct image_install *install);

/* The zstd -3 ratio of a file, of evenly spread samples of `sample_bytes` in all (0 = the whole file).
 * Blocks for about 4 ms per megabyte sampled. */
int zstd_ratio(const char *path, uint64_t sample_bytes, double *ratio, struct err *e);

#endif
