#include "files.h"
#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int files_make_folder(const char *path, mode_t mode, struct err *e)
{
    autofree char *part = mem_copy_string(path);
    for (char *slash = strchr(part + (*part == '/'), '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(part, 0755) < 0 && errno != EEXIST)
            return err_errno(e, "make folder %s", part);
        *slash = '/';
    }
    if (mkdir(path, mode) < 0 && errno != EEXIST)
        return err_errno(e, "make folder %s", path);
    return 0;
}

static FTS *walk(const char *path)
{
    char *const roots[] = {(char *)path, NULL};
    return fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
}

int files_remove(const char *path, struct err *e)
{
    struct stat unused;
    if (lstat(path, &unused) < 0)
        return errno == ENOENT ? 0 : err_errno(e, "remove %s", path);
    FTS *tree = walk(path);
    if (!tree)
        return err_errno(e, "remove %s", path);
    int status = 0;
    for (FTSENT *entry = fts_read(tree); entry; entry = fts_read(tree)) {
        if (entry->fts_info == FTS_D)
            continue;
        int failed = entry->fts_info == FTS_DP ? rmdir(entry->fts_accpath) : unlink(entry->fts_accpath);
        if (failed && errno != ENOENT && status == 0)
            status = err_errno(e, "remove %s", entry->fts_path);
    }
    fts_close(tree);
    return status;
}

int files_size(const char *path, uint64_t *bytes, struct err *e)
{
    *bytes = 0;
    FTS *tree = walk(path);
    if (!tree)
        return err_errno(e, "read %s", path);
    int status = 0;
    for (FTSENT *entry = fts_read(tree); entry; entry = fts_read(tree)) {
        if (entry->fts_info == FTS_F)
            *bytes += (uint64_t)entry->fts_statp->st_size;
        else if (entry->fts_info == FTS_NS || entry->fts_info == FTS_ERR || entry->fts_info == FTS_DNR)
            status = err_set(e, entry->fts_errno, "read %s: %s", entry->fts_path, strerror(entry->fts_errno));
    }
    fts_close(tree);
    return status;
}

int files_write(const char *path, const char *text, struct err *e)
{
    autoclose int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(e, "open %s", path);
    size_t len = strlen(text);
    ssize_t put = write(fd, text, len);
    if (put < 0)
        return err_errno(e, "write %s", path);
    return (size_t)put == len ? 0 : err_set(e, ENOSPC, "write %s: short write", path);
}

int files_replace(const char *path, const char *text, struct err *e)
{
    autofree char *temporary = mem_printf("%s.tmp", path);
    int status = files_write(temporary, text, e);
    return status == 0 && rename(temporary, path) < 0 ? err_errno(e, "rename %s", temporary) : status;
}

int files_read(const char *path, size_t limit, struct buf *out, struct err *e)
{
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(e, "open %s", path);
    struct stat st;
    if (limit && fstat(fd, &st) == 0 && (uint64_t)st.st_size > limit)
        lseek(fd, st.st_size - (off_t)limit, SEEK_SET);
    char chunk[4096];
    ssize_t got;
    while ((got = read(fd, chunk, sizeof chunk)) > 0)
        buf_add(out, chunk, (size_t)got);
    return got < 0 ? err_errno(e, "read %s", path) : 0;
}

int files_open_inside(const char *folder, const char *name, int flags, mode_t mode)
{
    struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC),
                           .mode = flags & O_CREAT ? mode : 0,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    autoclose int base = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = base < 0 ? -1 : (int)syscall(SYS_openat2, base, name, &how, sizeof how);
    return fd < 0 ? -errno : fd;
}
