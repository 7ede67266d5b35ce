#include "users_engine.h"
#include "container.h"
#include "files.h"
#include "mem.h"
#include "root.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { JOIN_SECONDS = 60, REMOVE_SECONDS = 60, LOOK_EVERY_US = 10000 };

struct docker_users_engine {
    struct docker_endpoint *endpoint; /* owned, as all */
    char *url;
    char *run, *name, *image, *net_namespace; /* of the settlement */
    char *anchor;                             /* id of its container */
};

static const char *text_of(struct json_object *o, const char *a, const char *b)
{
    json_object_object_get_ex(o, a, &o);
    if (b && o)
        json_object_object_get_ex(o, b, &o);
    const char *text = json_object_get_string(o);
    return text ? text : "";
}

/* --- who it is --------------------------------------------------------------------------------------------------------------------------- */

static bool has_security_option(struct json_object *info, const char *name)
{
    struct json_object *list = NULL;
    json_object_object_get_ex(info, "SecurityOptions", &list);
    for (size_t i = 0; json_object_is_type(list, json_type_array) && i < json_object_array_length(list); i++) {
        const char *option = json_object_get_string(json_object_array_get_idx(list, i));
        if (option && !strncmp(option, name, strlen(name)))
            return true;
    }
    return false;
}

static int judge(struct json_object *info, struct err *e)
{
    const char *version = text_of(info, "ServerVersion", NULL), *driver = text_of(info, "Driver", NULL),
               *runtime = text_of(info, "DefaultRuntime", NULL);
    struct json_object *experimental = NULL;
    json_object_object_get_ex(info, "ExperimentalBuild", &experimental);
    if (strcmp(driver, "overlay2") != 0) {
        err_set(e, EOPNOTSUPP, "Docker %s has the storage driver %s", version, driver);
        return err_hint(
            e,
            "overlay2 is needed: \"storage-driver\" in /etc/docker/daemon.json, or leave hosts.NAME.docker out");
    }
    if (!json_object_get_boolean(experimental)) {
        err_set(e, EOPNOTSUPP, "Docker %s makes no checkpoints: it is not experimental", version);
        return err_hint(e,
                        "\"experimental\": true in /etc/docker/daemon.json, or leave hosts.NAME.docker out");
    }
    if (strcmp(runtime, "runc") != 0 || has_security_option(info, "name=rootless") ||
        has_security_option(info, "name=userns")) {
        err_set(e, EOPNOTSUPP, "Docker %s runs containers by %s%s", version, runtime,
                strcmp(runtime, "runc") ? "" : ", not as root");
        return err_hint(e,
                        "runc as root, without user namespaces, is needed, or leave hosts.NAME.docker out");
    }
    return 0;
}

static int get_acquainted(struct background *b, struct err *e)
{
    struct docker_daemon *d = container_of(b, struct docker_daemon, background);
    struct json_object *info = NULL;
    int status = docker_endpoint_call(d->users_engine->endpoint, "GET", NULL, &info, e, "/info");
    if (status == 0 && !info)
        status = err_set(e, EPROTO, "its answer is no Docker Engine's");
    if (status == 0)
        status = judge(info, e);
    if (status == 0) {
        snprintf(d->version, sizeof d->version, "%s", text_of(info, "ServerVersion", NULL));
        d->places.data = mem_copy_string(text_of(info, "DockerRootDir", NULL));
    }
    json_object_put(info);
    return status < 0 ? err_wrap(e, "%s", d->users_engine->url) : 0;
}

static void acquainted(struct background *b, int status, const struct err *e)
{
    struct docker_daemon *d = container_of(b, struct docker_daemon, background);
    struct err copy = *e;
    d->done(d, status, &copy);
}

int docker_users_engine_open(struct docker_daemon *d, struct loop *loop, const struct daemon_options *options,
                             const struct docker_address *address, struct err *e)
{
    d->loop = loop;
    d->root = mem_copy_string(options->root);
    d->dump_namespace = mem_copy_string(options->dump_namespace);
    d->users_engine = mem_alloc(sizeof *d->users_engine);
    d->users_engine->url = mem_copy_string(address->url);
    d->users_engine->endpoint = docker_endpoint_new(address, e);
    d->api = d->users_engine->endpoint ? docker_api_new(loop, address, e) : NULL;
    int status = d->api ? docker_root_configure_criu(d->root, true, NULL, e) : -e->code;
    d->background.done = acquainted;
    if (status == 0)
        status = background_start(loop, &d->background, get_acquainted, e);
    if (status < 0)
        docker_daemon_free(d);
    return status;
}

/* --- the anchor -------------------------------------------------------------------------------------------------------------------------- */

