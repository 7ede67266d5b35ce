#include "runc.h"
#include "mem.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "roamlab's runc: %s: %s\n", what, strerror(errno));
    exit(1);
}

static char **find(char **argv, const char *word)
{
    while (*argv && strcmp(*argv, word) != 0)
        argv++;
    return *argv ? argv : NULL;
}

static const char *value_of(char **argv, const char *option)
{
    char **found = find(argv, option);
    return found && found[1] ? found[1] : "";
}

static void make_own_tmp(const char *tmp)
{
    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
        fail("a mount namespace");
    if (mount(tmp, "/tmp", NULL, MS_BIND, NULL) < 0)
        fail(tmp);
}

static bool comes_without_pages(char **argv)
{
    struct stat st;
    autofree char *from = mem_printf("%s/" RUNC_PAGES_SOCKET, value_of(argv, "--image-path"));
    autofree char *to = mem_printf("%s/" RUNC_PAGES_SOCKET, value_of(argv, "--work-path"));
    if (lstat(from, &st) < 0 || !S_ISLNK(st.st_mode))
        return false;
    if (symlink(from, to) < 0)
        fail(to);
    return true;
}

/* The words with `word` behind `before`, which is one of them. */
static char **insert(char **argv, int argc, char **before, char *word)
{
    size_t head = (size_t)(before - argv) + 1;
    char **longer = mem_alloc_array((size_t)argc + 2, sizeof *longer);
    memcpy(longer, argv, head * sizeof *longer);
    longer[head] = word;
    memcpy(longer + head + 1, argv + head, ((size_t)argc - head) * sizeof *longer);
    return longer;
}

/* The folder that this program lies in. */
static char *own_folder(void)
{
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    if (len < 0)
        fail("/proc/self/exe");
    self[len] = '\0';
    return mem_copy_string(dirname(self));
}

/* The folder's own name has no links in it. */
static bool is_folder(const char *entry, size_t len, const char *folder)
{
    autofree char *name = mem_printf("%.*s", (int)len, entry), *own = realpath(name, NULL);
    return own && !strcmp(own, folder);
}

/* What stands behind the folder in PATH; containerd puts one of its own in front. */
static const char *path_behind(const char *folder)
{
    const char *end;
    for (const char *entry = getenv("PATH"); entry && (end = strchr(entry, ':')); entry = end + 1)
        if (is_folder(entry, (size_t)(end - entry), folder))
            return end + 1;
    errno = ENOENT;
    fail("PATH names no folder behind it");
}

int main(int argc, char **argv)
{
    autofree char *folder = own_folder(), *tmp = mem_printf("%s/../tmp", folder);
    char **restore = find(argv, "restore");
    if (setenv("PATH", path_behind(folder), 1) < 0)
        fail("PATH");
    if (restore)
        make_own_tmp(tmp);
    if (restore && comes_without_pages(argv))
        argv = insert(argv, argc, restore, "--lazy-pages");
    execvp("runc", argv);
    fail("runc");
}
