/* Takes an image's upper layers from an Engine: scenarios in which a target has a part of the base image. */
#ifndef ROAMLAB_IMAGE_TRIM_H
#define ROAMLAB_IMAGE_TRIM_H

#include "api.h"

struct image_trim {
    void (*done)(struct image_trim *trim, int status, const struct err *e);
    /* The rest is its own. */
    struct docker_api *api;
    char *name, *data, *archive; /* archive: for a moment, of an image without the upper layers */
    int count;
    struct docker_request request;
    struct docker_transfer transfer;
};

/* Of the image `name`, an Engine with the overlay2 driver whose folder is `data` keeps `count` layers from the lowest on, without a name;
 * 0 = none. */
int image_trim(struct image_trim *trim, struct docker_api *api, const char *data, const char *name, int count,
               struct err *e);
/* Harmless if it has ended. */
void image_trim_cancel(struct image_trim *trim);

#endif
