/* The layers of an image as an Engine with the overlay2 driver keeps them on disk, and archives of single layers made of them: the Engine's
 * own save spools a whole image before its first byte, and its load reads a whole archive before it registers anything.
 *
 * Below the Engine's folder DATA: image/overlay2/imagedb/content/sha256/ID is an image's configuration, and image/overlay2/layerdb/sha256/CHAIN/
 * has `diff` (the SHA-256 of the layer's archive), `cache-id` (its folder below overlay2/) and `tar-split.json.gz` (tar_split.h). CHAIN is the
 * OCI image specification's ChainID: of this layer upon all below it. */
#ifndef ROAMLAB_IMAGE_LAYERS_H
#define ROAMLAB_IMAGE_LAYERS_H

#include "background.h"
#include "buf.h"

struct image_layer {
    char diff_id[72]; /* "sha256:" and 64 digits */
    char chain[72];
};

struct image_layers {
    char *data;          /* the Engine's folder */
    char *configuration; /* as the Engine has it, JSON */
    struct image_layer *list;
    int count;
};

/* `id`: of the image, with or without "sha256:". -EOPNOTSUPP: this Engine's storage has no such folders. */
int image_layers_read(struct image_layers *layers, const char *data, const char *id, struct err *e);
void image_layers_free(struct image_layers *layers);
/* Appends the image's id and the layers' chains, a line each: what another Engine is asked about. */
void image_layers_list(const struct image_layers *layers, const char *id, struct buf *out);
/* What an Engine has of such a list: so many layers from the lowest on, *count being all. One is always lacking if it does not know the image.
 * -EBADMSG: no such list. */
int image_layers_choose(const char *data, const char *list, int *count, struct err *e);

/* PATH becomes an archive that an Engine can load as soon as it has the layers below: layer `i`, and the description of an image that ends with it.
 * With the last layer that is the image itself, named `name` unless NULL; the Engine checks the layer against its diff_id. Blocks. */
int image_layers_pack(const struct image_layers *layers, int i, const char *name, const char *path,
                      struct background *b, uint64_t *bytes, struct err *e);
/* The same without the layer, for an Engine that has it. */
int image_layers_describe(const struct image_layers *layers, int i, const char *path, struct err *e);

#endif
