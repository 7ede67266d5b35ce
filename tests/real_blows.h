/* Parts of a real run that are killed from outside, and what becomes of the run: the user is served by exactly one container, or the loss is
 * declared; the exit status and the last words name the part. */
#ifndef ROAMLAB_REAL_BLOWS_H
#define ROAMLAB_REAL_BLOWS_H

#include "real_fixture.h"

enum part { CONTROLLER, BY_INTERRUPT, BY_TERMINATION, AGENT, DOCKERD, CONTAINERD, CONTAINER, PARTS };

static const char *const part_names[PARTS] = {"controller", "SIGINT",     "SIGTERM",  "agent",
                                              "dockerd",    "containerd", "container"};

/* The parts of a run on the first two hosts. Of what is not there (yet) the process is 0. */
struct parts {
    char *name; /* the run's, below JOURNAL_ROOT; NULL = it has none (yet) */
    pid_t controller;
    struct {
        char *group; /* control group of its containers */
        pid_t agent, dockerd, containerd;
    } hosts[2];
};

/* The run's own name, also if there are others: its lock is open in the controller. Probes have journals, too. */
static inline char *parts_name(const struct fixture_run *run)
{
    autofree char *locks = shell(
        "ls -l /proc/%d/fd 2>/dev/null | grep -v runs/probe- | sed -n 's,.*/runs/\\([a-z0-9]*\\)/lock$,\\1,p'; true",
        run->pid);
    locks[strcspn(locks, "\n")] = '\0';
    return locks[0] ? mem_copy_string(locks) : NULL;
}

/* Takes a tenth of a second; what is found can be struck at once. */
static inline void parts_find(struct parts *p, const struct fixture_run *run)
{
    *p = (struct parts){.name = parts_name(run), .controller = run->pid};
    for (int host = 0; p->name && host < 2; host++) {
        autofree char *root = mem_printf(JOURNAL_ROOT "/%s/d%d", p->name, host);
        p->hosts[host].group = docker_daemon_cgroup(root);
        p->hosts[host].agent = fixture_agent(run, host);
        p->hosts[host].dockerd = docker_find_program(root, "dockerd");
        p->hosts[host].containerd = docker_find_program(root, "containerd");
    }
}

static inline void parts_free(struct parts *p)
{
    free(p->name);
    for (int host = 0; host < 2; host++)
        free(p->hosts[host].group);
    *p = (struct parts){0};
}

static inline bool parts_kill_listed(const char *path)
{
    autofclose FILE *list = fopen(path, "re");
    bool struck = false;
    for (int pid; list && fscanf(list, "%d", &pid) == 1;)
        struck |= pid > 1 && kill(pid, SIGKILL) == 0;
    return struck;
}

/* The processes of the containers there, with a CRIU that restores one: they are found by the Engine's control group, whatever the hierarchy. */
static inline bool parts_kill_container(const struct parts *p, int host)
{
    if (!p->name)
        return false;
    autofree char *first = mem_printf("/sys/fs/cgroup/freezer%s/*/cgroup.procs", p->hosts[host].group),
                  *second = mem_printf("/sys/fs/cgroup%s/*/cgroup.procs", p->hosts[host].group);
    glob_t lists = {0};
    bool struck = false;
    glob(first, 0, NULL, &lists);
    glob(second, GLOB_APPEND, NULL, &lists);
    for (size_t i = 0; i < lists.gl_pathc; i++)
        struck |= parts_kill_listed(lists.gl_pathv[i]);
    globfree(&lists);
    return struck;
}

/* Has the blow fallen? What it is to hit may not be there. */
static inline bool parts_strike(const struct parts *p, enum part part, int host)
{
    static const int signals[PARTS] = {[BY_INTERRUPT] = SIGINT, [BY_TERMINATION] = SIGTERM};
    pid_t pid = part == AGENT        ? p->hosts[host].agent
                : part == DOCKERD    ? p->hosts[host].dockerd
                : part == CONTAINERD ? p->hosts[host].containerd
                                     : p->controller;
    if (part == CONTAINER)
        return parts_kill_container(p, host);
    return pid > 1 && kill(pid, signals[part] ? signals[part] : SIGKILL) == 0;
}

/* --- the verdict -------------------------------------------------------------------------------------------- */

/* Of a run that ended with a result: nothing was answered twice or wrongly; every request was answered, or the loss is declared. NULL, or what
 * is wrong; free() it. */
static inline char *blow_verdict(const struct fixture_run *run, bool *declared)
{
    autofree char *path = mem_printf("%s/result.json", run->folder);
    json_object *result = json_object_from_file(path);
    if (!result)
        return mem_printf("%s: %s", path, json_util_get_last_err());
    *declared = strstr(json_object_to_json_string(result), "declared unavailable");
    json_object *broken = fixture_at(result, "/invariants/broken");
    bool wrong = fixture_number(result, "/requests/duplicated") > 0 ||
                 (!*declared && fixture_number(result, "/requests/lost") > 0) ||
                 json_object_array_length(broken) > *declared;
    char *verdict = wrong ? mem_printf("%s: %s", run->folder, json_object_to_json_string(broken)) : NULL;
    json_object_put(result);
    return verdict;
}

/* The same of a run that has lost that part and may have ended without a result: it says so by its exit status, and by name. */
static inline char *blow_verdict_by_exit(struct fixture_run *run, enum part part, int status, bool *declared)
{
    static const int by_signal[PARTS] = {
        [CONTROLLER] = 128 + SIGKILL, [BY_INTERRUPT] = 128 + SIGINT, [BY_TERMINATION] = 128 + SIGTERM};
    static const char *const blamed[PARTS] = {[AGENT] = "its agent ended unexpectedly",
                                              [DOCKERD] = "dockerd was ended",
                                              [CONTAINERD] = "containerd was ended"};
    *declared = false;
    if (status == 0 || status == 1)
        return blow_verdict(run, declared);
    if (status == by_signal[part] ||
        (status == 4 && blamed[part] && strstr(buf_text(&run->said), blamed[part])))
        return NULL;
    return mem_printf("%s: exit %d: %s", run->folder, status, buf_text(&run->said));
}

#endif
