/* The control group freezer, version 1 (freezer.state) or 2 (cgroup.freeze, cgroup.events). */
#include "container.h"
#include "files.h"
#include "lazy_pages.h"
#include "mem.h"
#include "proc.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { POLL_US = 500, TRY_ROUNDS = 2000 };

/* Where the hierarchy is mounted: version 2 for an empty controller, else version 1 of that controller. */
static char *mount_point(const char *controller)
{
    struct buf mounts = BUF_INIT;
    char *found = NULL, *save;
    if (files_read("/proc/self/mounts", 0, &mounts, NULL) < 0 || !mounts.len)
        return NULL;
    buf_text(&mounts);
    for (char *line = strtok_r((char *)mounts.data, "\n", &save); line && !found;
         line = strtok_r(NULL, "\n", &save)) {
        char where[256], type[32], options[512];
        if (sscanf(line, "%*s %255s %31s %511s", where, type, options) != 3)
            continue;
        bool version2 = !strcmp(type, "cgroup2"), version1 = !strcmp(type, "cgroup");
        if (*controller ? version1 && strstr(options, controller) : version2)
            found = mem_copy_string(where);
    }
    buf_free(&mounts);
    return found;
}

/* The process's group in the hierarchy, from lines NUMBER:CONTROLLERS:PATH. */
static char *group_of(const char *cgroups, const char *controller)
{
    size_t len = strlen(controller);
    for (const char *line = cgroups; line && *line; line = strchr(line, '\n'), line += line != NULL) {
        const char *names = strchr(line, ':');
        if (names && !strncmp(names + 1, controller, len) && names[1 + len] == ':') {
            const char *path = names + 2 + len;
            return mem_printf("%.*s", (int)strcspn(path, "\n"), path);
        }
    }
    return NULL;
}

static int no_freezer(struct err *e)
{
    err_set(e, EOPNOTSUPP, "no control group freezer is mounted");
    return err_hint(e, "mount -t cgroup2 none /sys/fs/cgroup");
}

char *docker_control_group_of(pid_t pid, const char *controller)
{
    autofree char *path = mem_printf("/proc/%d/cgroup", pid), *mount = mount_point(controller);
    struct buf text = BUF_INIT;
    autofree char *group = files_read(path, 0, &text, NULL) == 0 ? group_of(buf_text(&text), controller) : NULL;
    buf_free(&text);
    return group && mount ? mem_printf("%s%s", mount, group) : NULL;
}

char *docker_freezer_of(pid_t pid, struct err *e)
{
    autofree char *group1 = docker_control_group_of(pid, "freezer"), *group2 = docker_control_group_of(pid, "");
    if (!group1 && !group2)
        no_freezer(e);
    return group1 ? mem_printf("%s/freezer.state", group1) : group2 ? mem_printf("%s/cgroup.freeze", group2) : NULL;
}

static bool is_version2(const char *freezer)
{
    size_t len = strlen(freezer);
    return len > 7 && !strcmp(freezer + len - 7, ".freeze");
}

int docker_freezer_set(const char *freezer, bool frozen, struct err *e)
{
    if (is_version2(freezer))
        return files_write(freezer, frozen ? "1" : "0", e);
    return files_write(freezer, frozen ? "FROZEN" : "THAWED", e);
}

int docker_freezer_reached(const char *freezer, bool frozen, bool *reached, struct err *e)
{
    struct buf text = BUF_INIT;
    int status;
    if (is_version2(freezer)) {
        autofree char *events = mem_printf("%.*s.events", (int)(strlen(freezer) - 7), freezer);
        status = files_read(events, 0, &text, e);
        *reached = strstr(buf_text(&text), frozen ? "frozen 1" : "frozen 0");
    } else {
        status = files_read(freezer, 0, &text, e);
        *reached = !strcmp(buf_text(&text), frozen ? "FROZEN\n" : "THAWED\n");
    }
    buf_free(&text);
    return status;
}

static void poll_again(struct timer *timer)
{
    struct docker_job *job = container_of(timer, struct docker_job, timer);
    job->step--;
    docker_job_go(job, 0, NULL);
}

/* A CRIU that is killed while the container is frozen can leave its process in the stop of a tracer who is gone (seen with Linux 6.18):
 * THAWED, it does not go on. Another freeze and thaw wakes it. */
