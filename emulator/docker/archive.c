#include "archive.h"
#include "mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RECORD = 512, GATHER = 1 << 20 };

void archive_init(struct archive *a, int fd, struct background *b)
{
    *a = (struct archive){.fd = fd, .b = b};
    if (fd >= 0)
        a->pending = mem_alloc(GATHER);
}

void archive_free(struct archive *a)
{
    EVP_MD_CTX_free(a->hash);
    free(a->pending);
    *a = (struct archive){.fd = -1};
}

int archive_flush(struct archive *a, struct err *e)
{
    size_t done = 0;
    if (background_cancelled(a->b))
        return err_set(e, ECANCELED, "called off");
    while (done < a->pending_len) {
        ssize_t put = write(a->fd, a->pending + done, a->pending_len - done);
        if (put < 0)
            return err_errno(e, "write archive");
        done += (size_t)put;
    }
    a->pending_len = 0;
    return 0;
}

int archive_data(struct archive *a, const void *bytes, size_t len, struct err *e)
{
    const uint8_t *from = bytes;
    a->bytes += len;
    if (a->fd < 0)
        return 0;
    if (a->hash)
        EVP_DigestUpdate(a->hash, bytes, len);
    while (len) {
        size_t part = len < GATHER - a->pending_len ? len : GATHER - a->pending_len;
        memcpy(a->pending + a->pending_len, from, part);
        a->pending_len += part;
        from += part;
        len -= part;
        int status = a->pending_len == GATHER ? archive_flush(a, e) : 0;
        if (status < 0)
            return status;
    }
    return 0;
}

struct ustar {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100], magic[6],
        version[2], user[32], group[32], major[8], minor[8], prefix[155], rest[12];
};
_Static_assert(sizeof(struct ustar) == RECORD, "a ustar header is one record");

int archive_header(struct archive *a, const char *name, char type, unsigned mode, uint64_t size,
                   struct err *e)
{
    struct ustar h = {.type = type, .magic = "ustar", .version = {'0', '0'}};
    if (strlen(name) > ARCHIVE_NAME_MAX || size > ARCHIVE_SIZE_MAX)
        return err_set(e, EFBIG, "archive: %.100s: name or size too large for ustar", name);
    strcpy(h.name, name);
    snprintf(h.mode, sizeof h.mode, "%07o", mode & 07777);
    memcpy(h.uid, "0000000", 8);
    memcpy(h.gid, "0000000", 8);
    snprintf(h.size, sizeof h.size, "%011llo", (unsigned long long)size);
    memcpy(h.mtime, "00000000000", 12);
    memset(h.checksum, ' ', sizeof h.checksum);
    unsigned sum = 0;
    for (size_t i = 0; i < sizeof h; i++)
        sum += ((const uint8_t *)&h)[i];
    snprintf(h.checksum, sizeof h.checksum - 1, "%06o", sum & 0777777);
    return archive_data(a, &h, sizeof h, e);
}

int archive_pad(struct archive *a, uint64_t size, struct err *e)
{
    static const uint8_t zeros[RECORD];
    return archive_data(a, zeros, (size_t)(-size % RECORD), e);
}

int archive_file(struct archive *a, const char *name, unsigned mode, const void *bytes, size_t len,
                 struct err *e)
{
    int status = archive_header(a, name, '0', mode, len, e);
    if (status == 0)
        status = archive_data(a, bytes, len, e);
    return status == 0 ? archive_pad(a, len, e) : status;
}

int archive_end(struct archive *a, struct err *e)
{
    static const uint8_t zeros[2 * RECORD];
    return archive_data(a, zeros, sizeof zeros, e);
}

void archive_hash_begin(struct archive *a)
{
    if (a->fd < 0)
        return;
    a->hash = EVP_MD_CTX_new();
    EVP_DigestInit_ex(a->hash, EVP_sha256(), NULL);
}

void archive_hash_end(struct archive *a, char hex[65])
{
    unsigned char digest[EVP_MAX_MD_SIZE] = {0};
    if (a->hash)
        EVP_DigestFinal_ex(a->hash, digest, NULL);
    EVP_MD_CTX_free(steal(a->hash));
    for (int i = 0; i < 32; i++)
        sprintf(hex + 2 * i, "%02x", digest[i]);
}