static struct json_object *describe_anchor(const struct docker_users_engine *a)
{
    autofree char *bind = mem_printf("%s:/netns", a->net_namespace);
    struct json_object *o = json_tokener_parse(
        "{\"Cmd\": [\"/service\", \"--join\", \"/netns\"], \"HostConfig\": {\"NetworkMode\": \"host\","
        " \"CapDrop\": [\"ALL\"], \"CapAdd\": [\"SYS_ADMIN\"]}}");
    struct json_object *labels = json_object_new_object(), *binds = json_object_new_array(), *host = NULL;
    json_object_object_get_ex(o, "HostConfig", &host);
    json_object_array_add(binds, json_object_new_string(bind));
    json_object_object_add(host, "Binds", binds);
    json_object_object_add(labels, "roamlab.run", json_object_new_string(a->run));
    json_object_object_add(o, "Labels", labels);
    json_object_object_add(o, "Image", json_object_new_string(a->image));
    return o;
}

static int start_anchor(struct docker_users_engine *a, struct err *e)
{
    struct json_object *description = describe_anchor(a), *answer = NULL;
    int status = docker_endpoint_call(a->endpoint, "POST", description, &answer, e,
                                      "/containers/create?name=%s", a->name);
    if (status == 0) {
        a->anchor = mem_copy_string(text_of(answer, "Id", NULL));
        status = docker_endpoint_call(a->endpoint, "POST", NULL, NULL, e, "/containers/%s/start", a->name);
    }
    json_object_put(description);
    json_object_put(answer);
    return status;
}

/* 0 = it does not run. */
static int process_of(const struct docker_endpoint *endpoint, const char *id, pid_t *pid, struct err *e)
{
    struct json_object *answer = NULL;
    int status = docker_endpoint_call(endpoint, "GET", NULL, &answer, e, "/containers/%s/json", id);
    *pid = (pid_t)strtol(text_of(answer, "State", "Pid"), NULL, 10);
    json_object_put(answer);
    return status;
}

/* A container that is no process of this machine is another's. */
static bool is_here(const char *id, pid_t pid)
{
    autofree char *path = mem_printf("/proc/%d/cgroup", pid);
    struct buf text = BUF_INIT;
    bool here = pid && files_read(path, 0, &text, NULL) == 0 && strstr(buf_text(&text), id);
    buf_free(&text);
    return here;
}

static bool has_joined(const struct docker_users_engine *a, pid_t pid)
{
    struct stat wanted, has;
    autofree char *path = mem_printf("/proc/%d/ns/net", pid);
    return stat(a->net_namespace, &wanted) == 0 && stat(path, &has) == 0 && wanted.st_ino == has.st_ino;
}

static int await_anchor(const struct docker_users_engine *a, pid_t *pid, struct background *b, struct err *e)
{
    int status = process_of(a->endpoint, a->anchor, pid, e);
    if (status < 0)
        return status;
    if (*pid && !is_here(a->anchor, *pid)) {
        err_set(e, EOPNOTSUPP, "its containers are no processes of this machine");
        return err_hint(e, "name the Engine of the machine that plays the host: with ssh, its own");
    }
    struct simtime give_up = simtime_add(clock_monotonic(), simtime_s(JOIN_SECONDS));
    while (!has_joined(a, *pid)) {
        if (background_cancelled(b))
            return err_set(e, ECANCELED, "called off");
        if (!*pid || kill(*pid, 0) < 0 || simtime_before(give_up, clock_monotonic()))
            return err_set(e, EIO, "container %s cannot join %s", a->name, a->net_namespace);
        usleep(LOOK_EVERY_US);
    }
    return 0;
}

static int settle(struct background *b, struct err *e)
{
    struct docker_daemon *d = container_of(b, struct docker_daemon, background);
    struct docker_users_engine *a = d->users_engine;
    struct docker_places places = {0};
    pid_t pid;
    int status = start_anchor(a, e);
    if (status == 0)
        status = await_anchor(a, &pid, b, e);
    if (status == 0)
        status = docker_places_find(&places, pid, d->places.data, e);
    if (status < 0)
        return err_wrap(e, "%s", a->url);
    docker_places_free(&d->places);
    d->places = places;
    d->path = mem_copy_string(places.path);
    d->network = mem_printf("container:%s", a->anchor);
    return 0;
}

int docker_users_engine_settle(struct docker_daemon *d, const struct docker_settlement *s, struct err *e)
{
    struct docker_users_engine *a = d->users_engine;
    a->run = mem_copy_string(s->run);
    a->name = mem_copy_string(s->name);
    a->image = mem_copy_string(s->image);
    a->net_namespace = mem_copy_string(s->net_namespace);
    d->background.done = acquainted;
    return background_start(d->loop, &d->background, settle, e);
}

/* --- the end ----------------------------------------------------------------------------------------------------------------------------- */

struct cleaning {
    const struct docker_endpoint *endpoint;
    char *tmp; /* the Engine's temporary folder; owned, NULL = unknown */
};

