/* What registries say (OCI Distribution Specification 1.0), read with distrust: pure functions over (text, length). */
#ifndef ROAMLAB_REGISTRY_REPLY_H
#define ROAMLAB_REGISTRY_REPLY_H

#include "buf.h"
#include "err.h"

enum {
    REGISTRY_DIGEST = 72,            /* "sha256:", 64 hexadecimal digits, NUL */
    REGISTRY_BLOBS_MAX = 4096,       /* of one manifest */
    REGISTRY_MANIFEST_MAX = 4 << 20, /* bytes; also what registries themselves take */
    REGISTRY_BLOB_MAX_GB = 16,
};

struct registry_blob {
    char digest[REGISTRY_DIGEST];
    uint64_t bytes;
};

/* A manifest of an image (Docker Image Manifest V2 schema 2) or an artifact (OCI Image Manifest). */
struct registry_manifest {
    struct registry_blob config, *layers; /* owned */
    int layer_count;
    char content[REGISTRY_DIGEST]; /* the annotation REGISTRY_CONTENT, "" if absent */
};

/* Annotation of carrier registry's artifacts: the digest of the stretch of bytes that the layers are parts of. */
#define REGISTRY_CONTENT "roamlab.content"

/* "sha256:…" of bytes. */
void registry_digest(const void *bytes, size_t len, char out[REGISTRY_DIGEST]);
/* -EBADMSG unless it is a SHA-256 digest as this house writes it. */
int registry_digest_check(const char *text, struct err *e);

int registry_manifest_read(const char *text, size_t len, struct registry_manifest *m, struct err *e);
void registry_manifest_free(struct registry_manifest *m);
/* What pulling it takes: configuration and layers. */
uint64_t registry_manifest_bytes(const struct registry_manifest *m);

/* {"repositories": [NAME…]}: is `name` among them? -EBADMSG if it is no catalogue. */
int registry_catalogue_has(const char *text, size_t len, const char *name, struct err *e);

/* The first message of {"errors": [{"code", "message"}…]}, printable, at most max - 1 bytes; "" if there is none. */
void registry_error_words(const char *text, size_t len, char *out, size_t max);

/* Where an upload goes on, from the Location header: only a path, or a URL that begins with `base`, is followed, because the password
 * goes with it. The whole URL, free() it; NULL and `e` if it leads elsewhere. */
char *registry_location(const char *base, const char *location, struct err *e);

#endif
