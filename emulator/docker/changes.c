#include "changes.h"
#include "buf.h"
#include "files.h"
#include "mem.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char magic[8] = {'R', 'L', 'C', 'H', 'A', 'N', 'G', '1'};

/* A file's bytes, mapped. */
struct content {
    const uint8_t *bytes;
    size_t len;
};

static void close_content(struct content *c)
{
    if (c->len)
        munmap((void *)(uintptr_t)c->bytes, c->len);
}
#define autocontent __attribute__((cleanup(close_content))) struct content

static int open_content(const char *path, struct content *c, struct err *e)
{
    struct stat st;
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_errno(e, "%s", path);
    if (st.st_size == 0)
        return 0;
    void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        return err_errno(e, "map %s", path);
    *c = (struct content){bytes, (size_t)st.st_size};
    return 0;
}

/* --- writing ------------------------------------------------------------------------------------------------- */

static void put(struct changes *c, const void *bytes, size_t len)
{
    fwrite(bytes, 1, len, c->file);
}

static void put_be(struct changes *c, uint64_t value, size_t len)
{
    uint64_t big = htobe64(value);
    put(c, (const uint8_t *)&big + sizeof big - len, len);
}

int changes_begin(struct changes *c, const char *path, struct background *background, struct err *e)
{
    *c = (struct changes){.file = fopen(path, "we"), .background = background};
    if (!c->file)
        return err_errno(e, "%s", path);
    put(c, magic, sizeof magic);
    return 0;
}

static void put_run(struct changes *c, const struct content *now, size_t from, size_t until)
{
    put_be(c, from, 8);
    put_be(c, until - from, 4);
    put(c, now->bytes + from, until - from);
}

static bool page_differs(const struct content *before, const struct content *now, size_t at)
{
    size_t len = now->len - at < CHANGES_PAGE ? now->len - at : CHANGES_PAGE;
    return at + len > before->len || memcmp(before->bytes + at, now->bytes + at, len) != 0;
}

static int put_runs(struct changes *c, const struct content *before, const struct content *now, struct err *e)
{
    size_t from = 0, at = 0;
    for (; at < now->len; at += CHANGES_PAGE) {
        bool differs = page_differs(before, now, at);
        c->pages += differs;
        if (from < at && (!differs || at - from == CHANGES_RUN_MAX)) {
            put_run(c, now, from, at);
            from = at;
        }
        if (!differs)
            from = at + CHANGES_PAGE;
        if (background_cancelled(c->background))
            return err_set(e, ECANCELED, "called off");
    }
    if (from < now->len)
        put_run(c, now, from, now->len);
    put_be(c, 0, 8);
    put_be(c, 0, 4);
    return 0;
}

int changes_add(struct changes *c, const char *name, const char *before, const char *now, struct err *e)
{
    autocontent old = {0}, new = {0};
    uint8_t digest[SHA256_DIGEST_LENGTH];
    size_t len = strlen(name);
    if (len == 0 || len > CHANGES_NAME_MAX)
        return err_set(e, ENAMETOOLONG, "%s", name);
    int status = access(before, F_OK) == 0 ? open_content(before, &old, e) : 0;
    if (status == 0)
        status = open_content(now, &new, e);
    if (status < 0)
        return status;
    SHA256(new.bytes, new.len, digest);
    put_be(c, len, 2);
    put(c, name, len);
    put_be(c, new.len, 8);
    put(c, digest, sizeof digest);
    return put_runs(c, &old, &new, e);
}

int changes_add_folder(struct changes *c, const char *name, const char *before, const char *now,
                       struct err *e)
{
    int status = 0;
    DIR *folder = opendir(now);
    if (!folder)
        return err_errno(e, "%s", now);
    for (struct dirent *entry; status == 0 && (entry = readdir(folder));) {
        if (entry->d_name[0] == '.')
            continue;
        autofree char *as = mem_printf("%s/%s", name, entry->d_name),
                      *old = mem_printf("%s/%s", before, entry->d_name),
                      *new = mem_printf("%s/%s", now, entry->d_name);
        status = changes_add(c, as, old, new, e);
    }
    closedir(folder);
    return status;
}

int changes_end(struct changes *c, struct err *e)
{
    if (!c->file)
        return 0;
    put_be(c, 0, 2);
    bool broken = ferror(c->file);
    if (fclose(steal(c->file)) != 0 || broken)
        return err_set(e, EIO, "changed pages could not be written");
    return 0;
}

