#include "uml.h"
#include "mem.h"
#include "process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM "/usr/bin/linux.uml"
#define MARK "ROAMLAB_INSIDE_UML"

enum { ARGUMENTS_MAX = 48, WATCHER_PRIORITY = 2 };
#define PRIORITY "1"

static char *module_path(const char *name)
{
    glob_t found;
    autofree char *pattern = mem_printf("/usr/lib/uml/modules/*/kernel/%s.ko", name);
    if (glob(pattern, 0, NULL, &found) != 0)
        return NULL;
    char *path = mem_copy_string(found.gl_pathv[0]);
    globfree(&found);
    return path;
}

int uml_available(struct err *e)
{
    autofree char *netem = module_path("net/sched/sch_netem");
    if (netem && access(PROGRAM, X_OK) == 0)
        return 0;
    err_set(e, EOPNOTSUPP, "no User Mode Linux here");
    return err_hint(e, "apt-get install user-mode-linux");
}

/* It keeps a folder for each machine in its home, with sockets and files only. */
static void remove_home(const char *path)
{
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        autofree char *inner = mem_printf("%s/%s", path, entry->d_name);
        struct stat info;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 || lstat(inner, &info) < 0)
            continue;
        if (S_ISDIR(info.st_mode))
            remove_home(inner);
        else
            unlink(inner);
    }
    if (folder)
        closedir(folder);
    rmdir(path);
}

/* The machine runs on one processor, as calls from processor to processor between its kernel and its programs are slow. */
static void run_on_one(const struct process_options *options, char **output, struct err *e)
{
    cpu_set_t all, one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    bool pinned = sched_getaffinity(0, sizeof all, &all) == 0 && sched_setaffinity(0, sizeof one, &one) == 0;
    process_run(options, output, e);
    if (pinned)
        sched_setaffinity(0, sizeof all, &all);
}

/* What watches over its time limit must be able to interrupt it. */
static bool come_first(void)
{
    struct sched_param watcher = {.sched_priority = WATCHER_PRIORITY};
    return sched_getscheduler(0) == SCHED_OTHER && sched_setscheduler(0, SCHED_FIFO, &watcher) == 0;
}

int uml_run(const char *const *arguments, int seconds, bool first, char **output, struct err *e)
{
    char self[PATH_MAX], home[] = "/tmp/roamlab-uml-XXXXXX";
    int status = uml_available(e);
    if (status < 0)
        return status;
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    if (len < 0 || !mkdtemp(home))
        return err_errno(e, "User Mode Linux");
    first = first && come_first();
    self[len] = '\0';
    autofree char *init = mem_printf("init=%s", self), *limit = mem_printf("%d", seconds),
                  *home_variable = mem_printf("HOME=%s", home);
    const char *const words[] = {
        "timeout",  "-k", "5", limit, "chrt",     first ? "-f" : "-o", first ? PRIORITY : "0", PROGRAM, "mem=256M", "rootfstype=hostfs",
        "rootflags=/", "ro", init, "con=null", "con0=fd:0,fd:1", "quiet", (MARK "=1"), "--"};
    const char *argv[ARGUMENTS_MAX] = {NULL};
    memcpy(argv, words, sizeof words);
    for (size_t count = ARRAY_LEN(words); *arguments && count < ARGUMENTS_MAX - 1; count++)
        argv[count] = *arguments++;
    struct process_options options = PROCESS_OPTIONS_INIT;
    options.argv = argv;
    options.environment =
        (const char *const[]){"TMPDIR=/dev/shm", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", home_variable, NULL};
    *output = NULL;
    run_on_one(&options, output, e);
    if (first)
        sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){0});
    remove_home(home);
    if (*output)
        return 0;
    return e && e->code ? err_wrap(e, "User Mode Linux") : err_set(e, EIO, "User Mode Linux printed nothing");
}

/* The kernel hands what it does not know on its command line to init, as environment. */
bool uml_inside(void)
{
    return getenv(MARK) != NULL;
}

static void prepare(void)
{
    static const struct {
        const char *type, *at;
    } mounts[] = {{"proc", "/proc"}, {"sysfs", "/sys"}, {"tmpfs", "/run"}};
    for (size_t i = 0; i < ARRAY_LEN(mounts); i++)
        if (mount(mounts[i].type, mounts[i].at, mounts[i].type, 0, NULL) < 0)
            perror(mounts[i].at);
    setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
    setvbuf(stdout, NULL, _IOLBF, 0);
}

/* init must not end before the machine is halted. */
void uml_serve(void (*work)(void *context), void *context)
{
    if (getpid() != 1)
        abort();
    prepare();
    pid_t pid = fork();
    if (pid == 0) {
        work(context);
        fflush(NULL);
        _exit(0);
    }
    while (pid > 0 && wait(NULL) != pid)
        ;
    fflush(NULL);
    sync();
    reboot(RB_POWER_OFF);
    abort();
}

int uml_module(const char *name, struct err *e)
{
    autofree char *path = module_path(name);
    if (!path)
        return err_set(e, ENOENT, "no module %s", name);
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST))
        return err_errno(e, "module %s", name);
    return 0;
}
