/* Container operations for real: each is a short plan of steps — an address, a Docker job, a file packed, sent or put in place, a question to the
 * service — one after the other.
 *
 * Files of migration G of device M in the spool folder: mM-G.memory/ (CRIU's images), mM-G.files/ (layer.tar, image.tar); on their way each is one
 * file, mM-G.memory.tar, mM-G.layer.tar, mM-G.image.tar, because every file costs a carrier round trips. */
#include "background.h"
#include "image.h"
#include "mem.h"
#include "real_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STEPS_MAX = 7, ASK_EVERY_MS = 10 };

enum step {
    STEP_END,
    STEP_DOCKER,       /* the job that the operation is */
    STEP_GIVE_ADDRESS, /* the container's, to this host */
    STEP_TAKE_ADDRESS,
    STEP_ASK,  /* until the service answers */
    STEP_PACK, /* memory/ into one file */
    STEP_UNPACK,
    STEP_STAGE, /* layer or image under the name in which it travels */
    STEP_UNSTAGE,
    STEP_SEND,
    STEP_SPOIL,   /* a fault of the scenario: the checkpoint becomes unusable */
    STEP_MEASURE, /* how well the files compressed, once a run */
    STEP_CLEAN,   /* the migration's files */
    STEP_FORGET,  /* the container */
};

static const uint8_t plans[OPERATIONS][STEPS_MAX] = {
    [OP_START] = {STEP_GIVE_ADDRESS, STEP_DOCKER, STEP_ASK},
    [OP_FREEZE] = {STEP_DOCKER},
    [OP_DUMP] = {STEP_DOCKER},
    [OP_TAKE_LAYER] = {STEP_DOCKER},
    [OP_COMMIT] = {STEP_DOCKER},
    [OP_THAW] = {STEP_DOCKER},
    [OP_HALT] = {STEP_DOCKER},
    [OP_SAVE] = {STEP_DOCKER},
    [OP_SEND_MEMORY] = {STEP_PACK, STEP_SEND},
    [OP_SEND_LAYER] = {STEP_STAGE, STEP_SEND},
    [OP_SEND_IMAGE] = {STEP_STAGE, STEP_SEND},
    [OP_LOAD] = {STEP_UNSTAGE, STEP_DOCKER},
    [OP_CREATE] = {STEP_UNSTAGE, STEP_DOCKER},
    [OP_RESTORE] = {STEP_UNPACK, STEP_SPOIL, STEP_GIVE_ADDRESS, STEP_DOCKER, STEP_ASK},
    [OP_STOP] = {STEP_MEASURE, STEP_DOCKER, STEP_TAKE_ADDRESS, STEP_CLEAN, STEP_FORGET},
    [OP_DISCARD] = {STEP_DOCKER, STEP_TAKE_ADDRESS, STEP_CLEAN, STEP_FORGET},
    [OP_REVIVE] = {STEP_DOCKER, STEP_ASK},
};

struct real_order {
    struct real_order *next;
    struct real *real;
    struct order order;
    int step;
    bool fails;
    int64_t bytes;
    struct err err;
    struct docker_job job;
    struct transfer_job transfer;
    struct process process;
    struct background background;
    struct real_ratios ratios; /* measured in the background */
    struct timer timer;        /* ends the order, or asks the service again */
    bool asking;
};

static void go_on(struct real_order *o);

/* --- the end of an order ------------------------------------------------------------------------------------------------------- */

static void finish(struct real_order *o)
{
    struct real *real = o->real;
    struct real_order **link = &real->orders;
    while (*link != o)
        link = &(*link)->next;
    *link = o->next;
    loop_cancel(real->loop, &o->timer);
    struct order order = o->order;
    struct err err = o->err;
    struct order_result result = {-err.code, o->bytes, err.code ? err.text : NULL};
    free(o);
    edge_operation_done(real->cast->edges[order.edge.index], &order, &result);
}

static void fail(struct real_order *o, const struct err *e)
{
    o->err = e && e->code ? *e : (struct err){.code = EIO, .text = "failed without a reason"};
    finish(o);
}

static void step_done(struct real_order *o, int status, const struct err *e)
{
    if (status < 0) {
        fail(o, e);
        return;
    }
    o->step++;
    go_on(o);
}

/* --- files ------------------------------------------------------------------------------------------------------------------------ */

static char *path_of_migration(const struct real_order *o, uint32_t migration, const char *suffix)
{
    return mem_printf("%s/m%u-%u%s", o->real->options.spool, o->order.mud, migration, suffix);
}

static char *spool_path(const struct real_order *o, const char *suffix)
{
    return path_of_migration(o, o->order.migration, suffix);
}

