/* Runs of ./roamlab in the real world, started, watched and interrupted from outside, and what the machine looks like before and after.
 * The program is $ROAMLAB, or ./roamlab. */
#ifndef ROAMLAB_REAL_FIXTURE_H
#define ROAMLAB_REAL_FIXTURE_H

#include "daemon.h"
#include "err.h"
#include "files.h"
#include "folder.h"
#include "mem.h"
#include "orphans.h"
#include "privileges.h"
#include "process.h"
#include "world_real.h"

#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <json-c/json.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#define QUICK "scenarios/kim22-quick.json"
/* kim22-quick with an early handoff: over after ten seconds. */
#define SHORT "--set", "muds.m1.visits.1.at_request=10", "--set", "duration_s=7", QUICK

/* Whoever takes longer hangs, however busy the machine is. */
enum { FIXTURE_PATIENCE_S = 240 };

static char *fixture_program; /* absolute; NULL when this machine cannot run for real */
static char *fixture_folder;  /* results lie below it */

/* --- a shell for looking at the machine -------------------------------------------------------------------- */

/* What the script prints; free() it. Fails the test if it does not end well. */
static inline char *shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static inline char *shell(const char *format, ...)
{
    va_list args;
    autofree char *script = NULL;
    va_start(args, format);
    if (vasprintf(&script, format, args) < 0)
        abort();
    va_end(args);
    struct process_options options = PROCESS_OPTIONS_INIT;
    struct err e = ERR_INIT;
    char *output = NULL;
    options.argv = (const char *[]){"sh", "-c", script, NULL};
    if (process_run(&options, &output, &e) < 0)
        fail_msg("%s: %s", script, e.text);
    return output;
}

/* Programs that runs start, the controller and the agents among them. */
#define PROCESSES                                                                                            \
    "ps -eo args | grep -E '^([^ ]*/)?(dockerd|containerd[^ ]*|runc|criu|sshd:?|ssh|ssh-[^ ]*|roamlab|"      \
    "roamlab-service|exe|scp|sftp[^ ]*)( |$)' | sort;"

static inline char *fixture_processes(void)
{
    return shell(PROCESSES " true");
}

/* All that a run touches outside of its result folder. */
static inline char *fixture_machine(void)
{
    return shell(
        "echo == namespaces; ls /run/netns 2>&1;"
        "echo == links; ip -br link;"
        "echo == mounts; cut -d' ' -f5- /proc/self/mountinfo | sed 's/ shared:[0-9]*//' |"
        " grep -E 'roamlab|/run/|overlay';"
        "echo == rules; iptables-save | sed -e '/^#/d' -e 's/\\[[0-9:]*\\]//';"
        "echo == forwarding; cat /proc/sys/net/ipv4/ip_forward;"
        "echo == processes;" PROCESSES "echo == runs; ls /var/lib/roamlab/runs 2>/dev/null;"
        "echo == shims; ls /run/containerd/s 2>/dev/null;"
        "echo == configurations; ls -d /etc/docker/* /etc/criu/* 2>/dev/null;"
        "echo == temporary; ls -d /tmp/* /tmp/.criu* /var/tmp/* 2>/dev/null | grep -E '^/var/tmp|/(ctrd|.?criu|runc|docker|containerd|ssh-)' |"
        " grep -v roamlab-test-; true");
}

static inline void fixture_show_difference(const char *before, const char *after)
{
    folder_write(fixture_folder, "before", before);
    folder_write(fixture_folder, "after", after);
    autofree char *difference = shell("diff %s/before %s/after; true", fixture_folder, fixture_folder);
    print_error("%s", difference);
}

/* The names of all runs that were seen. Other runs on this machine have control groups too: these have names of their own. */
static struct buf fixture_names;

static inline void fixture_note_names(void)
{
    DIR *folder = opendir(JOURNAL_ROOT);
    struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        autofree char *line = mem_printf("%s\n", entry->d_name);
        if (entry->d_name[0] != '.' && !strstr(buf_text(&fixture_names), line))
            buf_add(&fixture_names, line, strlen(line));
    }
    if (folder)
        closedir(folder);
}

