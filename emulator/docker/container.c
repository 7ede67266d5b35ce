#include "container.h"
#include "files.h"
#include "lazy_pages.h"
#include "mem.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { INSIST_EVERY_MS = 20 };

static char **environment_of(const struct docker_service *s)
{
    char **list = mem_alloc_array(11, sizeof *list);
    list[0] = mem_printf("ROAMLAB_ADDRESS=%s", s->address);
    list[1] = mem_printf("ROAMLAB_PORT=%u", s->port);
    list[2] = mem_printf("ROAMLAB_SEED=%llu", (unsigned long long)s->seed);
    list[3] = mem_printf("ROAMLAB_MUD=%u", s->mud);
    list[4] = mem_printf("ROAMLAB_MEMORY_PAGES=%u", s->memory_pages);
    list[5] = mem_printf("ROAMLAB_LAYER_PAGES=%u", s->layer_pages);
    list[6] = mem_printf("ROAMLAB_WORK_US=%u", s->work_us);
    list[7] = mem_printf("ROAMLAB_REPLY_BYTES=%u", s->reply_bytes);
    list[8] = mem_printf("ROAMLAB_WINDOW=%u", s->window);
    list[9] = mem_printf("ROAMLAB_VOLUME_PAGES=%u", s->volume_pages);
    return list;
}

void docker_container_init(struct docker_container *c, struct docker_daemon *d,
                           const struct docker_container_options *o)
{
    *c = (struct docker_container){.daemon = d};
    c->name = mem_copy_string(o->name);
    c->run = mem_copy_string(o->run);
    c->image = mem_copy_string(o->image);
    c->volume = mem_copy_string(o->volume);
    c->environment = environment_of(&o->service);
}

void docker_container_free(struct docker_container *c)
{
    process_kill(&c->dumper);
    docker_pager_free(c);
    for (int i = 0; c->environment && c->environment[i]; i++)
        free(c->environment[i]);
    free(c->environment);
    free(c->name);
    free(c->run);
    free(c->image);
    free(c->volume);
    free(c->id);
    free(c->image_id);
    free(c->upper);
    free(c->freezer);
    *c = (struct docker_container){0};
}

static void forget_process(struct docker_container *c)
{
    c->pid = 0;
    c->frozen = c->restoring = false;
    free(steal(c->freezer));
}

/* The host's network, no capabilities, no limits. Without a seccomp filter, as CRIU would have to carry it
 * along. No /dev/shm, and of what Docker hides of the host by default, only the files: for each folder CRIU
 * would archive an empty file system while the container is frozen. */
static struct json_object *host_configuration(const struct docker_container *c)
{
    struct json_object *o = json_tokener_parse("{\"IpcMode\": \"none\", \"CapDrop\": [\"ALL\"], \"SecurityOpt\": "
                           "[\"seccomp=unconfined\", \"no-new-privileges\"], \"MaskedPaths\": "
                           "[\"/proc/kcore\", \"/proc/keys\", \"/proc/latency_stats\", \"/proc/timer_list\", "
                           "\"/proc/sched_debug\"]}");
    json_object_object_add(o, "NetworkMode", json_object_new_string(c->daemon->network));
    if (!c->volume)
        return o;
    struct json_object *binds = json_object_new_array();
    autofree char *bind = mem_printf("%s:/volume", c->volume);
    json_object_array_add(binds, json_object_new_string(bind));
    json_object_object_add(o, "Binds", binds);
    return o;
}

static struct json_object *description(const struct docker_container *c, const char *image)
{
    struct json_object *o = json_object_new_object(), *labels = json_object_new_object(),
                       *environment = json_object_new_array();
    for (int i = 0; c->environment[i]; i++)
        json_object_array_add(environment, json_object_new_string(c->environment[i]));
    json_object_object_add(labels, "roamlab.run", json_object_new_string(c->run));
    json_object_object_add(o, "Image", json_object_new_string(image));
    json_object_object_add(o, "Env", environment);
    json_object_object_add(o, "Labels", labels);
    json_object_object_add(o, "HostConfig", host_configuration(c));
    return o;
}

