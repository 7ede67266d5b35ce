#include "stream_content.h"
#include "mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of a file that grows no less at a time: each piece has a head, and is compressed by itself. */
enum { LEAST_GROWTH = 64 * 1024 };

/* What goes out under one head. The pieces of what is sent are kept, so that after a cut the same bytes come again. */
struct piece {
    char kind;
    char *name; /* from the last component of what is sent on; owned */
    uint64_t from, size;
};

struct stream_content {
    char *path;
    size_t above; /* bytes of the path before its last component */
    const struct transfer_growth *growth; /* NULL = all is there */
    FTS *tree;
    struct piece *pieces; /* owned: `count` found, `at` the next one */
    size_t count, at;
    struct buf head; /* of the present piece, what is left of it */
    int fd;          /* the present file, -1 = none */
    uint64_t left;   /* of the piece */
    EVP_MD_CTX *digest;
};

static void begin(struct stream_content *c)
{
    mem_close_fd(&c->fd);
    c->fd = -1;
    c->left = 0;
    c->at = 0;
    buf_clear(&c->head);
    EVP_DigestInit_ex(c->digest, EVP_sha256(), NULL);
}

static int open_tree(struct stream_content *c, struct err *e)
{
    char *const roots[] = {c->path, NULL};
    c->tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    return c->tree ? 0 : err_errno(e, "%s", c->path);
}

struct stream_content *stream_content_open(const char *path, const struct transfer_growth *growth, struct err *e)
{
    struct stream_content *c = mem_alloc(sizeof *c);
    const char *slash = strrchr(path, '/');
    *c = (struct stream_content){.path = mem_copy_string(path),
                                 .above = slash ? (size_t)(slash + 1 - path) : 0,
                                 .growth = growth,
                                 .fd = -1,
                                 .digest = EVP_MD_CTX_new()};
    begin(c);
    if (growth || open_tree(c, e) == 0)
        return c;
    stream_content_free(c);
    return NULL;
}

void stream_content_free(struct stream_content *c)
{
    if (!c)
        return;
    if (c->tree) {
        fts_read(c->tree); /* of a tree that nobody has read anything of glibc leaves a part behind */
        fts_close(c->tree);
    }
    mem_close_fd(&c->fd);
    EVP_MD_CTX_free(c->digest);
    for (size_t i = 0; i < c->count; i++)
        free(c->pieces[i].name);
    free(c->pieces);
    buf_free(&c->head);
    free(c->path);
    free(c);
}

/* --- pieces ----------------------------------------------------------------------------------------------------------------------- */

static void add_piece(struct stream_content *c, char kind, const char *name, uint64_t from, uint64_t size)
{
    if ((c->count & (c->count - 1)) == 0) /* full at every power of two */
        c->pieces = mem_resize(c->pieces, (c->count ? 2 * c->count : 1) * sizeof *c->pieces);
    c->pieces[c->count++] = (struct piece){kind, mem_copy_string(name), from, size};
}

/* The newest piece of that name, or NULL. */
static const struct piece *find_piece(const struct stream_content *c, const char *name)
{
    size_t i = c->count;
    while (i > 0 && strcmp(c->pieces[i - 1].name, name) != 0)
        i--;
    return i > 0 ? &c->pieces[i - 1] : NULL;
}

/* 1: of a file of that size there is a piece of `least` bytes that has not been found before; 0: there is none. */
static int add_rest(struct stream_content *c, const char *name, uint64_t size, uint64_t least, struct err *e)
{
    const struct piece *before = c->growth ? find_piece(c, name) : NULL;
    uint64_t found = before ? before->from + before->size : 0;
    if (size < found)
        return err_set(e, EIO, "%s became shorter while it was sent", name);
    if (before ? size < found + least || size == found : size < least)
        return 0;
    add_piece(c, before ? 'a' : 'f', name, found, size - found);
    return 1;
}

static int add_file(struct stream_content *c, const FTSENT *entry, struct err *e)
{
    return add_rest(c, entry->fts_path + c->above, (uint64_t)entry->fts_statp->st_size, 0, e);
}

static int add_folder(struct stream_content *c, const FTSENT *entry)
{
    const char *name = entry->fts_path + c->above;
    if (c->growth && find_piece(c, name))
        return 0;
    add_piece(c, 'd', name, 0, 0);
    return 1;
}