/* Calls `with` for each of the listed things that bear the label, until one fails. */
static int each_labelled(struct cleaning *c, const char *list, const char *label, const char *value,
                         int (*with)(struct cleaning *c, const char *id, struct err *e), struct err *e)
{
    struct json_object *things = NULL;
    int status = docker_endpoint_call(
        c->endpoint, "GET", NULL, &things, e,
        "/%s/json?all=1&filters=%%7B%%22label%%22%%3A%%5B%%22%s%%3D%s%%22%%5D%%7D", list, label, value);
    if (status == 0 && !json_object_is_type(things, json_type_array))
        status = err_set(e, EPROTO, "/%s/json: no list", list);
    for (size_t i = 0; status == 0 && i < json_object_array_length(things); i++)
        status = with(c, text_of(json_object_array_get_idx(things, i), "Id", NULL), e);
    json_object_put(things);
    return status;
}

static int unless(int status, int expected)
{
    return status == expected ? 0 : status;
}

/* A frozen container would not end: it is killed first and thawed then, so that it executes nothing more. */
static void end_process(pid_t pid)
{
    autofree char *freezer = docker_freezer_of(pid, NULL);
    kill(pid, SIGKILL);
    if (freezer)
        docker_freezer_set(freezer, false, NULL);
}

/* As long as it lives, its shim tells where the temporary folder is. */
static int end_container(struct cleaning *c, const char *id, struct err *e)
{
    struct docker_places places = {0};
    pid_t pid = 0;
    int status = process_of(c->endpoint, id, &pid, e);
    if (!is_here(id, pid))
        return unless(status, -ENOENT);
    if (!c->tmp && docker_places_find(&places, pid, "", NULL) == 0)
        c->tmp = mem_copy_string(places.tmp);
    docker_places_free(&places);
    end_process(pid);
    return 0;
}

/* Good if it is not there. What the Engine is at work on, such as another one's removal of the same, is asked for again. */
static int remove_thing(const struct cleaning *c, const char *list, const char *id, const char *how, struct err *e)
{
    struct simtime give_up = simtime_add(clock_monotonic(), simtime_s(REMOVE_SECONDS));
    int status;
    while ((status = docker_endpoint_call(c->endpoint, "DELETE", NULL, NULL, e, "/%s/%s?%s", list, id, how)) == -EEXIST &&
           simtime_before(clock_monotonic(), give_up))
        usleep(LOOK_EVERY_US);
    return unless(status, -ENOENT);
}

static int remove_container(struct cleaning *c, const char *id, struct err *e)
{
    return remove_thing(c, "containers", id, "force=1&v=1", e);
}

static int remove_image(struct cleaning *c, const char *id, struct err *e)
{
    return remove_thing(c, "images", id, "force=1", e);
}

/* Without force the Engine keeps an image of which there is a container. */
static int remove_unused_image(struct cleaning *c, const char *id, struct err *e)
{
    int status = docker_endpoint_call(c->endpoint, "DELETE", NULL, NULL, e, "/images/%s", id);
    return unless(unless(status, -ENOENT), -EEXIST);
}

static int clean(const struct docker_endpoint *endpoint, const char *run, struct err *e)
{
    struct cleaning c = {endpoint, NULL};
    autofree char *prefix = mem_printf("roamlab-roamlab-%s-", run);
    int status = each_labelled(&c, "containers", "roamlab.run", run, end_container, e);
    if (status == 0)
        status = each_labelled(&c, "containers", "roamlab.run", run, remove_container, e);
    if (status == 0)
        status = each_labelled(&c, "images", "roamlab.run", run, remove_image, e);
    if (status == 0)
        status = each_labelled(&c, "images", "roamlab.image", "service", remove_unused_image, e);
    docker_checkpoint_sweep(c.tmp ? c.tmp : "/tmp", prefix); /* containerd's default */
    free(c.tmp);
    return status;
}

int docker_users_engine_clean(const struct docker_address *address, const char *run, struct err *e)
{
    struct docker_endpoint *p = docker_endpoint_new(address, e);
    int status = p ? clean(p, run, e) : -e->code;
    docker_endpoint_free(p);
    return status < 0 ? err_wrap(e, "%s", address->url) : 0;
}

int docker_users_engine_leave(struct docker_users_engine *a, struct err *e)
{
    int status = a->run ? clean(a->endpoint, a->run, e) : 0;
    return status < 0 ? err_wrap(e, "%s", a->url) : 0;
}

void docker_users_engine_free(struct docker_users_engine *a)
{
    if (!a)
        return;
    docker_endpoint_free(a->endpoint);
    free(a->url);
    free(a->run);
    free(a->name);
    free(a->image);
    free(a->net_namespace);
    free(a->anchor);
    free(a);
}