static int created(struct docker_job *job, int status, struct json_object *answer, struct err *e)
{
    struct json_object *id;
    if (status < 0)
        return status;
    if (!json_object_object_get_ex(answer, "Id", &id))
        return err_set(e, EPROTO, "docker: the answer to create has no Id");
    free(job->container->id);
    job->container->id = mem_copy_string(json_object_get_string(id));
    return 0;
}

int docker_step_create(struct docker_job *job, struct err *e)
{
    struct docker_container *c = job->container;
    struct json_object *body = description(c, job->image ? job->image : c->image);
    int status = docker_job_request(job, created, "POST", body, e, "/containers/create?name=%s", c->name);
    json_object_put(body);
    return status;
}

static struct json_object *member(struct json_object *o, const char *a, const char *b, const char *c)
{
    const char *const names[] = {a, b, c};
    for (size_t i = 0; i < ARRAY_LEN(names) && names[i]; i++)
        if (!json_object_object_get_ex(o, names[i], &o))
            return NULL;
    return o;
}

static int inspected(struct docker_job *job, int status, struct json_object *answer, struct err *e)
{
    struct docker_container *c = job->container;
    if (status < 0)
        return status;
    const char *upper = json_object_get_string(member(answer, "GraphDriver", "Data", "UpperDir"));
    if (!upper) {
        err_set(e, EOPNOTSUPP, "docker: the Engine does not name the container layer's folder");
        return err_hint(e, "use a dockerd with the overlay2 storage driver");
    }
    free(c->upper);
    c->upper = mem_copy_string(upper);
    free(c->image_id);
    c->image_id = mem_copy_string(json_object_get_string(member(answer, "Image", NULL, NULL)));
    c->pid = json_object_get_int(member(answer, "State", "Pid", NULL));
    return 0;
}

int docker_step_inspect(struct docker_job *job, struct err *e)
{
    return docker_job_request(job, inspected, "GET", NULL, e, "/containers/%s/json", job->container->name);
}

static int step_start(struct docker_job *job, struct err *e)
{
    return docker_job_request(job, NULL, "POST", NULL, e, "/containers/%s/start", job->container->name);
}

int docker_step_running(struct docker_job *job, struct err *e)
{
    struct docker_container *c = job->container;
    if (!c->pid)
        return err_set(e, ESRCH, "the service ended at once (docker logs %s)", c->name);
    free(steal(c->freezer));
    c->freezer = docker_freezer_of(c->pid, e);
    return c->freezer ? DOCKER_STEP_DONE : -e->code;
}

/* Pids come again: only a process that is still in this container's control group is killed. */
static bool still_ours(const struct docker_container *c)
{
    autofree char *path = mem_printf("/proc/%d/cgroup", c->pid);
    struct buf text = BUF_INIT;
    bool ours = c->pid && c->id && files_read(path, 0, &text, NULL) == 0 && strstr(buf_text(&text), c->id);
    buf_free(&text);
    return ours;
}

/* SIGKILL first, then thaw: a frozen container ends without executing anything more. The control group of
 * one that was not frozen may be gone by then, so that nothing is said about a thaw that fails. */
int docker_step_kill(struct docker_job *job, struct err *e)
{
    (void)e;
    struct docker_container *c = job->container;
    if (still_ours(c)) {
        kill(c->pid, SIGKILL);
        if (c->freezer)
            docker_freezer_set(c->freezer, false, NULL);
    }
    if (c->restoring)
        docker_shim_kill(c);
    docker_pager_free(c);
    forget_process(c);
    return DOCKER_STEP_DONE;
}

static int absent_is_good(struct docker_job *job, int status, struct json_object *answer, struct err *e)
{
    (void)job, (void)answer, (void)e;
    return status == -ENOENT ? 0 : status;
}