/* 1: the next piece has been found; 0: there is none. */
static int find_in_tree(struct stream_content *c, struct err *e)
{
    int found = 0;
    for (const FTSENT *entry; !found && (entry = fts_read(c->tree));) {
        if (strlen(entry->fts_path) - c->above > UINT16_MAX)
            return err_set(e, ENAMETOOLONG, "%s", entry->fts_path);
        if (entry->fts_info == FTS_F)
            found = add_file(c, entry, e);
        else if (entry->fts_info == FTS_D)
            found = add_folder(c, entry);
        else if (entry->fts_info != FTS_DP)
            return err_set(e, entry->fts_errno ? entry->fts_errno : EINVAL, "%s: cannot be sent", entry->fts_path);
    }
    return found;
}

/* --- what grows ------------------------------------------------------------------------------------------------------------------- */

static int find_in_folder(struct stream_content *c, DIR *folder, const char *name, struct err *e)
{
    int found = 0;
    for (const struct dirent *entry; !found && (entry = readdir(folder));) {
        struct stat st;
        if (strncmp(entry->d_name, c->growth->grows, strlen(c->growth->grows)) != 0 ||
            fstatat(dirfd(folder), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
            continue;
        autofree char *file = mem_printf("%s/%s", name, entry->d_name);
        found = add_rest(c, file, (uint64_t)st.st_size, LEAST_GROWTH, e);
    }
    return found;
}

/* The same of what is not whole yet: -EAGAIN if nothing has been added to it. */
static int find_growth(struct stream_content *c, struct err *e)
{
    autofree char *path = mem_printf("%s/%s", c->path, c->growth->folder);
    DIR *folder = opendir(path);
    int found = 0;
    if (!folder)
        return -EAGAIN;
    if (c->count < 2) {
        add_piece(c, 'd', c->count ? path + c->above : c->path + c->above, 0, 0);
        found = 1;
    } else {
        found = find_in_folder(c, folder, path + c->above, e);
    }
    closedir(folder);
    return found ? found : -EAGAIN;
}

static bool is_whole(const struct stream_content *c)
{
    autofree char *last = mem_printf("%s/%s/%s", c->path, c->growth->folder, c->growth->last);
    return access(last, F_OK) == 0;
}

static int find_next(struct stream_content *c, struct err *e)
{
    if (!c->tree && !is_whole(c))
        return find_growth(c, e);
    int status = c->tree ? 0 : open_tree(c, e);
    return status < 0 ? status : find_in_tree(c, e);
}

/* --- bytes ------------------------------------------------------------------------------------------------------------------------ */

static int open_file(struct stream_content *c, const struct piece *p, struct err *e)
{
    autofree char *path = mem_printf("%.*s%s", (int)c->above, c->path, p->name);
    c->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (c->fd < 0 || lseek(c->fd, (off_t)p->from, SEEK_SET) < 0)
        return err_errno(e, "%s", path);
    return 0;
}

/* 1: there is one more piece, its head waits; 0: none; -EAGAIN: none yet. */
static int next_piece(struct stream_content *c, struct err *e)
{
    int status = c->at < c->count ? 1 : find_next(c, e);
    if (status <= 0)
        return status;
    const struct piece *p = &c->pieces[c->at++];
    size_t len = strlen(p->name);
    buf_add_u8(&c->head, (uint8_t)p->kind);
    buf_add_be16(&c->head, (uint16_t)len);
    buf_add(&c->head, p->name, len);
    if (p->kind == 'd')
        return 1;
    buf_add_be64(&c->head, p->size);
    c->left = p->size;
    status = open_file(c, p, e);
    return status < 0 ? status : 1;
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
        int status = next_piece(c, e);
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
    ssize_t got = 1;
    while (done < max && got > 0) {
        got = read_some(c, out + done, max - done, e);
        done += got > 0 ? (size_t)got : 0;
    }
    if (got < 0 && (got != -EAGAIN || done == 0))
        return got;
    EVP_DigestUpdate(c->digest, out, done);
    return (ssize_t)done;
}

int stream_content_seek(struct stream_content *c, uint64_t position, struct err *e)
{
    uint8_t passed[16384];
    int status = 0;
    begin(c);
    while (status == 0 && position) {
        size_t max = position < sizeof passed ? (size_t)position : sizeof passed;
        ssize_t got = stream_content_read(c, passed, max, e);
        status = got == 0 || got == -EAGAIN ? err_set(e, EPROTO, "the peer has more of %s than there is", c->path) : got < 0 ? (int)got : 0;
        position -= got > 0 ? (uint64_t)got : 0;
    }
    return status;
}

uint64_t stream_content_bytes(const struct stream_content *c)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < c->count; i++)
        bytes += c->pieces[i].size;
    return bytes;
}

void stream_content_digest(struct stream_content *c, uint8_t out[STREAM_DIGEST])
{
    EVP_DigestFinal_ex(c->digest, out, NULL);
}
