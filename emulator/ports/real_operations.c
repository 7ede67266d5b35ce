/* Container operations for real: each is a short plan of steps — an address, a Docker job, a file packed, sent or put in place, a question to the
 * service — one after the other.
 *
 * Files of migration G of device M in the spool folder: mM-G.memory/ (CRIU's images), mM-G.files/ (layer.tar, image.tar); on their way each is one
 * file, mM-G.memory.tar, mM-G.layer.tar, mM-G.image.tar, mM-G.volume.tar, because to most carriers every file costs round trips. */
#include "mem.h"
#include "real_internal.h"

#include <errno.h>
#include <stdlib.h>

enum { STEPS_MAX = 7, ASK_EVERY_MS = 10 };

enum step {
    STEP_END,
    STEP_DOCKER,       /* the job that the operation is */
    STEP_GIVE_ADDRESS, /* the container's, to this host */
    STEP_TAKE_ADDRESS,
    STEP_WATCH, /* the container: its end is news from now on */
    STEP_UNWATCH,
    STEP_ASK,  /* until the service answers */
    STEP_PACK, /* memory/ into one file */
    STEP_UNPACK,
    STEP_STAGE, /* layer or image under the name in which it travels */
    STEP_UNSTAGE,
    STEP_SEAL,    /* what the carrier does not check */
    STEP_SEND,
    STEP_UNSEAL,
    STEP_AWAIT,   /* what the peer sends */
    STEP_SPOIL,   /* a fault of the scenario: the checkpoint becomes unusable */
    STEP_MEASURE, /* how well the files compressed, once a run */
    STEP_SEED_MEMORY, STEP_SEED_LAYER, /* as they are now, beside what there is */
    STEP_HOLD, STEP_RELEASE,           /* the container, for a snapshot */
    STEP_KEEP,                         /* what was taken meanwhile, in place of the one before */
    STEP_PICK_MEMORY, STEP_PICK_LAYER, /* of what is kept, for a migration */
    STEP_DIFF, STEP_MERGE,
    STEP_LACKS, STEP_WHOLE,            /* the container's memory, from now on */
    STEP_WRITE_LOG, STEP_READ_LOG,
    STEP_PACK_VOLUME, STEP_VOLUME_SIZE, STEP_JOIN_VOLUME, STEP_UNPACK_VOLUME,
    STEP_CLEAN,   /* the migration's files */
    STEP_FORGET,  /* the container */
    STEP_PULL,    /* the service's image */
    STEP_USAGE,   /* what the container uses */
    STEP_LIST,    /* the base image's layers; real_layers.c has these */
    STEP_CHOOSE,
    STEP_SHIP,
    STEP_LOAD_BASE,
};

