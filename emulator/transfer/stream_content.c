#include "stream_content.h"
#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct stream_content {
    char *path;
    size_t above; /* bytes of the path before its last component */
    FTS *tree;
    struct buf head; /* of the present entry, what is left of it */
    int fd;          /* the present file, -1 = none */
    uint64_t left;   /* of it */
    EVP_MD_CTX *digest;
};

static void close_all(struct stream_content *c)
{
    if (c->tree) {
        fts_read(c->tree); /* of a tree that nobody has read anything of glibc leaves a part behind */
        fts_close(steal(c->tree));
    }
    mem_close_fd(&c->fd);
    c->fd = -1;
    c->left = 0;
    buf_clear(&c->head);
}

static int begin(struct stream_content *c, struct err *e)
{
    char *const roots[] = {c->path, NULL};
    close_all(c);
    EVP_DigestInit_ex(c->digest, EVP_sha256(), NULL);
    c->tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    return c->tree ? 0 : err_errno(e, "%s", c->path);
}

struct stream_content *stream_content_open(const char *path, struct err *e)
{
    struct stream_content *c = mem_alloc(sizeof *c);
    const char *slash = strrchr(path, '/');
    c->path = mem_copy_string(path);
    c->above = slash ? (size_t)(slash + 1 - path) : 0;
    c->fd = -1;
    c->digest = EVP_MD_CTX_new();
    if (begin(c, e) == 0)
        return c;
    stream_content_free(c);
    return NULL;
}

void stream_content_free(struct stream_content *c)
{
    if (!c)
        return;
    close_all(c);
    EVP_MD_CTX_free(c->digest);
    buf_free(&c->head);
    free(c->path);
    free(c);
}

static void add_head(struct stream_content *c, const FTSENT *entry, char kind)
{
    size_t len = strlen(entry->fts_path) - c->above;
    buf_add_u8(&c->head, (uint8_t)kind);
    buf_add_be16(&c->head, (uint16_t)len);
    buf_add(&c->head, entry->fts_path + c->above, len);
}

static int open_file(struct stream_content *c, const FTSENT *entry, struct err *e)
{
    struct stat st;
    c->fd = open(entry->fts_accpath, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (c->fd < 0 || fstat(c->fd, &st) < 0)
        return err_errno(e, "%s", entry->fts_path);
    c->left = (uint64_t)st.st_size;
    add_head(c, entry, 'f');
    buf_add_be64(&c->head, c->left);
    return 1;
}

/* 1: there is one more entry, its head waits; 0: none. */
static int next_entry(struct stream_content *c, struct err *e)
{
    for (FTSENT *entry; (entry = fts_read(c->tree));) {
        if (strlen(entry->fts_path) - c->above > UINT16_MAX)
            return err_set(e, ENAMETOOLONG, "%s", entry->fts_path);
        if (entry->fts_info == FTS_F)
            return open_file(c, entry, e);
        if (entry->fts_info == FTS_D) {
            add_head(c, entry, 'd');
            return 1;
        }
        if (entry->fts_info != FTS_DP)
            return err_set(e, entry->fts_errno ? entry->fts_errno : EINVAL, "%s: cannot be sent",
                           entry->fts_path);
    }
    return 0;
}

static ssize_t read_file(struct stream_content *c, uint8_t *out, size_t max, struct err *e)
{
    ssize_t got = read(c->fd, out, max < c->left ? max : (size_t)c->left);
    if (got < 0)
        return err_errno(e, "read %s", c->path);
    if (got == 0)
        return err_set(e, EIO, "%s became shorter while it was sent", c->path);
    c->left -= (uint64_t)got;
    return got;
}

/* Some bytes, 0 at the end. */
static ssize_t read_some(struct stream_content *c, uint8_t *out, size_t max, struct err *e)
{
    while (!c->head.len && !c->left) {
        mem_close_fd(&c->fd);
        c->fd = -1;
        int status = next_entry(c, e);
        if (status <= 0)
            return status;
    }
    if (!c->head.len)
        return read_file(c, out, max, e);
    size_t len = c->head.len < max ? c->head.len : max;
    memcpy(out, c->head.data, len);
    buf_consume(&c->head, len);
    return (ssize_t)len;
}

ssize_t stream_content_read(struct stream_content *c, uint8_t *out, size_t max, struct err *e)
{
    size_t done = 0;
    while (done < max) {
        ssize_t got = read_some(c, out + done, max - done, e);
        if (got < 0)
            return got;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    EVP_DigestUpdate(c->digest, out, done);
    return (ssize_t)done;
}

int stream_content_seek(struct stream_content *c, uint64_t position, struct err *e)
{
    uint8_t passed[16384];
    int status = begin(c, e);
    while (status == 0 && position) {
        size_t max = position < sizeof passed ? (size_t)position : sizeof passed;
        ssize_t got = stream_content_read(c, passed, max, e);
        status = got < 0    ? (int)got
                 : got == 0 ? err_set(e, EPROTO, "the peer has more of %s than there is", c->path)
                            : 0;
        position -= got > 0 ? (uint64_t)got : 0;
    }
    return status;
}

void stream_content_digest(struct stream_content *c, uint8_t out[STREAM_DIGEST])
{
    EVP_DigestFinal_ex(c->digest, out, NULL);
}
