/* Engines of the user's (hosts.NAME.docker), each tried by what a migration does there: a container of the service is dumped, and its processes
 * come back in another one. */
#include "users_engine.h"
#include "container.h"
#include "host_probe.h"
#include "image.h"
#include "mem.h"
#include "namespace.h"
#include "premises.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define USUAL_ENGINE "unix:///var/run/docker.sock"

struct trial;
typedef int trial_step(struct trial *t, struct err *e);

struct trial {
    struct clock clock;
    struct loop *loop;
    struct docker_address address;
    const char *program, *folder, *run, *net_namespace;
    struct docker_daemon daemon;
    struct image image;
    struct image_install install;
    struct docker_container container;
    struct docker_job job;
    int step;
    struct err err; /* the first */
};

static void go_on(struct trial *t, int status, const struct err *e);

static void daemon_done(struct docker_daemon *d, int status, const struct err *e)
{
    go_on(container_of(d, struct trial, daemon), status, e);
}

static int open_engine(struct trial *t, struct err *e)
{
    const struct daemon_options options = {.root = t->folder, .dump_namespace = "/proc/self/ns/net"};
    t->daemon.done = daemon_done;
    return docker_users_engine_open(&t->daemon, t->loop, &options, &t->address, e);
}

static void image_done(struct image *image, int status, const struct err *e)
{
    go_on(container_of(image, struct trial, image), status, e);
}

static int make_image(struct trial *t, struct err *e)
{
    const struct image_options options = {.cache = PREMISES_IMAGE_CACHE, .program = t->program};
    t->image.done = image_done;
    return image_prepare(&t->image, t->loop, &options, e);
}

static void install_done(struct image_install *install, int status, uint64_t bytes, const struct err *e)
{
    (void)bytes;
    go_on(container_of(install, struct trial, install), status, e);
}

static int install(struct trial *t, struct err *e)
{
    t->install.done = install_done;
    return image_install(&t->install, t->daemon.api, &t->image, e);
}

static int settle(struct trial *t, struct err *e)
{
    autofree char *name = mem_printf("roamlab-%s", t->run);
    return docker_users_engine_settle(
        &t->daemon, &(struct docker_settlement){t->run, name, t->image.name, t->net_namespace}, e);
}

static void job_done(struct docker_job *job, int status, uint64_t bytes, const struct err *e)
{
    (void)bytes;
    go_on(container_of(job, struct trial, job), status, e);
}

static void describe(struct trial *t)
{
    autofree char *name = mem_printf("roamlab-%s-trial", t->run);
    const struct docker_container_options options = {
        .name = name,
        .run = t->run,
        .image = t->image.name,
        .service = {.address = "0.0.0.0", .port = 7000, .memory_pages = 1, .layer_pages = 1, .window = 1}};
    docker_container_free(&t->container);
    docker_container_init(&t->container, &t->daemon, &options);
    t->job.done = job_done;
}

static int start(struct trial *t, struct err *e)
{
    (void)e;
    describe(t);
    docker_container_start(&t->container, &t->job, NULL);
    return 0;
}

static int dump(struct trial *t, struct err *e)
{
    (void)e;
    docker_container_dump(&t->container, &t->job, t->folder);
    return 0;
}

static int take_layer(struct trial *t, struct err *e)
{
    (void)e;
    docker_container_take_layer(&t->container, &t->job, t->folder);
    return 0;
}

static int discard(struct trial *t, struct err *e)
{
    (void)e;
    docker_container_discard(&t->container, &t->job, NULL, NULL);
    return 0;
}

static int create(struct trial *t, struct err *e)
{
    (void)e;
    describe(t);
    docker_container_create(&t->container, &t->job, NULL, t->folder);
    return 0;
}

static int restore(struct trial *t, struct err *e)
{
    (void)e;
    docker_container_restore(&t->container, &t->job, t->folder);
    return 0;
}

static trial_step *const steps[] = {open_engine, make_image, install, settle, start,
                                    dump,        take_layer, discard, create, restore};

static void stopped(struct docker_daemon *d, int status, const struct err *e)
{
    struct trial *t = container_of(d, struct trial, daemon);
    if (status < 0 && !t->err.code)
        t->err = *e;
    loop_stop(t->loop);
}

static void stop(struct trial *t)
{
    t->daemon.done = stopped;
    if (t->daemon.loop)
        docker_daemon_stop(&t->daemon, false);
    else
        loop_stop(t->loop);
}

static void go_on(struct trial *t, int status, const struct err *e)
{
    struct err err = ERR_INIT;
    bool last = t->step == (int)ARRAY_LEN(steps);
    if (status == 0 && !last) {
        status = steps[t->step++](t, &err);
        e = &err;
        if (status == 0)
            return;
    }
    if (status < 0)
        t->err = *e;
    stop(t);
}