static void process_ended(struct process *process, int status)
{
    struct real_order *o = container_of(process, struct real_order, process);
    struct err e = ERR_INIT;
    if (status)
        err_set(&e, EIO, "%s: exit status %d", operation_name(o->order.operation), status);
    step_done(o, status ? -EIO : 0, &e);
}

static int run(struct real_order *o, const char *const *argv, struct err *e)
{
    struct process_options options = PROCESS_OPTIONS_INIT;
    options.argv = argv;
    o->process.ended = process_ended;
    int status = process_start(o->real->loop, &o->process, &options, e);
    return status < 0 ? status : 1;
}

static int pack(struct real_order *o, struct err *e)
{
    autofree char *folder = spool_path(o, ".memory"), *file = spool_path(o, ".memory.tar");
    return run(o, (const char *[]){"tar", "-C", folder, "-cf", file, "memory", NULL}, e);
}

static int unpack(struct real_order *o, struct err *e)
{
    autofree char *folder = spool_path(o, ".memory"), *file = spool_path(o, ".memory.tar");
    if (mkdir(folder, 0700) < 0 && errno != EEXIST)
        return err_errno(e, "%s", folder);
    return run(o, (const char *[]){"tar", "-C", folder, "-xf", file, NULL}, e);
}

/* The files of the migration, and of the one that brought the container: they go with it. */
static int clean(struct real_order *o, struct err *e)
{
    static const char *const suffixes[] = {".memory", ".memory.tar", ".files", ".layer.tar", ".image.tar"};
    enum { COUNT = ARRAY_LEN(suffixes) };
    const char *argv[2 + 2 * COUNT + 1] = {"rm", "-rf"};
    char *paths[2 * COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        argv[2 + i] = paths[i] = spool_path(o, suffixes[i]);
        argv[2 + COUNT + i] = paths[COUNT + i] = path_of_migration(o, o->order.container, suffixes[i]);
    }
    int status = run(o, argv, e);
    for (size_t i = 0; i < 2 * COUNT; i++)
        free(paths[i]);
    return status;
}

static const char *travelling_suffix(enum operation operation)
{
    return operation == OP_SEND_MEMORY  ? ".memory.tar"
           : operation == OP_SEND_LAYER ? ".layer.tar"
                                        : ".image.tar";
}

static int stage(struct real_order *o, struct err *e)
{
    const char *suffix = travelling_suffix(o->order.operation);
    autofree char *files = spool_path(o, ".files"), *to = spool_path(o, suffix);
    autofree char *from = mem_printf("%s/%s", files, suffix + 1);
    return rename(from, to) < 0 ? err_errno(e, "%s", from) : 0;
}

static int put_in_place(const char *from, const char *folder, const char *name, struct err *e)
{
    autofree char *to = mem_printf("%s/%s", folder, name);
    return rename(from, to) < 0 && errno != ENOENT ? err_errno(e, "%s", from) : 0;
}

static int unstage(struct real_order *o, struct err *e)
{
    autofree char *files = spool_path(o, ".files"), *layer = spool_path(o, ".layer.tar"),
                  *image = spool_path(o, ".image.tar");
    if (mkdir(files, 0700) < 0 && errno != EEXIST)
        return err_errno(e, "%s", files);
    int status = put_in_place(layer, files, "layer.tar", e);
    return status < 0 ? status : put_in_place(image, files, "image.tar", e);
}

/* Cuts the memory pages in half: CRIU reads them when it restores. */
static int spoil(struct real_order *o, struct err *e)
{
    if (!o->fails)
        return 0;
    autofree char *folder = spool_path(o, ".memory");
    autofree char *pages = mem_printf("%s/memory/pages-1.img", folder);
    struct stat st;
    if (stat(pages, &st) < 0 || truncate(pages, st.st_size / 2) < 0)
        return err_errno(e, "%s", pages);
    return 0;
}

static int compress_samples(struct background *background, struct err *e)
{
    struct real_order *o = container_of(background, struct real_order, background);
    enum { SAMPLE = 8 << 20 };
    autofree char *memory = spool_path(o, ".memory.tar"), *layer = spool_path(o, ".layer.tar");
    (void)e;
    zstd_ratio(memory, SAMPLE, &o->ratios.memory, NULL);
    if (!background_cancelled(background))
        zstd_ratio(layer, SAMPLE, &o->ratios.layer, NULL);
    return 0;
}

static void measured(struct background *background, int status, const struct err *e)
{
    struct real_order *o = container_of(background, struct real_order, background);
    struct real_ratios *ratios = &o->real->ratios;
    ratios->memory = o->ratios.memory ? o->ratios.memory : ratios->memory;
    ratios->layer = o->ratios.layer ? o->ratios.layer : ratios->layer;
    step_done(o, status, e);
}