static bool stands_still(pid_t pid)
{
    autofree char *path = mem_printf("/proc/%d/wchan", pid);
    struct buf where = BUF_INIT;
    bool stopped = files_read(path, 0, &where, NULL) == 0 && !strcmp(buf_text(&where), "ptrace_stop");
    buf_free(&where);
    return stopped && proc_status(pid, "TracerPid") == 0;
}

static int check_that_it_goes_on(struct docker_container *c, bool *reached, struct err *e)
{
    if (docker_end_dump(c->pid))
        *reached = false;
    else if (stands_still(c->pid)) {
        *reached = false;
        return docker_freezer_set(c->freezer, true, e);
    }
    return 0;
}

/* Version 1 wants the wish written again until all processes have stopped. */
static int follow(struct docker_job *job, bool frozen, struct err *e)
{
    struct docker_container *c = job->container;
    if (!c->freezer)
        return err_set(e, ESRCH, "the container does not run");
    bool reached = false;
    int status = docker_freezer_set(c->freezer, frozen, e);
    if (status == 0)
        status = docker_freezer_reached(c->freezer, frozen, &reached, e);
    if (status == 0 && reached && !frozen)
        status = check_that_it_goes_on(c, &reached, e);
    if (status < 0)
        return status;
    if (reached) {
        c->frozen = frozen;
        return DOCKER_STEP_DONE;
    }
    if (!simtime_before(loop_now(c->daemon->loop), job->give_up)) /* set when the job began */
        return err_set(e, ETIMEDOUT, "the processes do not %s", frozen ? "stop" : "go on");
    job->timer.fire = poll_again;
    loop_arm_after(c->daemon->loop, &job->timer, simtime_us(POLL_US));
    return DOCKER_STEP_WAITS;
}

static int step_set(struct docker_job *job, struct err *e)
{
    return follow(job, true, e);
}

/* It goes on: nobody serves its pages any more, not by the order of an agent that has ended since, either. */
static int step_clear(struct docker_job *job, struct err *e)
{
    docker_pager_free(job->container);
    return follow(job, false, e);
}

void docker_container_freeze(struct docker_container *c, struct docker_job *job)
{
    static const docker_step steps[] = {step_set, NULL};
    docker_job_start(job, c, "freeze", steps);
}

void docker_container_thaw(struct docker_container *c, struct docker_job *job)
{
    static const docker_step steps[] = {step_clear, NULL};
    docker_job_start(job, c, "thaw", steps);
}

/* --- trying it out ------------------------------------------------------------------------------------------- */

static int reach(const char *freezer, bool frozen, struct err *e)
{
    bool reached = false;
    for (int round = 0; round < TRY_ROUNDS; round++) {
        int status = docker_freezer_set(freezer, frozen, e);
        if (status == 0)
            status = docker_freezer_reached(freezer, frozen, &reached, e);
        if (status < 0 || reached)
            return status;
        usleep(POLL_US);
    }
    return err_set(e, ETIMEDOUT, "%s: a process does not %s", freezer, frozen ? "stop" : "go on");
}

static int freeze_child(const char *folder, const char *freezer, struct err *e)
{
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            pause();
    }
    if (pid < 0)
        return err_errno(e, "fork");
    autofree char *procs = mem_printf("%s/cgroup.procs", folder), *number = mem_printf("%d", pid);
    int status = files_write(procs, number, e);
    if (status == 0)
        status = reach(freezer, true, e);
    if (status == 0)
        status = reach(freezer, false, e);
    docker_freezer_set(freezer, false, NULL); /* version 1 kills nobody who is frozen */
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return status;
}

int docker_freezer_try(const char *group, struct err *e)
{
    autofree char *mount1 = mount_point("freezer"), *mount2 = mount_point("");
    if (!mount1 && !mount2)
        return no_freezer(e);
    autofree char *folder = mem_printf("%s%s", mount1 ? mount1 : mount2, group);
    autofree char *freezer = mem_printf("%s/%s", folder, mount1 ? "freezer.state" : "cgroup.freeze");
    if (mkdir(folder, 0755) < 0)
        return err_errno(e, "control group %s", folder);
    int status = freeze_child(folder, freezer, e);
    rmdir(folder);
    return status < 0 ? status : mount1 ? 1 : 2;
}
