#include "files.h"
#include "mem.h"
#include "stream_content.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KIND_AND_LENGTH = 3, SIZE_BYTES = 8 };

struct stream_intake {
    char *folder, *work; /* work: FOLDER/.stream-XXXXXX */
    char *top;           /* the first component of every path, once it is known */
    struct buf head;     /* of the next entry, as far as it has come */
    int fd;              /* the present file, -1 = none */
    uint64_t left;       /* of it */
    uint64_t bytes;
    EVP_MD_CTX *digest;
};

struct stream_intake *stream_intake_open(const char *folder, struct err *e)
{
    autofree char *work = mem_printf("%s/.stream-XXXXXX", folder);
    if (folder[0] != '/') {
        err_set(e, EINVAL, "stream: folder \"%s\" is not an absolute path", folder);
        return NULL;
    }
    if (!mkdtemp(work)) {
        err_errno(e, "folder %s", folder);
        return NULL;
    }
    struct stream_intake *in = mem_alloc(sizeof *in);
    *in = (struct stream_intake){.folder = mem_copy_string(folder), .work = steal(work), .fd = -1};
    in->digest = EVP_MD_CTX_new();
    EVP_DigestInit_ex(in->digest, EVP_sha256(), NULL);
    return in;
}

void stream_intake_free(struct stream_intake *in)
{
    if (!in)
        return;
    mem_close_fd(&in->fd);
    files_remove(in->work, NULL);
    EVP_MD_CTX_free(in->digest);
    buf_free(&in->head);
    free(in->folder);
    free(in->work);
    free(in->top);
    free(in);
}

uint64_t stream_intake_bytes(const struct stream_intake *in)
{
    return in->bytes;
}

/* Components that are neither empty nor dots, the first one the same for all. */
static bool path_is_good(struct stream_intake *in, const char *path, size_t len)
{
    size_t first = strcspn(path, "/");
    if (strlen(path) != len || len == 0)
        return false;
    for (const char *part = path; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL) {
        size_t n = strcspn(part, "/");
        if (n == 0 || (part[0] == '.' && (n == 1 || (n == 2 && part[1] == '.'))))
            return false;
    }
    if (!in->top)
        in->top = strndup(path, first);
    return strlen(in->top) == first && !strncmp(in->top, path, first);
}

static int make_entry(struct stream_intake *in, char kind, const char *path, struct err *e)
{
    autofree char *full = mem_printf("%s/%s", in->work, path);
    if (kind == 'd')
        return mkdir(full, 0700) < 0 ? err_errno(e, "make folder %s", full) : 0;
    in->fd = open(full, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | (kind == 'a' ? O_APPEND : O_CREAT | O_EXCL), 0600);
    return in->fd < 0 ? err_errno(e, "open %s", full) : 0;
}

/* How many bytes the head has in all, as far as is known now. */
static size_t head_length(const struct stream_intake *in)
{
    if (in->head.len < KIND_AND_LENGTH)
        return KIND_AND_LENGTH;
    size_t path = (size_t)in->head.data[1] << 8 | in->head.data[2];
    return KIND_AND_LENGTH + path + (in->head.data[0] == 'd' ? 0 : SIZE_BYTES);
}

static int take_head(struct stream_intake *in, struct err *e)
{
    struct reader r = reader_over(in->head.data, in->head.len);
    char kind = (char)reader_u8(&r);
    size_t len = reader_be16(&r);
    autofree char *path = mem_printf("%.*s", (int)len, (const char *)reader_take(&r, len));
    if ((kind != 'd' && kind != 'f' && kind != 'a') || !path_is_good(in, path, len))
        return err_set(e, EPROTO, "stream: an entry that must not be");
    in->left = kind == 'd' ? 0 : reader_be64(&r);
    buf_clear(&in->head);
    return make_entry(in, kind, path, e);
}

static int write_all(int fd, const uint8_t *bytes, size_t len, struct err *e)
{
    while (len) {
        ssize_t put = write(fd, bytes, len);
        if (put < 0)
            return err_errno(e, "write");
        bytes += put;
        len -= (size_t)put;
    }
    return 0;
}

static int take_some(struct stream_intake *in, const uint8_t *bytes, size_t *len, struct err *e)
{
    if (in->left) {
        *len = *len < in->left ? *len : (size_t)in->left;
        in->left -= *len;
        return write_all(in->fd, bytes, *len, e);
    }
    mem_close_fd(&in->fd);
    in->fd = -1;
    size_t wanted = head_length(in) - in->head.len;
    *len = *len < wanted ? *len : wanted;
    buf_add(&in->head, bytes, *len);
    return in->head.len >= KIND_AND_LENGTH && in->head.len == head_length(in) ? take_head(in, e) : 0;
}

int stream_intake_take(struct stream_intake *in, const uint8_t *bytes, size_t len, struct err *e)
{
    EVP_DigestUpdate(in->digest, bytes, len);
    in->bytes += len;
    while (len) {
        size_t taken = len;
        int status = take_some(in, bytes, &taken, e);
        if (status < 0)
            return err_wrap(e, "folder %s", in->folder);
        bytes += taken;
        len -= taken;
    }
    return 0;
}

static int move_into_place(const struct stream_intake *in, struct err *e)
{
    autofree char *from = mem_printf("%s/%s", in->work, in->top),
                  *to = mem_printf("%s/%s", in->folder, in->top);
    if (rename(from, to) == 0)
        return 0;
    if (errno != ENOTEMPTY && errno != EEXIST && errno != EISDIR && errno != ENOTDIR)
        return err_errno(e, "%s", to);
    int status = files_remove(to, e);
    return status == 0 && rename(from, to) < 0 ? err_errno(e, "%s", to) : status;
}

int stream_intake_finish(struct stream_intake *in, const uint8_t digest[STREAM_DIGEST], struct err *e)
{
    uint8_t own[STREAM_DIGEST];
    EVP_DigestFinal_ex(in->digest, own, NULL);
    if (in->left || in->head.len || !in->top)
        return err_set(e, EBADMSG, "folder %s: what arrived is not complete", in->folder);
    if (CRYPTO_memcmp(own, digest, sizeof own))
        return err_set(e, EBADMSG, "folder %s: %s arrived changed: its digest differs", in->folder, in->top);
    mem_close_fd(&in->fd);
    in->fd = -1;
    return move_into_place(in, e);
}