/* Compressing takes as long as several round trips: not on the loop, where requests pass. */
static int measure(struct real_order *o, struct err *e)
{
    if (o->real->ratios.memory && o->real->ratios.layer)
        return 0;
    o->background.done = measured;
    int status = background_start(o->real->loop, &o->background, compress_samples, e);
    return status < 0 ? status : 1;
}

/* --- sending -------------------------------------------------------------------------------------------------------------------- */

static void sent(struct transfer_job *job, int status, const struct err *e)
{
    struct real_order *o = container_of(job, struct real_order, transfer);
    o->bytes = (int64_t)(job->wire_bytes ? job->wire_bytes : job->bytes);
    step_done(o, status, e);
}

static int send_file(struct real_order *o, struct err *e)
{
    const struct real_options *options = &o->real->options;
    uint32_t to = o->order.peer.index;
    autofree char *local = spool_path(o, travelling_suffix(o->order.operation));
    o->transfer.done = sent;
    int status = options->carrier->send(options->peers[to], &o->transfer, local, options->peer_spools[to], e);
    return status < 0 ? status : 1;
}

/* --- Docker --------------------------------------------------------------------------------------------------------------------- */

static void docker_done(struct docker_job *job, int status, uint64_t bytes, const struct err *e)
{
    struct real_order *o = container_of(job, struct real_order, job);
    if (bytes)
        o->bytes = (int64_t)bytes;
    step_done(o, status, e);
}

static bool commits(const struct real *real)
{
    return strategy_has(strategy_of(real->cast->strategy_name), OP_COMMIT);
}

static char *commit_image(const struct real_order *o)
{
    return commits(o->real) ? mem_printf("roamlab/commit:%s-m%u-%u", o->real->options.run, o->order.mud,
                                         o->order.migration)
                            : NULL;
}

/* START, and what a target does first, bring a new container; DISCARD may be about files alone. */
static struct real_container *container_for(struct real_order *o)
{
    struct real_container *c = real_find_container(o->real, o->order.mud, o->order.container);
    bool brings =
        o->order.operation == OP_START || o->order.operation == OP_LOAD || o->order.operation == OP_CREATE;
    return c || !brings ? c : real_add_container(o->real, o->order.mud, o->order.container);
}

static bool about_files_alone(const struct real_order *o)
{
    return o->order.operation == OP_DISCARD && o->order.container != o->order.migration;
}

static int docker(struct real_order *o, struct err *e)
{
    struct real_container *c = container_for(o);
    autofree char *memory = spool_path(o, ".memory"), *files = spool_path(o, ".files"),
                  *image = commit_image(o);
    if (about_files_alone(o) || (!c && (o->order.operation == OP_DISCARD || o->order.operation == OP_STOP)))
        return 0;
    if (!c)
        return err_set(e, ENOENT, "no container of device %u, migration %u", o->order.mud,
                       o->order.container);
    o->job.done = docker_done;
    switch (o->order.operation) {
    case OP_START:
        docker_container_start(&c->docker, &o->job);
        break;
    case OP_FREEZE:
        docker_container_freeze(&c->docker, &o->job);
        break;
    case OP_THAW:
        docker_container_thaw(&c->docker, &o->job);
        break;
    case OP_DUMP:
        docker_container_dump(&c->docker, &o->job, memory);
        break;
    case OP_TAKE_LAYER:
        docker_container_take_layer(&c->docker, &o->job, files);
        break;
    case OP_COMMIT:
        docker_container_commit(&c->docker, &o->job, image);
        break;
    case OP_SAVE:
        docker_container_save(&c->docker, &o->job, image, files);
        break;
    case OP_LOAD:
        docker_container_load(&c->docker, &o->job, files);
        break;
    case OP_CREATE:
        docker_container_create(&c->docker, &o->job, image, image ? NULL : files);
        break;
    case OP_RESTORE:
        docker_container_restore(&c->docker, &o->job, memory);
        break;
    case OP_HALT:
        docker_container_halt(&c->docker, &o->job);
        break;
    case OP_REVIVE:
        docker_container_revive(&c->docker, &o->job, memory);
        break;
    case OP_STOP:
    case OP_DISCARD:
        docker_container_discard(&c->docker, &o->job, image, NULL);
        break;
    case OP_SEND_MEMORY:
    case OP_SEND_LAYER:
    case OP_SEND_IMAGE:
    case OP_REPLAY:
    case OP_SWITCH:
    case OPERATIONS:
        return err_set(e, EINVAL, "%s is no Docker job", operation_name(o->order.operation));
    }
    return 1;
}