static int play(struct trial *t, char version[64], struct err *e)
{
    t->clock = clock_wall(SIMTIME_ZERO);
    t->loop = loop_new(&t->clock, e);
    if (!t->loop)
        return -e->code;
    go_on(t, 0, NULL);
    int status = host_probe_play(t->loop, e);
    snprintf(version, 64, "%s", t->daemon.version);
    docker_job_cancel(&t->job);
    image_install_cancel(&t->install);
    docker_container_free(&t->container);
    docker_daemon_free(&t->daemon);
    image_free(&t->image);
    loop_free(t->loop);
    if (status == 0)
        *e = t->err;
    return status < 0 ? status : -t->err.code;
}

/* Before anything is written down that only it could take back. *id is the caller's. */
static int identify(const struct docker_address *address, char **id, struct err *e)
{
    struct docker_endpoint *endpoint = docker_endpoint_new(address, e);
    struct json_object *info = NULL, *value = NULL;
    int status = endpoint ? docker_endpoint_call(endpoint, "GET", NULL, &info, e, "/info") : -e->code;
    json_object_object_get_ex(info, "ID", &value);
    *id = mem_copy_string(json_object_get_string(value));
    json_object_put(info);
    docker_endpoint_free(endpoint);
    return status < 0 ? err_wrap(e, "%s", address->url) : 0;
}

static int attempt(const struct docker_address *address, const char *program, char version[64], struct err *e)
{
    struct journal *journal = host_probe_journal(e);
    if (!journal)
        return -e->code;
    autofree char *name = mem_printf("roamlab-%s", journal_run(journal)), *path = namespace_path(name);
    struct trial t = {.address = *address,
                      .program = program,
                      .folder = journal_folder(journal),
                      .run = journal_run(journal),
                      .net_namespace = path};
    int status = journal_record(journal, "netns", name, e);
    if (status == 0)
        status = namespace_create(name, e);
    if (status == 0)
        status = world_real_record_guest(journal, address, e);
    if (status == 0)
        status = play(&t, version, e);
    return host_probe_end(journal, status,
                          "leave hosts.NAME.docker out: roamlab then starts an Engine of its own", e);
}

static bool is_here(const struct host_probe_subject *subject, int host)
{
    return subject->here ? subject->here[host] : !subject->scenario->hosts[host].ssh;
}

/* The result says beside the Docker that is installed which one a host's is. */
static void note_version(struct world_real_facts *f, const char *host, const char *version)
{
    size_t used = strlen(f->runtime.docker_version);
    snprintf(f->runtime.docker_version + used, sizeof f->runtime.docker_version - used, ", %s: %s", host,
             version);
}

static struct docker_address address_of(const struct scenario_host *host)
{
    return (struct docker_address){.url = host->docker, .certificates = host->docker_certs};
}

/* Whatever it is, this machine does not have it. */
static int lacks(const struct scenario_host *host, int status, struct err *e)
{
    if (status == 0 || status == -EINTR)
        return status;
    e->code = EOPNOTSUPP;
    return err_wrap(e, "hosts.%s.docker", host->name);
}

/* Two edge servers would find each other's images at the same Engine, which may be named in several ways. */
static int check_apart(const struct scenario_host *hosts, int host, char **ids, struct err *e)
{
    struct docker_address address = address_of(&hosts[host]);
    int status = identify(&address, &ids[host], e);
    for (int i = 0; i < host && status == 0; i++)
        if (ids[i] && ids[host] && !strcmp(ids[i], ids[host])) {
            status = err_set(e, EOPNOTSUPP, "is host %s's Engine, too", hosts[i].name);
            err_hint(e, "one host an Engine: leave docker out of the others, and each gets an Engine of roamlab's");
        }
    return lacks(&hosts[host], status, e);
}

static int attempt_host(const struct host_probe_subject *subject, const struct scenario_host *host, char version[64],
                        struct err *e)
{
    struct docker_address address = address_of(host);
    int status = attempt(&address, subject->program, version, e);
    if (status == 0)
        note_version(subject->facts, host->name, version);
    return lacks(host, status, e);
}

static int attempt_hosts(const struct host_probe_subject *subject, char version[64], struct err *e)
{
    const struct scenario *s = subject->scenario;
    char **ids = mem_alloc_array((size_t)s->host_count, sizeof *ids);
    int status = 0;
    for (int i = 0; i < s->host_count && status == 0; i++)
        if (s->hosts[i].docker && is_here(subject, i))
            status = check_apart(s->hosts, i, ids, e);
    for (int i = 0; i < s->host_count; i++) {
        if (s->hosts[i].docker && is_here(subject, i) && status == 0)
            status = attempt_host(subject, &s->hosts[i], version, e);
        free(ids[i]);
    }
    free(ids);
    return status;
}

static int attempt_usual(const struct host_probe_subject *subject, char version[64], struct err *e)
{
    const struct docker_address address = {.url = USUAL_ENGINE};
    autofree char *id = NULL;
    int status = identify(&address, &id, e);
    return status == 0 ? attempt(&address, subject->program, version, e) : status;
}

int host_probe_users_engine(const struct host_probe *probe, const struct host_probe_subject *subject,
                            char *found, size_t size, struct err *e)
{
    char version[64] = "";
    int status = subject->scenario ? attempt_hosts(subject, version, e) : attempt_usual(subject, version, e);
    (void)probe;
    snprintf(found, size, "Docker %s dumped and restored a container", version);
    return status;
}
