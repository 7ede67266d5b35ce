/* Writes POSIX ustar archives (IEEE Std 1003.1, pax, "ustar Interchange Format") into one file, with the
 * SHA-256 of each archive that is nested in it: what an image in `docker load` form is made of. */
#ifndef ROAMLAB_ARCHIVE_H
#define ROAMLAB_ARCHIVE_H

#include "background.h"

#include <openssl/evp.h>

struct archive {
    int fd;           /* -1: only counts bytes */
    uint64_t bytes;   /* written so far */
    EVP_MD_CTX *hash; /* of what is written since archive_hash_begin, or NULL */
    uint8_t *pending; /* writes are gathered; owned */
    size_t pending_len;
    struct background *b; /* for cancelling; may be NULL */
};

enum { ARCHIVE_NAME_MAX = 99 };
#define ARCHIVE_SIZE_MAX 077777777777ull /* 8 GiB - 1: eleven octal digits */

void archive_init(struct archive *a, int fd, struct background *b);
/* Writes what is gathered. */
int archive_flush(struct archive *a, struct err *e);
void archive_free(struct archive *a);

/* A header; `type` '0' file, '5' folder. Owner root, time 0, so that equal content gives equal bytes. */
int archive_header(struct archive *a, const char *name, char type, unsigned mode, uint64_t size,
                   struct err *e);
/* Content of the file announced last; NULL counts or hashes nothing but the length and is allowed while
 * counting only. */
int archive_data(struct archive *a, const void *bytes, size_t len, struct err *e);
/* Zeros up to the next 512-byte record after a file of that size. */
int archive_pad(struct archive *a, uint64_t size, struct err *e);
/* Header, content and padding of a small file at once. */
int archive_file(struct archive *a, const char *name, unsigned mode, const void *bytes, size_t len,
                 struct err *e);
/* The two empty records at the end. */
int archive_end(struct archive *a, struct err *e);

void archive_hash_begin(struct archive *a);
void archive_hash_end(struct archive *a, char hex[65]);

#endif