static const uint8_t plans[OPERATIONS][STEPS_MAX] = {
    [OP_START] = {STEP_GIVE_ADDRESS, STEP_DOCKER, STEP_WATCH, STEP_ASK},
    [OP_SEED] = {STEP_SEED_MEMORY, STEP_SEED_LAYER, STEP_PACK},
    [OP_SEND_SEED] = {STEP_SEAL, STEP_SEND},
    [OP_SNAPSHOT] = {STEP_HOLD, STEP_SEED_MEMORY, STEP_SEED_LAYER, STEP_RELEASE, STEP_KEEP},
    [OP_TAKE_SNAPSHOT] = {STEP_PICK_MEMORY, STEP_PICK_LAYER},
    [OP_TAKE_LOG] = {STEP_WRITE_LOG},
    [OP_SEND_LOG] = {STEP_SEAL, STEP_SEND},
    [OP_FREEZE] = {STEP_DOCKER},
    [OP_DUMP] = {STEP_DOCKER},
    [OP_TAKE_LAYER] = {STEP_DOCKER},
    [OP_COMMIT] = {STEP_DOCKER},
    [OP_THAW] = {STEP_DOCKER},
    [OP_HALT] = {STEP_UNWATCH, STEP_DOCKER},
    [OP_SAVE] = {STEP_DOCKER},
    [OP_DIFF] = {STEP_DIFF},
    [OP_SEND_CHANGES] = {STEP_SEAL, STEP_SEND},
    [OP_SEND_MEMORY] = {STEP_PACK, STEP_SEAL, STEP_SEND},
    [OP_SEND_LAYER] = {STEP_STAGE, STEP_SEAL, STEP_SEND},
    [OP_SEND_IMAGE] = {STEP_STAGE, STEP_SEAL, STEP_SEND},
    [OP_SEND_BASE] = {STEP_SHIP},
    [OP_SEND_LIST] = {STEP_LIST, STEP_SEAL, STEP_SEND},
    [OP_RECEIVE_LIST] = {STEP_UNSEAL, STEP_AWAIT},
    [OP_SEND_CHOICE] = {STEP_CHOOSE, STEP_SEAL, STEP_SEND},
    [OP_RECEIVE_CHOICE] = {STEP_UNSEAL, STEP_AWAIT},
    [OP_RECEIVE_MEMORY] = {STEP_UNSEAL, STEP_AWAIT},
    [OP_RECEIVE_LAYER] = {STEP_UNSEAL, STEP_AWAIT},
    [OP_RECEIVE_IMAGE] = {STEP_UNSEAL, STEP_AWAIT},
    [OP_RECEIVE_CHANGES] = {STEP_UNSEAL, STEP_AWAIT},
    [OP_RECEIVE_LOG] = {STEP_UNSEAL, STEP_AWAIT},
    [OP_REPLAY_LOG] = {STEP_UNSEAL, STEP_READ_LOG},
    [OP_COPY_VOLUME] = {STEP_PACK_VOLUME, STEP_VOLUME_SIZE},
    [OP_TAKE_VOLUME] = {STEP_PACK_VOLUME, STEP_VOLUME_SIZE},
    [OP_SEND_VOLUME] = {STEP_SEAL, STEP_SEND},
    [OP_SEND_FILES] = {STEP_SEAL, STEP_SEND},
    [OP_RECEIVE_VOLUME] = {STEP_UNSEAL, STEP_AWAIT},
    [OP_RECEIVE_FILES] = {STEP_UNSEAL, STEP_AWAIT},
    [OP_PUT_VOLUME] = {STEP_UNSEAL, STEP_JOIN_VOLUME, STEP_UNPACK_VOLUME},
    [OP_MERGE] = {STEP_UNSEAL, STEP_UNPACK, STEP_MERGE},
    [OP_LOAD] = {STEP_UNSEAL, STEP_UNSTAGE, STEP_DOCKER},
    [OP_LOAD_BASE] = {STEP_LOAD_BASE},
    [OP_CREATE] = {STEP_UNSEAL, STEP_UNSTAGE, STEP_DOCKER},
    [OP_PUT_LAYER] = {STEP_UNSEAL, STEP_UNSTAGE, STEP_DOCKER},
    [OP_RESTORE] = {STEP_UNSEAL, STEP_UNPACK, STEP_SPOIL, STEP_GIVE_ADDRESS, STEP_DOCKER, STEP_WATCH, STEP_ASK},
    [OP_DUMP_STATE] = {STEP_DOCKER},
    [OP_SEND_STATE] = {STEP_PACK, STEP_SEAL, STEP_SEND},
    [OP_RECEIVE_STATE] = {STEP_UNSEAL, STEP_AWAIT},
    [OP_RESTORE_STATE] = {STEP_UNSEAL, STEP_UNPACK, STEP_LACKS, STEP_GIVE_ADDRESS, STEP_DOCKER, STEP_WATCH, STEP_ASK},
    [OP_SERVE_PAGES] = {STEP_DOCKER},
    [OP_FETCH_PAGES] = {STEP_DOCKER, STEP_WHOLE},
    [OP_STOP] = {STEP_UNWATCH, STEP_MEASURE, STEP_DOCKER, STEP_TAKE_ADDRESS, STEP_CLEAN, STEP_FORGET},
    [OP_DISCARD] = {STEP_UNWATCH, STEP_DOCKER, STEP_TAKE_ADDRESS, STEP_CLEAN, STEP_FORGET},
    [OP_REVIVE] = {STEP_DOCKER, STEP_WATCH, STEP_ASK},
    [OP_PULL] = {STEP_PULL},
    [OP_MEASURE] = {STEP_USAGE},
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
    if (err.code && order.operation == OP_SNAPSHOT)
        real_docker_release(o);
    real_pull_forget(o);
    real_layers_free(o);
    struct replay_log log = o->log;
    struct order_result result = {.status = -err.code,
                                  .bytes = o->bytes,
                                  .cpu_ns = o->cpu_ns,
                                  .reason = err.code ? err.text : NULL,
                                  .log = &log};
    free(o->sealed);
    free(o);
    edge_operation_done(real->cast->edges[order.edge.index], &order, &result);
    replay_free(&log);
}