/* --- merging ------------------------------------------------------------------------------------------------- */

static int broken(struct err *e, const char *what)
{
    return err_set(e, EBADMSG, "unusable changes: %s", what);
}

/* One folder deep, nothing hidden: what the writer makes of plain names. */
static bool good_name(const char *name)
{
    const char *slash = strchr(name, '/');
    return *name && *name != '.' && *name != '/' &&
           (!slash || (slash[1] && slash[1] != '.' && !strchr(slash + 1, '/')));
}

static int read_name(struct reader *r, char name[CHANGES_NAME_MAX + 1], struct err *e)
{
    size_t len = reader_be16(r);
    const uint8_t *bytes = reader_take(r, len);
    *name = '\0';
    if (r->short_read)
        return broken(e, "it ends too early");
    if (len > CHANGES_NAME_MAX)
        return broken(e, "a name is too long");
    memcpy(name, bytes, len);
    name[len] = '\0';
    return len == 0 || (strlen(name) == len && good_name(name)) ? 0 : broken(e, "a name is none");
}

static int write_run(int fd, const uint8_t *bytes, size_t len, uint64_t at, struct err *e)
{
    while (len > 0) {
        ssize_t written = pwrite(fd, bytes, len, (off_t)at);
        if (written <= 0)
            return err_errno(e, "write");
        bytes += written, at += (uint64_t)written, len -= (size_t)written;
    }
    return 0;
}

static int merge_runs(struct reader *r, int fd, uint64_t size, struct background *background, struct err *e)
{
    for (int status;;) {
        uint64_t at = reader_be64(r);
        size_t len = reader_be32(r);
        if (background_cancelled(background))
            return err_set(e, ECANCELED, "called off");
        if (r->short_read || len > reader_left(r) || at > size || len > size - at)
            return broken(e, "a run lies outside of its file");
        if (len == 0)
            return 0;
        if ((status = write_run(fd, reader_take(r, len), len, at, e)) < 0)
            return status;
    }
}

static int check(const char *path, const uint8_t *wanted, struct err *e)
{
    uint8_t digest[SHA256_DIGEST_LENGTH];
    autocontent merged = {0};
    int status = open_content(path, &merged, e);
    if (status < 0)
        return status;
    SHA256(merged.bytes, merged.len, digest);
    return memcmp(digest, wanted, sizeof digest) ? err_set(e, EBADMSG, "%s differs from what was sent", path)
                                                 : 0;
}

/* What it does not hold already must come in runs. */
static int set_size(int fd, const char *path, uint64_t size, size_t coming, struct err *e)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_errno(e, "%s", path);
    if (size > (uint64_t)st.st_size + coming)
        return broken(e, "a file is larger than its pages");
    return ftruncate(fd, (off_t)size) < 0 ? err_errno(e, "%s", path) : 0;
}

static int merge_file(struct reader *r, const char *folder, const char *name, struct background *background,
                      struct err *e)
{
    autofree char *path = mem_printf("%s/%s", folder, name);
    uint64_t size = reader_be64(r);
    const uint8_t *digest = reader_take(r, SHA256_DIGEST_LENGTH);
    if (r->short_read)
        return broken(e, "it ends too early");
    autoclose int fd = files_open_inside(folder, name, O_WRONLY | O_CREAT, 0600);
    if (fd < 0)
        return err_set(e, -fd, "%s: %s", path, strerror(-fd));
    int status = set_size(fd, path, size, reader_left(r), e);
    if (status == 0)
        status = merge_runs(r, fd, size, background, e);
    return status < 0 ? status : check(path, digest, e);
}

static int merge_all(struct reader *r, const char *folder, struct background *background, struct err *e)
{
    char name[CHANGES_NAME_MAX + 1];
    const uint8_t *begins = reader_take(r, sizeof magic);
    if (!begins || memcmp(begins, magic, sizeof magic))
        return broken(e, "it begins with something else");
    for (int status;;) {
        if ((status = read_name(r, name, e)) < 0)
            return status;
        if (!*name)
            return 0;
        if ((status = merge_file(r, folder, name, background, e)) < 0)
            return status;
    }
}

int changes_merge(const char *path, const char *folder, struct background *background, struct err *e)
{
    autocontent changes = {0};
    int status = open_content(path, &changes, e);
    if (status < 0)
        return status;
    struct reader r = reader_over(changes.bytes, changes.len);
    return merge_all(&r, folder, background, e);
}