static int removal_answered(struct docker_job *job, int status, struct json_object *answer, struct err *e)
{
    job->refused = status == -EEXIST;
    return job->refused ? 0 : absent_is_good(job, status, answer, e);
}

static int step_delete(struct docker_job *job, struct err *e)
{
    return docker_job_request(job, removal_answered, "DELETE", NULL, e, "/containers/%s?force=1&v=1",
                              job->container->name);
}

static void delete_again(struct timer *timer)
{
    struct docker_job *job = container_of(timer, struct docker_job, timer);
    job->step -= 2;
    docker_job_go(job, 0, NULL);
}

/* Behind step_delete: the Engine may be at it already, for an agent that was killed (409). That may end well, or fail and leave the rest to us. */
static int step_insist(struct docker_job *job, struct err *e)
{
    (void)e;
    if (!job->refused)
        return DOCKER_STEP_DONE;
    job->timer.fire = delete_again;
    loop_arm_after(job->daemon->loop, &job->timer, simtime_ms(INSIST_EVERY_MS));
    return DOCKER_STEP_WAITS;
}

static int step_wait(struct docker_job *job, struct err *e)
{
    return docker_job_request(job, NULL, "POST", NULL, e, "/containers/%s/wait?condition=not-running",
                              job->container->name);
}

static int step_delete_image(struct docker_job *job, struct err *e)
{
    if (!job->image)
        return DOCKER_STEP_DONE;
    return docker_job_request(job, absent_is_good, "DELETE", NULL, e, "/images/%s?force=1", job->image);
}

static int remove_files(struct background *b, struct err *e)
{
    struct docker_job *job = container_of(b, struct docker_job, background);
    docker_checkpoint_forget(job->container);
    return job->spool ? files_remove(job->spool, e) : 0;
}

static int step_remove_files(struct docker_job *job, struct err *e)
{
    return docker_job_background(job, remove_files, e);
}

int docker_step_make_spool(struct docker_job *job, struct err *e)
{
    int status = files_make_folder(job->spool, 0700, e);
    return status < 0 ? status : DOCKER_STEP_DONE;
}

void docker_container_start(struct docker_container *c, struct docker_job *job, const char *image)
{
    static const docker_step steps[] = {docker_step_create, step_start, docker_step_inspect,
                                        docker_step_running, NULL};
    job->image = mem_copy_string(image);
    docker_job_start(job, c, "start", steps);
}

/* Stays without id if there is none. */
static int adopted(struct docker_job *job, int status, struct json_object *answer, struct err *e)
{
    if (status == -ENOENT)
        return 0;
    if (status == 0)
        status = created(job, status, answer, e);
    return status == 0 ? inspected(job, status, answer, e) : status;
}

static int step_adopt(struct docker_job *job, struct err *e)
{
    return docker_job_request(job, adopted, "GET", NULL, e, "/containers/%s/json", job->container->name);
}

static int step_find_freezer(struct docker_job *job, struct err *e)
{
    return job->container->pid ? docker_step_running(job, e) : DOCKER_STEP_DONE;
}

void docker_container_adopt(struct docker_container *c, struct docker_job *job)
{
    static const docker_step steps[] = {step_adopt, step_find_freezer, NULL};
    docker_job_start(job, c, "adopt", steps);
}

void docker_container_halt(struct docker_container *c, struct docker_job *job)
{
    static const docker_step steps[] = {docker_step_kill, step_wait, NULL};
    docker_job_start(job, c, "halt", steps);
}

void docker_container_discard(struct docker_container *c, struct docker_job *job, const char *image,
                              const char *spool)
{
    static const docker_step steps[] = {docker_step_kill,  step_delete,       step_insist,
                                        step_delete_image, step_remove_files, NULL};
    job->image = mem_copy_string(image);
    job->spool = mem_copy_string(spool);
    docker_job_start(job, c, "discard", steps);
}