/* --- the service ------------------------------------------------------------------------------------------------------------------ */

static int ask(struct real_order *o)
{
    o->asking = true;
    real_ask(o->real, o->order.mud);
    loop_arm_after(o->real->loop, &o->timer, simtime_ms(ASK_EVERY_MS));
    return 1;
}

void real_order_answered(struct real *real, uint32_t mud)
{
    for (struct real_order *o = real->orders; o; o = o->next)
        if (o->asking && o->order.mud == mud) {
            o->asking = false;
            loop_cancel(real->loop, &o->timer);
            step_done(o, 0, NULL);
            return;
        }
}

/* --- the plan ------------------------------------------------------------------------------------------------------------------------ */

static int give_address(struct real_order *o, struct err *e)
{
    int status = real_give_address(o->real, o->order.mud, e);
    return status == -EEXIST ? 0 : status;
}

static int take_address(struct real_order *o)
{
    if (!about_files_alone(o) && real_find_container(o->real, o->order.mud, o->order.container))
        real_take_address(o->real, o->order.mud);
    return 0;
}

static int forget(struct real_order *o)
{
    struct real_container *c = real_find_container(o->real, o->order.mud, o->order.container);
    if (c && !about_files_alone(o))
        real_drop_container(o->real, c);
    return 0;
}

/* 1: something was started that goes on later; 0: done; -errno. */
static int take_step(struct real_order *o, enum step step, struct err *e)
{
    switch (step) {
    case STEP_DOCKER:
        return docker(o, e);
    case STEP_GIVE_ADDRESS:
        return give_address(o, e);
    case STEP_TAKE_ADDRESS:
        return take_address(o);
    case STEP_ASK:
        return ask(o);
    case STEP_PACK:
        return pack(o, e);
    case STEP_UNPACK:
        return unpack(o, e);
    case STEP_STAGE:
        return stage(o, e);
    case STEP_UNSTAGE:
        return unstage(o, e);
    case STEP_SEND:
        return send_file(o, e);
    case STEP_SPOIL:
        return spoil(o, e);
    case STEP_MEASURE:
        return measure(o, e);
    case STEP_CLEAN:
        return clean(o, e);
    case STEP_FORGET:
        return forget(o);
    case STEP_END:
        break;
    }
    return 0;
}

static void go_on(struct real_order *o)
{
    const uint8_t *plan = plans[o->order.operation];
    while (o->step < STEPS_MAX && plan[o->step] != STEP_END) {
        struct err e = ERR_INIT;
        int status = take_step(o, (enum step)plan[o->step], &e);
        if (status > 0)
            return;
        if (status < 0) {
            fail(o, &e);
            return;
        }
        o->step++;
    }
    finish(o);
}

static void timer_fires(struct timer *timer)
{
    struct real_order *o = container_of(timer, struct real_order, timer);
    if (o->err.code)
        finish(o);
    else if (o->asking)
        ask(o);
    else
        go_on(o);
}

/* Begins on the next turn of the loop, so that no actor is called from within its own call. */
void real_operate(struct port *port, const struct order *order)
{
    struct real *real = container_of(port, struct real, port);
    struct real_order *o = mem_alloc(sizeof *o);
    *o = (struct real_order){.next = real->orders, .real = real, .order = *order, .timer.fire = timer_fires};
    real->orders = o;
    o->fails = layout_fault_strikes(real->layout, order->operation, order->edge.index, order->mud);
    if (o->fails && order->operation != OP_RESTORE)
        err_set(&o->err, EIO, "a fault of the scenario");
    loop_arm_after(real->loop, &o->timer, SIMTIME_ZERO);
}

static void call_off(struct real_order *o)
{
    docker_job_cancel(&o->job);
    if (o->real->options.carrier)
        o->real->options.carrier->cancel(&o->transfer);
    process_kill(&o->process);
    background_cancel(&o->background);
    o->asking = false;
}

void real_cancel_operations(struct port *port, struct party edge, uint32_t mud, uint32_t migration)
{
    struct real *real = container_of(port, struct real, port);
    (void)edge;
    for (struct real_order *o = real->orders; o; o = o->next) {
        if (o->order.mud != mud || o->order.migration != migration)
            continue;
        call_off(o);
        err_set(&o->err, ECANCELED, "called off");
        loop_arm_after(real->loop, &o->timer, SIMTIME_ZERO);
    }
}

void real_free_operations(struct real *real)
{
    for (struct real_order *o; (o = real->orders);) {
        real->orders = o->next;
        call_off(o);
        loop_cancel(real->loop, &o->timer);
        free(o);
    }
}
