/* A Docker Engine of our own, and the control group freezer that stops containers while they are dumped. */
#include "container.h"
#include "daemon.h"
#include "host_probe.h"
#include "mem.h"

#include <errno.h>
#include <stdlib.h>

struct trial {
    struct clock clock;
    struct loop *loop;
    struct docker_daemon daemon;
    struct docker_request request;
    struct err err; /* the first */
    char *found;
    size_t size;
};

static void note(struct trial *t, int status, const struct err *e)
{
    if (status < 0 && !t->err.code)
        t->err = *e;
}

static void stopped(struct docker_daemon *d, int status, const struct err *e)
{
    struct trial *t = container_of(d, struct trial, daemon);
    note(t, status, e);
    loop_stop(t->loop);
}

static void stop(struct trial *t)
{
    t->daemon.done = stopped;
    docker_daemon_stop(&t->daemon, false);
}

static const char *text_at(struct json_object *o, const char *key)
{
    struct json_object *value = NULL;
    json_object_object_get_ex(o, key, &value);
    const char *text = json_object_get_string(value);
    return text ? text : "?";
}

static void informed(struct docker_request *request, int status, struct json_object *answer,
                     const struct err *e)
{
    struct trial *t = container_of(request, struct trial, request);
    note(t, status, e);
    if (status == 0)
        snprintf(t->found, t->size, "started Docker %s, storage driver %s, control groups version %s",
                 text_at(answer, "ServerVersion"), text_at(answer, "Driver"),
                 text_at(answer, "CgroupVersion"));
    stop(t);
}

static void started(struct docker_daemon *d, int status, const struct err *e)
{
    struct trial *t = container_of(d, struct trial, daemon);
    struct err err = ERR_INIT;
    note(t, status, e);
    t->request.done = informed;
    if (status == 0 && docker_api_request(d->api, &t->request, "GET", NULL, &err, "/info") == 0)
        return;
    note(t, -err.code, &err);
    stop(t);
}

static int try_engine(struct trial *t, const char *root, const char *criu_folder, struct err *e)
{
    const struct daemon_options options = {.root = root, .criu_folder = criu_folder};
    t->daemon.done = started;
    int status = docker_daemon_start(&t->daemon, t->loop, &options, e);
    if (status < 0)
        return status;
    status = host_probe_play(t->loop, e);
    docker_api_cancel(&t->request);
    docker_daemon_free(&t->daemon);
    if (status == 0 && t->err.code)
        *e = t->err;
    return status < 0 ? status : -t->err.code;
}

/* Runs `attempt` with the root of an Engine that the journal knows. */
static int with_root(int (*attempt)(const char *root, const struct host_probe_subject *subject, char *found,
                                    size_t size, struct err *e),
                     const struct host_probe_subject *subject, char *found, size_t size, struct err *e)
{
    struct journal *journal = host_probe_journal(e);
    if (!journal)
        return -e->code;
    autofree char *root = mem_printf("%s/d0", journal_folder(journal));
    int status = journal_record(journal, "dockerd", root, e);
    if (status == 0)
        status = attempt(root, subject, found, size, e);
    return host_probe_end(journal, status, "apt-get install --reinstall docker.io", e);
}

static int engine(const char *root, const struct host_probe_subject *subject, char *found, size_t size,
                  struct err *e)
{
    struct trial t = {.clock = clock_wall(SIMTIME_ZERO), .found = found, .size = size};
    t.loop = loop_new(&t.clock, e);
    if (!t.loop)
        return -e->code;
    int status = try_engine(&t, root, subject->facts->runtime.criu_folder, e);
    loop_free(t.loop);
    return status;
}

int host_probe_engine(const struct host_probe *probe, const struct host_probe_subject *subject, char *found,
                      size_t size, struct err *e)
{
    (void)probe;
    return with_root(engine, subject, found, size, e);
}

static int freezer(const char *root, const struct host_probe_subject *subject, char *found, size_t size,
                   struct err *e)
{
    (void)subject;
    autofree char *group = docker_daemon_cgroup(root);
    int version = docker_freezer_try(group, e);
    if (version < 0)
        return version;
    snprintf(found, size, "control groups version %d stopped a process and let it go on", version);
    return 0;
}

int host_probe_freezer(const struct host_probe *probe, const struct host_probe_subject *subject, char *found,
                       size_t size, struct err *e)
{
    (void)probe;
    return with_root(freezer, subject, found, size, e);
}
