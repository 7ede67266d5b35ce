/* The service's image as registries keep it: layers by gzip, configuration, manifest (Docker Image Manifest V2, schema 2). Made once from
 * the archive that Engines load, beside it in the cache. */
#ifndef ROAMLAB_REGISTRY_IMAGE_H
#define ROAMLAB_REGISTRY_IMAGE_H

#include "background.h"
#include "registry_client.h"

struct registry_image {
    void (*done)(struct registry_image *image, int status, const struct err *e);
    /* the rest is its own */
    struct background background;
    char *archive;
};

/* Makes it, or finds it there, off the loop; 40 ms a megabyte once. */
int registry_image_prepare(struct registry_image *image, struct loop *loop, const char *archive,
                           struct err *e);
/* Calls it off if it still runs. */
void registry_image_free(struct registry_image *image);

/* Pushes what was made from the archive as NAME[:TAG]. Blocking: for threads. */
int registry_image_push(struct registry_client *c, const char *archive, const char *image, struct err *e);
/* Takes NAME[:TAG] out of the registry's catalogue; absent is good. Blocking. */
int registry_image_withdraw(struct registry_client *c, const char *image, struct err *e);
/* The repository of NAME[:TAG], free() it, and its tag ("latest" if there is none), which points into `image`. */
char *registry_image_repository(const char *image, const char **tag);

#endif
