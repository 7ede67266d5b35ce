#include "manifest.h"
#include "files.h"
#include "mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int list_file(const char *folder, const char *name, struct buf *list, uint64_t *bytes, struct err *e)
{
    struct stat st;
    autofree char *path = mem_printf("%s/%s", folder, name);
    if (lstat(path, &st) < 0)
        return err_errno(e, "%s", path);
    if (S_ISREG(st.st_mode) && strcmp(name, MANIFEST_NAME)) {
        buf_printf(list, "%llu %s\n", (unsigned long long)st.st_size, name);
        *bytes += (uint64_t)st.st_size;
    }
    return 0;
}

int manifest_write(const char *folder, uint64_t *bytes, struct err *e)
{
    autofree char *path = mem_printf("%s/%s", folder, MANIFEST_NAME);
    struct buf list = BUF_INIT;
    int status = 0;
    *bytes = 0;
    DIR *names = opendir(folder);
    if (!names)
        return err_errno(e, "%s", folder);
    for (struct dirent *entry; status == 0 && (entry = readdir(names));)
        status = list_file(folder, entry->d_name, &list, bytes, e);
    closedir(names);
    if (status == 0)
        status = files_replace(path, buf_text(&list), e);
    buf_free(&list);
    return status;
}

static int check_file(const char *folder, const char *name, unsigned long long size, struct err *e)
{
    struct stat st = {0};
    autofree char *path = mem_printf("%s/%s", folder, name);
    if (strchr(name, '/') || lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
        return err_set(e, EBADMSG, "unusable checkpoint: %s is missing", path);
    if ((unsigned long long)st.st_size != size)
        return err_set(e, EBADMSG, "unusable checkpoint: %s has %llu of %llu bytes", path,
                       (unsigned long long)st.st_size, size);
    return 0;
}

/* CRIU, as root, would follow a link to wherever, or open a device; the folder itself may have come as a link, too. */
static int check_kinds(const char *folder, struct err *e)
{
    struct stat st;
    int status = 0, fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *names = fd < 0 ? NULL : fdopendir(fd);
    if (!names)
        return err_set(e, EBADMSG, "unusable checkpoint: %s: %s", folder, strerror(errno));
    for (struct dirent *entry; status == 0 && (entry = readdir(names));)
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") &&
            (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode)))
            status =
                err_set(e, EBADMSG, "unusable checkpoint: %s/%s is no regular file", folder, entry->d_name);
    closedir(names);
    return status;
}

int manifest_check(const char *folder, uint64_t *bytes, struct err *e)
{
    autofree char *path = mem_printf("%s/%s", folder, MANIFEST_NAME);
    struct buf list = BUF_INIT;
    *bytes = 0;
    int status = check_kinds(folder, e);
    if (status < 0)
        return status;
    status = files_read(path, 0, &list, NULL);
    if (status < 0 || !list.len)
        status = err_set(e, EBADMSG, "unusable checkpoint: %s is missing or empty", path);
    buf_text(&list);
    char *save, *line = list.len ? strtok_r((char *)list.data, "\n", &save) : NULL;
    for (; line && status == 0; line = strtok_r(NULL, "\n", &save)) {
        unsigned long long size;
        char name[256];
        if (sscanf(line, "%llu %255s", &size, name) != 2)
            status = err_set(e, EBADMSG, "unusable checkpoint: %s: %.100s", path, line);
        else
            status = check_file(folder, name, size, e);
        *bytes += size;
    }
    buf_free(&list);
    return status;
}
