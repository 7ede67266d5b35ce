#include "ssh_keys.h"
#include "files.h"
#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *ssh_path(const char *folder, const char *host, const char *file, struct err *e)
{
    if (host[0] == '\0' || host[0] == '.' || strchr(host, '/')) {
        err_set(e, EINVAL, "scp: host name \"%s\" cannot be a file name", host);
        return NULL;
    }
    char *path = file ? mem_printf("%s/%s/%s", folder, host, file) : mem_printf("%s/%s", folder, host);
    if (path[0] == '/' && !strpbrk(path, "\"\\\n%"))
        return path;
    err_set(e, EINVAL, "scp: %s: not an absolute path free of quotes, backslashes and %%", path);
    free(path);
    return NULL;
}

char *ssh_last_words(int fd)
{
    char text[4096];
    off_t size = lseek(fd, 0, SEEK_END), from = size > (off_t)sizeof text ? size - (off_t)sizeof text : 0;
    ssize_t got = pread(fd, text, sizeof text - 1, from);
    while (got > 0 && strchr("\r\n", text[got - 1]))
        got--;
    text[got > 0 ? got : 0] = '\0';
    const char *newline = strrchr(text, '\n');
    return mem_copy_string(newline ? newline + 1 : text);
}

static int make_folder(const char *path, struct err *e)
{
    struct stat st;
    if (mkdir(path, 0700) == 0)
        return 0;
    if (errno != EEXIST || lstat(path, &st) < 0)
        return err_errno(e, "make folder %s", path);
    if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077))
        return err_set(e, EPERM, "folder %s: others may enter it, and it is for private keys", path);
    return 0;
}

static int make_key(const char *path, const char *comment, struct err *e)
{
    if (access(path, F_OK) == 0)
        return err_set(e, EEXIST, "key %s exists: keys are for one run", path);
    const char *const argv[] = {"ssh-keygen", "-q",    "-t", "ed25519", "-N", "",
                                "-C",         comment, "-f", path,      NULL};
    struct process_options options = PROCESS_OPTIONS_INIT;
    options.argv = argv;
    options.interruptible = true;
    int status = process_run(&options, NULL, e);
    if (status == -ENOENT)
        err_hint(e, "apt-get install openssh-client");
    return status;
}

/* Appends "PREFIX CONTENTS-OF-THE-PUBLIC-KEY" to `lines`. */
static int add_public_key(struct buf *lines, const char *prefix, const char *key, struct err *e)
{
    autofree char *path = mem_printf("%s.pub", key);
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    char text[1024];
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text);
    if (got <= 0)
        return err_errno(e, "read %s", path);
    buf_printf(lines, "%s %.*s", prefix, (int)got, text);
    return 0;
}

static int make_host(const char *folder, const struct transfer_host *host, struct buf *known, struct err *e)
{
    autofree char *place = ssh_path(folder, host->name, NULL, e);
    autofree char *key = ssh_path(folder, host->name, "host_key", e);
    if (!place || !key)
        return -EINVAL;
    int status = make_folder(place, e);
    if (status == 0)
        status = make_key(key, host->name, e);
    return status < 0 ? status : add_public_key(known, host->address, key, e);
}

static int write_lines(const char *folder, const char *name, struct buf *lines, struct err *e)
{
    autofree char *path = mem_printf("%s/%s", folder, name);
    return files_replace(path, buf_text(lines), e);
}

int ssh_keys_make(const char *folder, const struct transfer_host *hosts, int count, struct err *e)
{
    struct buf known = BUF_INIT, authorized = BUF_INIT;
    autofree char *user_key = mem_printf("%s/user_key", folder);
    int status = make_folder(folder, e);
    if (status == 0)
        status = make_key(user_key, "roamlab", e);
    if (status == 0)
        status = add_public_key(&authorized, "restrict", user_key, e);
    for (int i = 0; status == 0 && i < count; i++)
        status = make_host(folder, &hosts[i], &known, e);
    if (status == 0)
        status = write_lines(folder, "authorized_keys", &authorized, e);
    if (status == 0)
        status = write_lines(folder, "known_hosts", &known, e);
    buf_free(&known);
    buf_free(&authorized);
    return status < 0 ? err_wrap(e, "scp: keys of the run") : 0;
}
