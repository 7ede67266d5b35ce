#include "namespace.h"
#include "mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { KILLED_MS = 20000 /* what is killed ends as soon as the machine finds time */ };

char *namespace_path(const char *name)
{
    return mem_printf(NAMESPACE_FOLDER "/%s", name);
}

static bool folder_is_shared_mount(void)
{
    /* Changing the propagation works on mount points only. */
    return mount("", NAMESPACE_FOLDER, "none", MS_SHARED | MS_REC, NULL) == 0;
}

/* The number of the mount at the folder; 0 if the kernel does not tell. */
static uint64_t folder_mount(void)
{
    struct statx what;
    bool known =
        statx(AT_FDCWD, NAMESPACE_FOLDER, 0, STATX_MNT_ID, &what) == 0 && what.stx_mask & STATX_MNT_ID;
    return known ? what.stx_mnt_id : 0;
}

static void write_mark(void)
{
    autofclose FILE *mark = fopen(NAMESPACE_MARK, "we");
    if (mark)
        fprintf(mark, "%" PRIu64 "\n", folder_mount());
}

static bool is_marked(void)
{
    autofclose FILE *mark = fopen(NAMESPACE_MARK, "re");
    uint64_t number = 0;
    return mark && fscanf(mark, "%" SCNu64, &number) == 1 && number != 0 && number == folder_mount();
}

/* ip-netns takes the same lock around the same steps. */
static int lock_folder(struct err *e)
{
    if (mkdir(NAMESPACE_FOLDER, 0755) < 0 && errno != EEXIST)
        return err_errno(e, NAMESPACE_FOLDER);
    int fd = open(NAMESPACE_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX) < 0) {
        int status = err_errno(e, NAMESPACE_FOLDER);
        if (fd >= 0)
            close(fd);
        return status;
    }
    return fd;
}

static int prepare_folder(struct err *e)
{
    if (folder_is_shared_mount())
        return 0;
    if (mount(NAMESPACE_FOLDER, NAMESPACE_FOLDER, "none", MS_BIND | MS_REC, NULL) < 0 ||
        !folder_is_shared_mount())
        return err_errno(e, NAMESPACE_FOLDER ": mount");
    write_mark();
    return 0;
}

static bool folder_is_empty(void)
{
    DIR *folder = opendir(NAMESPACE_FOLDER);
    bool empty = folder != NULL;
    struct dirent *entry;
    while (folder && empty && (entry = readdir(folder)))
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    if (folder)
        closedir(folder);
    return empty;
}

/* Lazily: the open descriptor that holds the lock keeps the mount busy. */
static void release_folder(void)
{
    if (folder_is_empty() && is_marked() && umount2(NAMESPACE_FOLDER, MNT_DETACH) == 0)
        unlink(NAMESPACE_MARK);
}

static int bind_new(const char *path, struct err *e)
{
    int back;
    int status = netns_enter_private(&back, e);
    if (status < 0)
        return status;
    if (mount("/proc/thread-self/ns/net", path, "none", MS_BIND, NULL) < 0)
        status = err_errno(e, "bind %s", path);
    netns_leave(back);
    return status;
}

static int create_locked(const char *name, struct err *e)
{
    autofree char *path = namespace_path(name);
    int status = prepare_folder(e);
    if (status < 0)
        return status;
    autoclose int file = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
    if (file < 0)
        return err_errno(e, "%s", path);
    status = bind_new(path, e);
    if (status < 0)
        unlink(path);
    return status;
}

int namespace_create(const char *name, struct err *e)
{
    autoclose int lock = lock_folder(e);
    int status = lock < 0 ? lock : create_locked(name, e);
    return status < 0 ? err_wrap(e, "namespace %s", name) : 0;
}

int namespace_remove(const char *name, struct err *e)
{
    autofree char *path = namespace_path(name);
    autoclose int lock = lock_folder(e);
    if (lock < 0)
        return lock;
    if (umount2(path, MNT_DETACH) < 0 && errno != ENOENT && errno != EINVAL)
        return err_errno(e, "namespace %s: unmount", name);
    if (unlink(path) < 0 && errno != ENOENT)
        return err_errno(e, "namespace %s", name);
    release_folder();
    return 0;
}

/* Signals every process in the namespace that `space` describes (0 = only counts). Returns how many there
 * are. */
static int signal_all(const struct stat *space, int signal)
{
    DIR *processes = opendir("/proc");
    struct dirent *entry;
    int count = 0;
    while (processes && (entry = readdir(processes))) {
        struct stat its;
        char path[300];
        pid_t pid = atoi(entry->d_name);
        snprintf(path, sizeof path, "/proc/%d/ns/net", pid);
        if (pid <= 1 || pid == getpid() || stat(path, &its) < 0 || its.st_ino != space->st_ino ||
            its.st_dev != space->st_dev)
            continue;
        count++;
        kill(pid, signal);
    }
    if (processes)
        closedir(processes);
    return count;
}

static bool gone_within(const struct stat *space, int patience_ms)
{
    for (int waited = 0; signal_all(space, 0) > 0; waited += 10) {
        if (waited >= patience_ms)
            return false;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    return true;
}

int namespace_end_processes(const char *name, int patience_ms, struct err *e)
{
    autofree char *path = namespace_path(name);
    struct stat space, mine;
    if (stat(path, &space) < 0)
        return errno == ENOENT ? 0 : err_errno(e, "namespace %s", name);
    /* A file whose mount never came about is on another device than namespaces are. */
    if (stat("/proc/self/ns/net", &mine) < 0 || mine.st_dev != space.st_dev || mine.st_ino == space.st_ino)
        return 0;
    if (signal_all(&space, SIGTERM) == 0 || gone_within(&space, patience_ms))
        return 0;
    signal_all(&space, SIGKILL);
    return gone_within(&space, KILLED_MS) ? 0
                                     : err_set(e, EBUSY, "namespace %s: processes in it do not end", name);
}
