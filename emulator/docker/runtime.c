#include "runtime.h"
#include "criu_log.h"
#include "dirty_tracking.h"
#include "files.h"
#include "installation.h"
#include "mem.h"
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { READY_ROUNDS = 6000 /* of a machine whose caches are cold */, ROUND_MS = 5 };

static void wait_round(void)
{
    nanosleep(&(struct timespec){0, ROUND_MS * 1000000L}, NULL);
}

static int run(const char *const *argv, char **output, struct err *e)
{
    struct process_options o = PROCESS_OPTIONS_INIT;
    o.argv = argv;
    o.interruptible = true;
    return process_run(&o, output, e);
}

/* The subject: a session of its own without a terminal or open files, as CRIU demands of a tree that it is
 * to restore. */
static pid_t start_subject(const char *program, const char *state_file)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    int null_fd = open("/dev/null", O_RDWR);
    for (int i = 0; i < 3; i++)
        dup2(null_fd, i);
    closefrom(3);
    if (chdir("/") == 0)
        execl(program, program, "--address", "127.0.0.1", "--port", "0", "--file", state_file, NULL);
    _exit(127);
}

/* Waits until the subject has its socket. */
static bool has_socket(pid_t pid)
{
    for (int round = 0; round < READY_ROUNDS; round++) {
        for (int fd = 3; fd < 8; fd++) {
            char target[64];
            autofree char *path = mem_printf("/proc/%d/fd/%d", pid, fd);
            ssize_t len = readlink(path, target, sizeof target);
            if (len > 7 && !memcmp(target, "socket:", 7))
                return true;
        }
        if (waitpid(pid, NULL, WNOHANG) == pid)
            return false;
        wait_round();
    }
    return false;
}

static void add_log(const char *folder, const char *name, struct err *e)
{
    autofree char *path = mem_printf("%s/%s", folder, name);
    struct criu_quote quote = criu_log_quote_file(path);
    struct err before = *e;
    if (*quote.text)
        err_set(e, before.code, "%.200s: %s", before.text, quote.text);
}

int runtime_dump(const char *criu, const char *folder, pid_t pid, struct err *e)
{
    autofree char *tree = mem_printf("%d", pid);
    const char *const argv[] = {criu, "dump", "-t", tree, "-D", folder, "-o", "dump.log", NULL};
    int status = run(argv, NULL, e);
    if (status == 0) {
        waitpid(pid, NULL, 0);
        return 0;
    }
    err_wrap(e, "dump");
    add_log(folder, "dump.log", e);
    return status;
}

int runtime_restore(const char *criu, const char *folder, pid_t pid, const char *option, struct err *e)
{
    const char *const argv[] = {criu, "restore", "-d", "-D", folder, "-o", "restore.log", option, NULL};
    int status = run(argv, NULL, e);
    wait_round();
    if (status == 0 && kill(pid, 0) < 0)
        status = err_set(e, ESRCH, "the program ended at once");
    if (status < 0) {
        err_wrap(e, "restore");
        add_log(folder, "restore.log", e);
    }
    return status;
}

static int dump_and_restore(const void *criu, const char *folder, pid_t pid, struct err *e)
{
    int status = runtime_dump(criu, folder, pid, e);
    return status < 0 ? status : runtime_restore(criu, folder, pid, NULL, e);
}

int runtime_try(const char *program, const char *place, runtime_attempt *attempt, const void *context, struct err *e)
{
    autofree char *folder = mem_printf("%s/roamlab-criu-XXXXXX", place);
    if (!mkdtemp(folder))
        return err_errno(e, "make %s", folder);
    autofree char *state_file = mem_printf("%s/pages", folder);
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* the restored program comes back as our child */
    pid_t pid = start_subject(program, state_file);
    int status = pid < 0            ? err_errno(e, "fork")
                 : !has_socket(pid) ? err_set(e, ECHILD, "the probe's program did not start")
                                    : attempt(context, folder, pid, e);
    if (pid > 0 && kill(pid, SIGKILL) == 0)
        waitpid(pid, NULL, 0);
    prctl(PR_SET_CHILD_SUBREAPER, 0);
    files_remove(folder, NULL);
    return status;
}

int runtime_probe_criu(const char *criu, const char *program, const char *place, struct err *e)
{
    return runtime_try(program, place, dump_and_restore, criu, e);
}

/* "Version: 4.2.1", "Docker version 20.10.24, build …", "runc version 1.1.5": what stands behind "ersion". */
static void version_of(const char *program, char *out, size_t size)
{
    autofree char *output = NULL;
    const char *const argv[] = {program, "--version", NULL};
    out[0] = '\0';
    if (run(argv, &output, NULL) < 0 || !output)
        return;
    const char *at = strstr(output, "ersion");
    if (!at)
        return;
    at += strcspn(at, " ");
    at += strspn(at, " ");
    snprintf(out, size, "%.*s", (int)strcspn(at, ", \n"), at);
}

static int find_programs(struct runtime *r, struct err *e)
{
    version_of("dockerd", r->docker_version, sizeof r->docker_version);
    version_of("runc", r->runc_version, sizeof r->runc_version);
    if (*r->docker_version && *r->runc_version)
        return 0;
    err_set(e, ENOENT, "%s is not installed", *r->docker_version ? "runc" : "dockerd");
    return err_hint(e, "apt-get install docker.io");
}

int runtime_find(const char *prefix, const char *program, const char *place, struct runtime *r, struct err *e)
{
    struct err fetched = ERR_INIT, installed = ERR_INIT;
    prefix = prefix ? prefix : RUNTIME_CRIU_PREFIX;
    int status = find_programs(r, e);
    if (status < 0)
        return status;
    snprintf(r->dirty_tracking, sizeof r->dirty_tracking, "%s", dirty_tracking_try(NULL) < 0 ? "compared" : "tracked");
    if (access(program, X_OK) < 0) {
        err_errno(e, "service program %s", program);
        return err_hint(e, "make");
    }
    autofree char *criu = mem_printf("%s/bin/criu", prefix);
    if (access(criu, X_OK) == 0) {
        snprintf(r->criu_folder, sizeof r->criu_folder, "%s/bin", prefix);
        version_of(criu, r->criu_version, sizeof r->criu_version);
        if (runtime_probe_criu(criu, program, place, &fetched) == 0)
            return 0;
    } else
        err_set(&fetched, ENOENT, "absent");
    r->criu_folder[0] = '\0';
    version_of("criu", r->criu_version, sizeof r->criu_version);
    if (runtime_probe_criu("criu", program, place, &installed) == 0)
        return 0;
    err_set(e, EOPNOTSUPP, "no CRIU works on this kernel: %s: %.240s; criu of PATH: %.240s", criu,
            fetched.text, installed.text);
    autofree char *tool = installation_tool("fetch-criu");
    return err_hint(e, "as root: %s %s", tool, prefix);
}