static inline void fixture_no_control_groups(void)
{
    enum { HOSTS = 6 };
    autofree char *names = mem_copy_string(buf_text(&fixture_names));
    for (char *save, *name = strtok_r(names, "\n", &save); name; name = strtok_r(NULL, "\n", &save))
        for (int host = 0; host < HOSTS; host++) {
            glob_t found = {0};
            autofree char *root = mem_printf(JOURNAL_ROOT "/%s/d%d", name, host);
            autofree char *group = docker_daemon_cgroup(root),
                          *first = mem_printf("/sys/fs/cgroup/*%s", group);
            autofree char *second = mem_printf("/sys/fs/cgroup%s", group);
            if (glob(first, 0, NULL, &found) == 0 || glob(second, 0, NULL, &found) == 0)
                fail_msg("left: %s", found.gl_pathv[0]);
            globfree(&found);
        }
}

/* `before` is from fixture_machine(). */
#define assert_machine_as(before)                                                                            \
    do {                                                                                                     \
        autofree char *after_ = fixture_machine();                                                           \
        fixture_no_control_groups();                                                                         \
        if (strcmp(before, after_)) {                                                                        \
            fixture_show_difference(before, after_);                                                         \
            fail_msg("the run has left something, or taken it away");                                        \
        }                                                                                                    \
    } while (0)

/* --- runs -------------------------------------------------------------------------------------------------------- */

struct fixture_run {
    pid_t pid;    /* the controller */
    int terminal; /* reads what it says on its standard error */
    struct buf said;
    char *folder;      /* its results */
    char *runs_before; /* names in /var/lib/roamlab/runs */
};

static inline double fixture_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static inline void fixture_exec(struct fixture_run *run, int slave, const char *const *arguments)
{
    const char *argv[64] = {fixture_program, "run", "-o", run->folder};
    autofree char *out = mem_printf("%s.out", run->folder);
    int out_fd = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0644), n = 4;
    while (*arguments && n < 63)
        argv[n++] = *arguments++;
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    dup2(open("/dev/null", O_RDONLY), 0);
    dup2(out_fd, 1);
    dup2(slave, 2);
    closefrom(3);
    execv(argv[0], (char *const *)argv);
    _exit(127);
}

/* Starts `roamlab run -o FOLDER/name ARGUMENTS`, in a process group of its own, its standard error a terminal. */
static inline void fixture_start(struct fixture_run *run, const char *name, const char *const *arguments)
{
    int slave;
    *run = (struct fixture_run){.folder = mem_printf("%s/%s", fixture_folder, name)};
    run->runs_before = shell("mkdir -p /var/lib/roamlab/runs; ls /var/lib/roamlab/runs");
    assert_int_equal(openpty(&run->terminal, &slave, NULL, NULL, NULL), 0);
    fcntl(run->terminal, F_SETFD, FD_CLOEXEC);
    run->pid = fork();
    if (run->pid == 0)
        fixture_exec(run, slave, arguments);
    close(slave);
    fcntl(run->terminal, F_SETFL, O_NONBLOCK);
}

static inline void fixture_listen(struct fixture_run *run)
{
    char chunk[4096];
    ssize_t got;
    fixture_note_names();
    while ((got = read(run->terminal, chunk, sizeof chunk)) > 0)
        buf_add(&run->said, chunk, (size_t)got);
}

/* Its exit status is still to be waited for. */
static inline bool fixture_ended(const struct fixture_run *run)
{
    siginfo_t ended = {0};
    return waitid(P_PID, (id_t)run->pid, &ended, WEXITED | WNOHANG | WNOWAIT) < 0 || ended.si_pid;
}