void real_note(const struct real_order *o, const char *text)
{
    struct report r = REPORT_INIT;
    r.kind = EVENT_NOTE;
    r.reporter = o->order.edge;
    r.text = text;
    r.mud = (int32_t)o->order.mud;
    r.migration = (int32_t)o->order.migration;
    o->real->port.operations->report(&o->real->port, &r);
}

static void fail(struct real_order *o, const struct err *e)
{
    o->err = e && e->code ? *e : (struct err){.code = EIO, .text = "failed without a reason"};
    finish(o);
}

void real_order_step_done(struct real_order *o, int status, const struct err *e)
{
    if (status < 0) {
        fail(o, e);
        return;
    }
    o->step++;
    go_on(o);
}

/* --- sending -------------------------------------------------------------------------------------------------------------------- */

static void sent(struct transfer_job *job, int status, const struct err *e)
{
    struct real_order *o = container_of(job, struct real_order, transfer);
    o->bytes = (int64_t)(job->wire_bytes ? job->wire_bytes : job->bytes);
    real_order_step_done(o, status, e);
}

static void stored(struct transfer_job *job)
{
    const struct real_order *o = container_of(job, struct real_order, transfer);
    struct report r = report_of_stage(o->order.edge, OP_STORE, o->order.mud, o->order.migration,
                                      simtime_sub(job->begin, o->real->origin));
    r.bytes = (int64_t)job->wire_bytes;
    o->real->port.operations->report(&o->real->port, &r);
}

static int send_file(struct real_order *o, struct err *e)
{
    const struct real_options *options = &o->real->options;
    uint32_t to = o->order.peer.index;
    autofree char *local = real_files_path(o, real_files_travelling_suffix(o));
    o->transfer.done = sent;
    o->transfer.stored = stored;
    int status = options->carrier->send(options->peers[to], &o->transfer, o->sealed ? o->sealed : local, options->peer_spools[to], e);
    return status < 0 ? status : 1;
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
            real_order_step_done(o, 0, NULL);
            return;
        }
}

bool real_order_died(struct real *real, uint32_t mud)
{
    struct err e = ERR_INIT;
    for (struct real_order *o = real->orders; o; o = o->next)
        if (o->asking && o->order.mud == mud) {
            err_set(&e, ESRCH, "the container ended by itself");
            real_order_step_done(o, -ESRCH, &e);
            return true;
        }
    return false;
}

/* --- the plan ------------------------------------------------------------------------------------------------------------------------ */

static int give_address(struct real_order *o, struct err *e)
{
    int status = real_give_address(o->real, o->order.mud, e);
    return status == -EEXIST ? 0 : status;
}

static int take_address(struct real_order *o)
{
    if (real_container_about(o))
        real_take_address(o->real, o->order.mud);
    return 0;
}

static int unwatch(struct real_order *o)
{
    struct real_container *c = real_container_about(o);
    if (c)
        real_unwatch_container(c);
    return 0;
}

static int forget(struct real_order *o)
{
    struct real_container *c = real_container_about(o);
    if (c)
        real_drop_container(o->real, c);
    return 0;
}

