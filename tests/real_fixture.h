/* Runs of ./roamlab in the real world, started, watched and interrupted from outside, and their results. The program is $ROAMLAB, or ./roamlab. */
#ifndef ROAMLAB_REAL_FIXTURE_H
#define ROAMLAB_REAL_FIXTURE_H

#include "real_machine.h"
#include "world_real.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <pty.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#define QUICK "scenarios/kim22-quick.json"
/* kim22-quick with an early handoff: over after ten seconds. */
#define SHORT "--set", "muds.m1.visits.1.at_request=10", "--set", "duration_s=7", QUICK
/* The least migration time that kim22-quick expects is one of scp. */
#define STREAM "--set", "migration.carrier=stream", "--set", "expect.5.min=0.1"

/* Whoever takes longer hangs, however busy the machine is. */
enum { FIXTURE_PATIENCE_S = 240 };

static char *fixture_program; /* absolute; NULL when this machine cannot run for real */

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

/* A test that failed has left its runs as they were. This process is the first of its namespace: what else is there has come from it. */
static inline void fixture_end_runs(void)
{
    if (getpid() == 1)
        kill(-1, SIGKILL);
    free(shell("%s clean 2>&1; true", fixture_program));
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
