/* What an order asks of the Engine: the Docker job that it is, and on which container. */
#include "lazy_pages.h"
#include "mem.h"
#include "prepaging.h"
#include "real_internal.h"

#include <errno.h>

static void docker_done(struct docker_job *job, int status, uint64_t bytes, const struct err *e)
{
    struct real_order *o = container_of(job, struct real_order, job);
    struct real_container *c = real_container_about(o);
    struct err own = status < 0 ? *e : (struct err)ERR_INIT;
    if (bytes)
        o->bytes += (int64_t)bytes;
    if (c && status < 0)
        real_pages_end(c, &own);
    real_order_step_done(o, status, &own);
}

static bool commits(const struct real *real)
{
    return strategy_has(real->options.strategy, OP_COMMIT);
}

bool real_layer_comes_later(const struct real *real)
{
    return strategy_has(real->options.strategy, OP_PUT_LAYER);
}

static char *commit_image(const struct real_order *o)
{
    return commits(o->real) ? mem_printf("roamlab/commit:%s-m%u-%u", o->real->options.run, o->order.mud,
                                         o->order.migration)
                            : NULL;
}

static bool about_files_alone(const struct real_order *o)
{
    return o->order.operation == OP_DISCARD && o->order.container != o->order.migration;
}

struct real_container *real_container_for(struct real_order *o)
{
    struct real_container *c = real_find_container(o->real, o->order.mud, o->order.container);
    bool brings = o->order.operation == OP_START || o->order.operation == OP_LOAD ||
                  o->order.operation == OP_LOAD_BASE || o->order.operation == OP_CREATE;
    return c || !brings ? c : real_add_container(o->real, o->order.mud, o->order.container);
}

struct real_container *real_container_about(const struct real_order *o)
{
    return about_files_alone(o) ? NULL : real_find_container(o->real, o->order.mud, o->order.container);
}

/* The container that a step needs. */
static struct docker_container *needed(struct real_order *o, struct err *e)
{
    struct real_container *c = real_container_for(o);
    o->job.done = docker_done;
    if (!c)
        err_set(e, ENOENT, "no container of device %u, migration %u", o->order.mud, o->order.container);
    return c ? &c->docker : NULL;
}

bool real_tracks_pages(const struct real_order *o)
{
    return o->real->options.tracks_pages && strategy_dumps_again(o->real->options.strategy);
}

static void dump(struct real_order *o, struct docker_container *c, const char *memory)
{
    autofree char *parent = mem_printf("../../m%u-%u.seed/memory", o->order.mud, o->order.migration);
    if (real_tracks_pages(o))
        docker_container_dump_since(c, &o->job, memory, parent);
    else
        docker_container_dump(c, &o->job, memory);
}

static void load(struct real_order *o, struct docker_container *c, const char *files)
{
    autofree char *archive = mem_printf("%s/image.tar", files);
    docker_container_load(c, &o->job, archive);
}

static void restore_state(struct real_order *o, struct docker_container *c, const char *memory)
{
    int pages = prepaging_take_socket(real_container_about(o)->prepaging);
    docker_container_restore_state(c, &o->job, memory, pages);
}

/* The paths and names of the order's migration that some jobs want. */
struct belongings {
    const char *memory, *files;
    const char *image; /* that it commits, or NULL */
};

static bool begin_at_source(struct real_order *o, struct docker_container *c, const struct belongings *b)
{
    switch (o->order.operation) {
    case OP_FREEZE:
        docker_container_freeze(c, &o->job);
        return true;
    case OP_DUMP:
        dump(o, c, b->memory);
        return true;
    case OP_TAKE_LAYER:
        docker_container_take_layer(c, &o->job, b->files);
        return true;
    case OP_COMMIT:
        docker_container_commit(c, &o->job, b->image);
        return true;
    case OP_THAW:
        docker_container_thaw(c, &o->job);
        return true;
    case OP_HALT:
        docker_container_halt(c, &o->job);
        return true;
    case OP_REVIVE:
        docker_container_revive(c, &o->job, b->memory);
        return true;
    case OP_SAVE:
        docker_container_save(c, &o->job, b->image, b->files);
        return true;
    case OP_DUMP_STATE:
        docker_container_dump_state(c, &o->job, b->memory, real_pages_port(o));
        return true;
    case OP_SERVE_PAGES:
        docker_container_serve_pages(c, &o->job);
        return true;
    default:
        return false;
    }
}

static bool begin_at_target(struct real_order *o, struct docker_container *c, const struct belongings *b)
{
    switch (o->order.operation) {
    case OP_START:
        docker_container_start(c, &o->job, o->order.migration ? b->image : NULL);
        return true;
    case OP_LOAD:
        load(o, c, b->files);
        return true;
    case OP_CREATE:
        docker_container_create(c, &o->job, b->image, b->image || real_layer_comes_later(o->real) ? NULL : b->files);
        return true;
    case OP_PUT_LAYER:
        docker_container_put_layer(c, &o->job, b->files);
        return true;
    case OP_RESTORE:
        docker_container_restore(c, &o->job, b->memory);
        return true;
    case OP_RESTORE_STATE:
        restore_state(o, c, b->memory);
        return true;
    case OP_FETCH_PAGES:
        docker_container_fetch_pages(c, &o->job);
        return true;
    case OP_STOP:
    case OP_DISCARD:
        docker_container_discard(c, &o->job, b->image, NULL);
        return true;
    default:
        return false;
    }
}

int real_docker(struct real_order *o, struct err *e)
{
    const struct real_container *known = real_container_for(o);
    bool removes = o->order.operation == OP_DISCARD || o->order.operation == OP_STOP;
    if (about_files_alone(o) || (!known && removes))
        return 0;
    struct docker_container *c = needed(o, e);
    if (!c)
        return -e->code;
    autofree char *memory = real_files_path(o, ".memory"), *files = real_files_path(o, ".files"), *image = commit_image(o);
    const struct belongings b = {memory, files, image};
    return begin_at_source(o, c, &b) || begin_at_target(o, c, &b)
               ? 1
               : err_set(e, EINVAL, "%s is no Docker job", operation_name(o->order.operation));
}

int real_docker_seed(struct real_order *o, real_docker_writer *write, struct err *e)
{
    struct docker_container *c = needed(o, e);
    autofree char *folder = real_files_path(o, ".seed");
    if (!c)
        return -e->code;
    write(c, &o->job, folder);
    return 1;
}

int real_docker_hold(struct real_order *o, real_docker_holder *hold, struct err *e)
{
    struct docker_container *c = needed(o, e);
    if (!c)
        return -e->code;
    hold(c, &o->job);
    return 1;
}

void real_docker_release(struct real_order *o)
{
    struct real_container *c = real_container_for(o);
    if (!c || !c->docker.freezer)
        return;
    docker_freezer_set(c->docker.freezer, false, NULL);
    c->docker.frozen = false;
}

int real_docker_usage(struct real_order *o, struct err *e)
{
    const struct real_container *c = real_find_container(o->real, o->order.mud, o->order.container);
    struct docker_usage usage = {0};
    int status =
        c ? docker_container_usage(&c->docker, &usage, e) : err_set(e, ENOENT, "there is no such container");
    o->bytes = (int64_t)usage.memory_bytes;
    o->cpu_ns = (int64_t)usage.cpu_ns;
    return status;
}