/* 1: something was started that goes on later; 0: done; -errno. */
static int take_step(struct real_order *o, enum step step, struct err *e)
{
    switch (step) {
    case STEP_DOCKER:
        return real_docker(o, e);
    case STEP_GIVE_ADDRESS:
        return give_address(o, e);
    case STEP_TAKE_ADDRESS:
        return take_address(o);
    case STEP_WATCH:
        return real_watch_container(real_find_container(o->real, o->order.mud, o->order.container), e);
    case STEP_UNWATCH:
        return unwatch(o);
    case STEP_ASK:
        return ask(o);
    case STEP_PACK:
        return real_files_pack(o, e);
    case STEP_UNPACK:
        return real_files_unpack(o, e);
    case STEP_STAGE:
        return real_files_stage(o, e);
    case STEP_UNSTAGE:
        return real_files_unstage(o, e);
    case STEP_SEAL:
        return real_seal_make(o, e);
    case STEP_UNSEAL:
        return real_seal_open(o, e);
    case STEP_SEND:
        return send_file(o, e);
    case STEP_AWAIT:
        return real_files_await(o);
    case STEP_SPOIL:
        return real_files_spoil(o, e);
    case STEP_MEASURE:
        return real_files_measure(o, e);
    case STEP_SEED_MEMORY:
        return real_docker_seed(o, real_tracks_pages(o) ? docker_container_pre_dump : docker_container_dump, e);
    case STEP_SEED_LAYER:
        return real_docker_seed(o, docker_container_take_layer, e);
    case STEP_HOLD:
        return real_docker_hold(o, docker_container_freeze, e);
    case STEP_RELEASE:
        return real_docker_hold(o, docker_container_thaw, e);
    case STEP_KEEP:
        return real_seed_keep(o, e);
    case STEP_PICK_MEMORY:
        return real_files_pick(o, ".memory", e);
    case STEP_PICK_LAYER:
        return real_files_pick(o, ".files", e);
    case STEP_WRITE_LOG:
        return real_log_write(o, e);
    case STEP_READ_LOG:
        return real_log_read(o, e);
    case STEP_LACKS:
        return real_pages_lack(o, e);
    case STEP_WHOLE:
        return real_pages_whole(o, e);
    case STEP_DIFF:
        return real_seed_diff(o, e);
    case STEP_MERGE:
        return real_seed_merge(o, e);
    case STEP_PACK_VOLUME:
        return real_volume_pack(o, e);
    case STEP_VOLUME_SIZE:
        return real_volume_size(o, e);
    case STEP_JOIN_VOLUME:
        return real_volume_join(o, e);
    case STEP_UNPACK_VOLUME:
        return real_volume_unpack(o, e);
    case STEP_CLEAN:
        return real_files_clean(o, e);
    case STEP_FORGET:
        return forget(o);
    case STEP_PULL:
        return real_pull(o, e);
    case STEP_USAGE:
        return real_docker_usage(o, e);
    case STEP_LIST:
        return real_layers_list(o, e);
    case STEP_CHOOSE:
        return real_layers_choose(o, e);
    case STEP_SHIP:
        return real_layers_ship(o, e);
    case STEP_LOAD_BASE:
        return real_layers_load(o, &real_container_for(o)->docker, e);
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

/* Begins on the next turn of the loop at the earliest, so that no actor is called from within its own call. */
void real_operate(struct port *port, const struct order *order)
{
    struct real *real = container_of(port, struct real, port);
    struct real_order *o = mem_alloc(sizeof *o);
    *o = (struct real_order){.next = real->orders, .real = real, .order = *order, .timer.fire = timer_fires};
    real->orders = o;
    if (order->log)
        replay_copy(&o->log, order->log);
    const struct fault *fault = faults_strike(&real->layout->faults, order->operation, order->edge.index, order->mud,
                                              port->operations->now(port));
    struct simtime late = fault_delays(&fault, port, order);
    o->fails = fault;
    if (fault && order->operation != OP_RESTORE)
        err_set(&o->err, fault->effect == FAULT_DISK_FULL ? ENOSPC : EIO, "a fault of the scenario");
    loop_arm_after(real->loop, &o->timer, late);
}

static void call_off(struct real_order *o)
{
    real_layers_free(o);
    docker_job_cancel(&o->job);
    if (o->real->options.carrier)
        o->real->options.carrier->cancel(&o->transfer);
    process_kill(&o->process);
    background_cancel(&o->background);
    real_pull_forget(o);
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
        free(o->sealed);
        free(o);
    }
}
