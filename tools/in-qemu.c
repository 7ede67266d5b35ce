/* The first process inside tools/in-qemu: loads the modules that are there, has the machine's files as its own, runs the program of its
 * arguments, says how it ended and halts. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* As often as one of them may need another. */
static void load_modules(void)
{
    char path[300];
    for (int round = 0; round < 6; round++) {
        DIR *folder = opendir("/modules");
        for (struct dirent *entry; folder && (entry = readdir(folder));) {
            snprintf(path, sizeof path, "/modules/%s", entry->d_name);
            int fd = open(path, O_RDONLY | O_CLOEXEC);
            syscall(SYS_finit_module, fd, "", 0);
            close(fd);
        }
        closedir(folder);
    }
}

static void attach(const char *what, const char *type, const char *at, unsigned long flags,
                   const char *options)
{
    mkdir(at, 0755);
    if (mount(what, at, type, flags, options) < 0)
        perror(at);
}

static void enter_files(void)
{
    attach("files", "9p", "/files", MS_RDONLY, "trans=virtio,version=9p2000.L,msize=512000,cache=loose");
    if (chdir("/files") < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0)
        perror("/files");
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, mode);
    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        perror(path);
    close(fd);
}

/* What the kernel calls when a module is asked for: this machine's files have none for it but there. */
static void serve_modules(void)
{
    write_file("/run/modprobe", "#!/bin/sh\nexec modprobe -d /var/lib/roamlab/vm \"$@\"\n", 0755);
    write_file("/proc/sys/kernel/modprobe", "/run/modprobe", 0);
}

static void bring_loopback_up(void)
{
    struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (ioctl(fd, SIOCSIFFLAGS, &loopback) < 0)
        perror("lo");
    close(fd);
}

static void prepare(void)
{
    static const char *const memory[] = {"/run", "/tmp", "/var/tmp", "/var/log", "/sys/fs/cgroup"};
    static const char *const groups[] = {"freezer", "memory", "cpu,cpuacct", "devices",
                                         "pids",    "blkio",  "cpuset"};
    bring_loopback_up();
    attach("proc", "proc", "/proc", 0, NULL);
    attach("sysfs", "sysfs", "/sys", 0, NULL);
    attach("devtmpfs", "devtmpfs", "/dev", 0, NULL);
    attach("devpts", "devpts", "/dev/pts", 0, NULL);
    attach("tmpfs", "tmpfs", "/dev/shm", 0, NULL);
    for (size_t i = 0; i < sizeof memory / sizeof *memory; i++)
        attach("tmpfs", "tmpfs", memory[i], 0, NULL);
    mkdir("/run/upper", 0755), mkdir("/run/work", 0755);
    attach("overlay", "overlay", "/var/lib/roamlab", 0, "lowerdir=/var/lib/roamlab,upperdir=/run/upper,workdir=/run/work");
    attach("tmpfs", "tmpfs", "/var/lib/roamlab/runs", 0, NULL); /* an Engine's overlays want another file system below */
    serve_modules();
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        char at[60];
        snprintf(at, sizeof at, "/sys/fs/cgroup/%s", groups[i]);
        attach("cgroup", "cgroup", at, 0, groups[i]);
    }
}

static int run(char **arguments)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        if (chdir(getenv("PWD")) < 0)
            perror("PWD");
        setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
        execv(arguments[0], arguments);
        perror(arguments[0]);
        _exit(127);
    }
    while (wait(&status) != pid)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int count, char **arguments)
{
    (void)count;
    load_modules();
    enter_files();
    prepare();
    printf("in-qemu: the program ended with %d\n", run(arguments + 1));
    fflush(NULL);
    sync();
    reboot(RB_POWER_OFF);
}