/* Waits until it has said that. */
static inline void fixture_until_said(struct fixture_run *run, const char *text)
{
    bool over = false;
    for (double end = fixture_seconds() + FIXTURE_PATIENCE_S; !over && fixture_seconds() < end; usleep(5000)) {
        over = fixture_ended(run); /* then it has said all */
        fixture_listen(run);
        if (strstr(buf_text(&run->said), text))
            return;
    }
    fail_msg("it never said \"%s\" but: %s", text, buf_text(&run->said));
}

/* Does the event log hold that? */
static inline bool fixture_logged(const struct fixture_run *run, const char *text)
{
    autofree char *log = folder_read(run->folder, "events.log");
    return log && strstr(log, text);
}

/* Waits until it does. */
static inline void fixture_until_logged(struct fixture_run *run, const char *text)
{
    bool over = false;
    for (double end = fixture_seconds() + FIXTURE_PATIENCE_S; !over && fixture_seconds() < end; usleep(20000)) {
        over = fixture_ended(run);
        fixture_listen(run);
        if (fixture_logged(run, text))
            return;
    }
    fail_msg("\"%s\" is not in the log; it said: %s", text, buf_text(&run->said));
}

/* The exit status, or 128 + signal; -1 if it hangs, and then it is killed. */
static inline int fixture_wait(struct fixture_run *run)
{
    int status;
    for (double end = fixture_seconds() + FIXTURE_PATIENCE_S; fixture_seconds() < end; usleep(10000)) {
        fixture_listen(run);
        if (waitpid(run->pid, &status, WNOHANG) == run->pid) {
            fixture_listen(run);
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
    }
    kill(run->pid, SIGKILL);
    waitpid(run->pid, NULL, 0);
    return -1;
}

static inline void fixture_unexpected(struct fixture_run *run, int status, int expected)
{
    autofree char *out = mem_printf("%s.out", run->folder);
    autofree char *printed = shell("cat %s; tail -n 20 %s/agents.log 2>&1; true", out, run->folder);
    fail_msg("exit status %d, expected %d: %s%s", status, expected, buf_text(&run->said), printed);
}

static inline void fixture_run_free(struct fixture_run *run)
{
    close(run->terminal);
    buf_free(&run->said);
    free(run->folder);
    free(run->runs_before);
}

/* Its name in /var/lib/roamlab/runs; free() it. NULL while it has none: probes have journals, too. Only for one run at a time. */
static inline char *fixture_run_name(const struct fixture_run *run)
{
    autofree char *now = shell("ls /var/lib/roamlab/runs");
    for (char *save, *name = strtok_r(now, "\n", &save); name; name = strtok_r(NULL, "\n", &save))
        if (!strstr(run->runs_before, name) && strncmp(name, "probe-", 6) != 0)
            return mem_copy_string(name);
    return NULL;
}

/* The controller's agents, in the order of the scenario's hosts. */
static inline pid_t fixture_agent(const struct fixture_run *run, int host)
{
    autofree char *pids =
        shell("ps --ppid %d -o pid=,args= --sort pid | awk '$3 == \"agent\" {print $1}' | sed -n %dp",
              run->pid, host + 1);
    return (pid_t)atoi(pids);
}

/* The dockerd or containerd of the scenario's host number `host`. */
static inline pid_t fixture_engine(const struct fixture_run *run, const char *program, int host)
{
    autofree char *name = fixture_run_name(run);
    autofree char *pids =
        shell("ps -eo pid=,args= | awk '$2 ~ /(^|\\/)%s$/ && /\\/runs\\/%s\\/d%d\\// {print $1}'", program,
              name ? name : "?", host);
    return (pid_t)atoi(pids);
}

/* Lazy pages need a long pipe (tools/setup); says so if this process gets none. */
static inline bool fixture_pages_can_come(void)
{
    int fds[2];
    bool can = pipe(fds) == 0 && fcntl(fds[0], F_SETPIPE_SZ, 4 << 20) >= 0;
    close(fds[0]);
    close(fds[1]);
    if (!can)
        printf("skip: lazy pages: no pipe of 4 MiB (roamlab doctor says what mends it)\n");
    return can;
}

/* --- results ----------------------------------------------------------------------------------------------------- */

static inline json_object *fixture_result(const struct fixture_run *run)
{
    autofree char *path = mem_printf("%s/result.json", run->folder);
    json_object *result = json_object_from_file(path);
    if (!result)
        fail_msg("%s: %s", path, json_util_get_last_err());
    return result;
}

/* By JSON pointer (RFC 6901); fails the test if it is not there. */
static inline json_object *fixture_at(json_object *result, const char *pointer)
{
    json_object *value = NULL;
    if (json_pointer_get(result, pointer, &value) < 0)
        fail_msg("result.json has no %s", pointer);
    return value;
}

static inline double fixture_number(json_object *result, const char *pointer)
{
    return json_object_get_double(fixture_at(result, pointer));
}

static inline const char *fixture_text(json_object *result, const char *pointer)
{
    return json_object_get_string(fixture_at(result, pointer));
}

/* The tests share their machine. Of a run that was told invalid for its timers' lateness no times are judged. */
static inline bool fixture_is_late(json_object *result)
{
    return !json_object_get_boolean(fixture_at(result, "/drift_ms/valid"));
}

/* Is what has this name or pointer a time? Its unit says so. */
static inline bool fixture_is_time(const char *name)
{
    for (const char *unit = name; (unit = strchr(unit, '_'));) {
        size_t len = strcspn(++unit, "./");
        if ((len == 1 && *unit == 's') || (len == 2 && !strncmp(unit, "ms", len)))
            return true;
    }
    return false;
}

static inline bool fixture_all_but_times_hold(json_object *result)
{
    json_object *expectations = fixture_at(result, "/expectations");
    for (size_t i = 0; i < json_object_array_length(expectations); i++) {
        json_object *one = json_object_array_get_idx(expectations, i);
        if (!json_object_get_boolean(fixture_at(one, "/holds")) && !fixture_is_time(fixture_text(one, "/metric")))
            return false;
    }
    return json_object_get_boolean(fixture_at(result, "/invariants/ok"));
}

/* Such a run did its work if all else holds. */
static inline bool fixture_only_late(const struct fixture_run *run)
{
    autofree char *path = mem_printf("%s/result.json", run->folder);
    json_object *result = json_object_from_file(path);
    bool late = result && fixture_is_late(result) && fixture_all_but_times_hold(result);
    if (late)
        printf("note: timers were %g ms late on this machine: %s\n", fixture_number(result, "/drift_ms/p99"),
               run->folder);
    json_object_put(result);
    return late;
}

static inline void assert_exited(struct fixture_run *run, int status, int expected)
{
    if (status != expected && !(expected == 0 && status == 1 && fixture_only_late(run)))
        fixture_unexpected(run, status, expected);
}

static inline void assert_exit(struct fixture_run *run, int expected)
{
    assert_exited(run, fixture_wait(run), expected);
}

/* --- group ------------------------------------------------------------------------------------------------------- */

#define FIXTURE_APART "ROAMLAB_TEST_APART"             /* this process, as it is known outside */
#define FIXTURE_APART_FOLDER "/var/lib/roamlab/test-" /* and that number */

/* Its runs' journals are in there; its processes and mounts have gone with its namespaces, control groups go with nobody. */
static inline void fixture_clean_orphan(const char *folder)
{
    glob_t engines = {0};
    autofree char *pattern = mem_printf("%s/runs/*/d*", folder);
    size_t before = strlen(folder) + strlen("/runs");
    glob(pattern, GLOB_ONLYDIR, NULL, &engines);
    for (size_t i = 0; i < engines.gl_pathc; i++) {
        autofree char *root = mem_printf(JOURNAL_ROOT "%s", engines.gl_pathv[i] + before);
        docker_end_processes(root, NULL);
    }
    globfree(&engines);
    files_remove(folder, NULL);
}

/* Runs this program again in mount, process and network namespaces of its own, so that what others do on this machine meanwhile is not
 * taken for what a run left. Call it first in main(). An argument lets only the tests run whose names match it. */
static inline void fixture_go_apart(char **argv)
{
    enum { OWN = 7 };
    const char *arguments[16] = {"unshare", "-m", "-n", "-p", "-f", "--mount-proc", "--kill-child"};
    if (getenv(FIXTURE_APART) || privileges_check(NULL) < 0)
        return;
    orphans_clean(FIXTURE_APART_FOLDER, fixture_clean_orphan);
    autofree char *self = mem_printf("%d", getpid());
    setenv(FIXTURE_APART, self, 1);
    for (int i = 0; argv[i] && i < 16 - OWN - 1; i++)
        arguments[OWN + i] = argv[i];
    execvp(arguments[0], (char *const *)arguments);
}

/* Copies of others' mounts go, the folders where runs leave things become this program's own: hidden below a folder of the same file system.
 * A tree in /tmp must stay where it is. */
static char *fixture_apart;

static inline void fixture_hide_others(void)
{
    free(shell("mkdir -p /var/lib/roamlab/runs /run/netns /run/containerd/s; ip link set lo up"));
    free(shell(
        "awk '{print $5}' /proc/self/mountinfo | grep -E '^/(run/netns|var/lib/roamlab|var/tmp)/' | sort -r |"
        " xargs -r -n 1 umount -l 2>&1; true"));
    fixture_apart = mem_printf(FIXTURE_APART_FOLDER "%s", getenv(FIXTURE_APART));
    assert_int_equal(mkdir(fixture_apart, 0700), 0);
    free(shell(
        "case $PWD in /tmp/*) t= ;; *) t=yes ;; esac; cd %s && mkdir runs netns shims tmp tmp2 && mount --bind runs /var/lib/roamlab/runs &&"
        " mount --bind netns /run/netns && mount --bind shims /run/containerd/s && mount --bind tmp /var/tmp &&"
        " { [ ! $t ] || mount --bind tmp2 /tmp; }",
        fixture_apart));
}

/* A test that failed has left its runs as they were. This process is the first of its namespace: what else is there has come from it. */
static inline void fixture_end_runs(void)
{
    if (getpid() == 1)
        kill(-1, SIGKILL);
    free(shell("%s clean 2>&1; true", fixture_program));
}

static inline void fixture_show_others(void)
{
    free(shell(
        "umount -l /var/lib/roamlab/runs; umount -l /run/netns; umount -l /run/containerd/s; umount -l /var/tmp; umount -l /tmp 2>/dev/null;"
        " rm -rf --one-file-system %s",
        fixture_apart));
    free(fixture_apart);
}

static int fixture_set_up(void **state)
{
    (void)state;
    if (getenv(FIXTURE_APART))
        fixture_hide_others();
    const char *given = getenv("ROAMLAB");
    autofree char *program = realpath(given ? given : "./roamlab", NULL);
    autofree char *service = program ? mem_printf("%s-service", program) : NULL;
    struct world_real_facts facts;
    struct err e = ERR_INIT;
    fixture_folder = folder_make();
    if (!program)
        printf("skip: ./roamlab is not there (make)\n");
    else if (world_real_check(NULL, &(struct world_real_options){.program = service}, &facts, &e) < 0)
        printf("skip: %s\n", e.text);
    else
        fixture_program = steal(program);
    return 0;
}

static int fixture_tear_down(void **state)
{
    (void)state;
    if (getenv(FIXTURE_APART) && fixture_program)
        fixture_end_runs();
    if (getenv(FIXTURE_APART))
        fixture_show_others();
    folder_remove(fixture_folder);
    free(fixture_program);
    buf_free(&fixture_names);
    return 0;
}

#define NEED_REAL_WORLD()                                                                                    \
    if (!fixture_program)                                                                                    \
    skip()

#endif
