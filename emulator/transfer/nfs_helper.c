#include "nfs_helper.h"
#include "mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { AGAIN_MS = 100, NOBODYS_PORT = 1 };

#define PLACE "/store" /* of the mount, in this process's namespace */

/* The whole of the process. */
struct helper {
    const struct nfs_export *to;
    int socket, folder;
    struct nfs_lane *lanes;
    atomic_bool ending;
};

/* --- the mount ---------------------------------------------------------------------------------------------------------------------------- */

static int set(int fs, const char *key, const char *value)
{
    return fsconfig(fs, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, key, value, 0);
}

/* How long to wait is the owner's to say: the kernel asks once, by a connection that it makes again if it breaks, and gives up after ten
 * minutes, the longest that it knows. */
static int configure(int fs, const struct nfs_export *to)
{
    autofree char *source = mem_printf("%s:%s", to->address, to->path), *port = mem_printf("%u", to->port),
                  *mount_port = mem_printf("%u", to->mount_port);
    const char *const options[][2] = {
        {"source", source}, {"addr", to->address}, {"vers", "3"},         {"proto", "tcp"},
        {"port", port},     {"nolock", NULL},      {"mountproto", "tcp"}, {"mountport", mount_port},
        {"soft", NULL},     {"timeo", "6000"},     {"retrans", "0"},      {"lookupcache", "none"},
        {"actimeo", "0"},   {"nordirplus", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        if (set(fs, options[i][0], options[i][1]) < 0)
            return -1;
    return fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
}

/* A descriptor of the export, which is mounted nowhere yet, or -errno. */
static int get(const struct nfs_export *to)
{
    autoclose int fs = fsopen("nfs", FSOPEN_CLOEXEC);
    int folder = fs >= 0 && configure(fs, to) == 0
                     ? fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)
                     : -1;
    return folder < 0 ? -errno : folder;
}

/* Only what is mounted somewhere can be unmounted by force. */
static int attach(const struct nfs_export *to)
{
    int folder = get(to);
    if (folder < 0 || move_mount(folder, "", AT_FDCWD, PLACE, MOVE_MOUNT_F_EMPTY_PATH) == 0)
        return folder;
    int status = -errno;
    close(folder);
    return status;
}

int nfs_helper_attempt(struct err *e)
{
    const struct nfs_export nobody = {
        .address = "127.0.0.1", .path = "/", .port = NOBODYS_PORT, .mount_port = NOBODYS_PORT};
    int status = get(&nobody);
    if (status == -ENODEV || status == -ENOSYS || status == -EPROTONOSUPPORT) {
        err_set(e, EOPNOTSUPP, "the kernel has no NFS client of version 3");
        return err_hint(e, "modprobe nfsv3, where it is a module; carrier nfs does with libnfs, too");
    }
    if (status == -EPERM)
        return err_set(e, EPERM, "the kernel's NFS client: %s", strerror(EPERM));
    if (status >= 0)
        close(status);
    return 0;
}

/* --- calls --------------------------------------------------------------------------------------------------------------------------------- */

/* The kernel takes a folder for unchanged whose time of change is the same, and that goes by steps of milliseconds: what it keeps is thrown
 * away. */
static int list(const struct helper *h, struct nfs_lane *lane)
{
    int fd = openat(h->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    size_t used = 0;
    if (!folder)
        return -errno;
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    errno = 0;
    for (struct dirent *entry; (entry = readdir(folder)) && used < sizeof lane->bytes - sizeof entry->d_name;)
        used += (size_t)sprintf((char *)lane->bytes + used, "%s", entry->d_name) + 1;
    int status = -errno;
    lane->bytes[used] = '\0';
    closedir(folder);
    return status;
}

static int open_file(const struct helper *h, struct nfs_lane *lane, int flags)
{
    lane->file = openat(h->folder, lane->name, O_RDWR | O_DIRECT | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
    return lane->file < 0 ? -errno : 0;
}

/* Of a file that is read or written at several places at a time. Fewer bytes at its end, or when the disk is full. */
static int move_bytes(const struct nfs_lane *lane, ssize_t (*move)(const struct nfs_lane *lane, size_t done))
{
    size_t done = 0;
    ssize_t moved = 1;
    while (done < lane->len && moved > 0) {
        moved = move(lane, done);
        done += moved > 0 ? (size_t)moved : 0;
    }
    return moved < 0 ? -errno : (int)done;
}

static ssize_t read_some(const struct nfs_lane *lane, size_t done)
{
    return pread(lane->file, (uint8_t *)(uintptr_t)lane->bytes + done, lane->len - done,
                 (off_t)(lane->offset + done));
}

static ssize_t write_some(const struct nfs_lane *lane, size_t done)
{
    return pwrite(lane->file, lane->bytes + done, lane->len - done, (off_t)(lane->offset + done));
}

static int act(const struct helper *h, struct nfs_lane *lane)
{
    switch (lane->op) {
    case NFS_OPEN:
        return open_file(h, lane, 0);
    case NFS_CREATE:
        return open_file(h, lane, O_CREAT | O_EXCL);
    case NFS_READ:
        return move_bytes(lane, read_some);
    case NFS_WRITE:
        return move_bytes(lane, write_some);
    case NFS_CLOSE:
        return close(lane->file) < 0 ? -errno : 0;
    case NFS_REMOVE:
        return unlinkat(h->folder, lane->name, 0) < 0 ? -errno : 0;
    case NFS_LIST:
        return list(h, lane);
    }
    return -EINVAL;
}

/* --- the process ------------------------------------------------------------------------------------------------------------------------- */

static void tell(const struct helper *h, int lane, int status)
{
    const struct nfs_word word = {lane, status};
    (void)!send(h->socket, &word, sizeof word, MSG_NOSIGNAL);
}

/* Each thread takes the next call. */
static void *serve(void *argument)
{
    struct helper *h = argument;
    struct nfs_word word;
    while (recv(h->socket, &word, sizeof word, 0) == sizeof word && !atomic_load(&h->ending)) {
        struct nfs_lane *lane = &h->lanes[word.lane];
        lane->status = act(h, lane);
        tell(h, word.lane, 0);
    }
    return NULL;
}

static void *mount_and_serve(void *argument)
{
    struct helper *h = argument;
    pthread_t thread;
    while ((h->folder = attach(h->to)) < 0) {
        tell(h, NFS_MOUNT, h->folder);
        nanosleep(&(struct timespec){0, AGAIN_MS * 1000000L}, NULL);
    }
    for (int i = 1; i < NFS_LANES; i++)
        pthread_create(&thread, NULL, serve, h); /* with fewer, calls wait */
    tell(h, NFS_MOUNT, 0);
    return serve(h);
}

/* What the threads have asked the server for would outlive this process in the kernel, and hold the network namespace: it is called off. */
static void await_end(struct helper *h)
{
    struct pollfd owner = {.fd = h->socket};
    while (poll(&owner, 1, -1) < 0)
        ;
    atomic_store(&h->ending, true);
    umount2(PLACE, MNT_FORCE | MNT_DETACH);
}

static void keep_only(int *socket)
{
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    *socket = dup2(*socket, STDIN_FILENO);
    (void)!dup2(null, STDOUT_FILENO);
    (void)!dup2(null, STDERR_FILENO);
    closefrom(STDERR_FILENO + 1);
}

/* A mount namespace with nothing in it but an empty folder: no mount of the machine's is kept from being taken away. */
static bool empty_namespace(const char *folder)
{
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", folder, "tmpfs", 0, "size=64k") == 0 && chdir(folder) == 0 &&
           syscall(SYS_pivot_root, ".", ".") == 0 && umount2(".", MNT_DETACH) == 0 && mkdir(PLACE, 0700) == 0;
}

static void live(struct helper *h)
{
    pthread_t thread;
    keep_only(&h->socket);
    int status = empty_namespace(h->to->folder) ? 0 : -errno;
    if (status == 0)
        status = -pthread_create(&thread, NULL, mount_and_serve, h);
    if (status < 0)
        tell(h, NFS_MOUNT, status);
    await_end(h);
    _exit(0);
}

int nfs_helper_start(const struct nfs_export *to, int socket, struct nfs_lane *lanes, pid_t *pid,
                     struct err *e)
{
    struct helper h = {.to = to, .socket = socket, .lanes = lanes};
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    *pid = fork();
    if (*pid == 0) {
        prctl(PR_SET_NAME, NFS_HELPER);
        setpgid(0, 0);
        live(&h);
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (*pid < 0)
        return err_errno(e, "nfs: fork");
    setpgid(*pid, *pid); /* whoever of the two comes first */
    return 0;
}
