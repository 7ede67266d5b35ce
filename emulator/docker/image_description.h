/* What makes an archive of layers an image in the form of `docker load`: its configuration, named after its digest (which is the image's id),
 * and manifest.json. */
#ifndef ROAMLAB_IMAGE_DESCRIPTION_H
#define ROAMLAB_IMAGE_DESCRIPTION_H

#include "archive.h"

/* "sha256:" and 64 digits. */
void image_digest(const void *bytes, size_t len, char out[72]);
/* Appends both. `name`: its tag, or NULL; `layers`: the names of the layers' archives, the lowest first. */
int image_description_write(struct archive *a, const char *configuration, const char *name,
                            const char *const *layers, int count, struct err *e);

#endif
