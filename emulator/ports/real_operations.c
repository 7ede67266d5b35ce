/* Container operations for real: each is a short plan of steps — an address, a Docker job, a file packed, sent or put in place, a question to the
 * service — one after the other.
 *
 * Files of migration G of device M in the spool folder: mM-G.memory/ (CRIU's images; at the source in memory, if they fit there), mM-G.files/
 * (layer.tar, image.tar); on their way each is one file, mM-G.memory.tar, mM-G.layer.tar, mM-G.image.tar, mM-G.volume.tar, because to most carriers
 * every file costs round trips. */
#include "mem.h"
#include "real_internal.h"

#include <errno.h>
#include <stdlib.h>

enum { STEPS_MAX = 7, ASK_EVERY_MS = 10 };

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
    const char *source = real_pull_source(o);
    real_pull_forget(o);
    real_layers_free(o);
    struct replay_log log = o->log;
    struct order_result result = {.status = -err.code,
                                  .bytes = o->bytes,
                                  .cpu_ns = o->cpu_ns,
                                  .reason = err.code ? err.text : NULL,
                                  .source = source,
                                  .log = &log};
    free(o->sealed);
    free(o);
    edge_operation_done(real->cast->edges[order.edge.index], &order, &result);
    replay_free(&log);
}

void real_order_report(const struct real_order *o, enum operation part, struct simtime begin, uint64_t bytes)
{
    struct report r =
        report_of_stage(o->order.edge, part, o->order.mud, o->order.migration, simtime_sub(begin, o->real->origin));
    r.bytes = (int64_t)bytes;
    o->real->port.operations->report(&o->real->port, &r);
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
    real_order_report(o, OP_STORE, job->begin, job->wire_bytes);
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

/* Until the service answers. */
static int ask(struct real_order *o, struct err *e)
{
    (void)e;
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

/* The container's, to this host. */
static int give_address(struct real_order *o, struct err *e)
{
    int status = real_give_address(o->real, o->order.mud, e);
    return status == -EEXIST ? 0 : status;
}

static int take_address(struct real_order *o, struct err *e)
{
    (void)e;
    if (real_container_about(o))
        real_take_address(o->real, o->order.mud);
    return 0;
}

static int unwatch(struct real_order *o, struct err *e)
{
    (void)e;
    struct real_container *c = real_container_about(o);
    if (c)
        real_unwatch_container(c);
    return 0;
}

static int forget(struct real_order *o, struct err *e)
{
    (void)e;
    struct real_container *c = real_container_about(o);
    if (c)
        real_drop_container(o->real, c);
    return 0;
}

static int watch(struct real_order *o, struct err *e)
{
    return real_watch_container(real_find_container(o->real, o->order.mud, o->order.container), e);
}

/* Memory and layer as they are now, beside what there is. */
static int seed_memory(struct real_order *o, struct err *e)
{
    return real_docker_seed(o, real_tracks_pages(o) ? docker_container_pre_dump : docker_container_dump, e);
}

static int seed_layer(struct real_order *o, struct err *e)
{
    return real_docker_seed(o, docker_container_take_layer, e);
}

/* The container, for a snapshot. */
static int hold(struct real_order *o, struct err *e)
{
    return real_docker_hold(o, docker_container_freeze, e);
}

static int release(struct real_order *o, struct err *e)
{
    return real_docker_hold(o, docker_container_thaw, e);
}

/* Of what is kept, for a migration. */
static int pick_memory(struct real_order *o, struct err *e)
{
    return real_files_pick(o, ".memory", e);
}

static int pick_layer(struct real_order *o, struct err *e)
{
    return real_files_pick(o, ".files", e);
}

/* 1: something was started that goes on later; 0: done; -errno. */
static int (*const plans[OPERATIONS][STEPS_MAX])(struct real_order *o, struct err *e) = {
    [OP_START] = {give_address, real_docker, watch, ask},
    [OP_SEED] = {seed_memory, seed_layer, real_files_pack},
    [OP_SEND_SEED] = {real_seal_make, send_file},
    [OP_SNAPSHOT] = {hold, seed_memory, seed_layer, release, real_seed_keep},
    [OP_TAKE_SNAPSHOT] = {pick_memory, pick_layer},
    [OP_TAKE_LOG] = {real_log_write},
    [OP_SEND_LOG] = {real_seal_make, send_file},
    [OP_FREEZE] = {real_files_choose_memory, real_docker},
    [OP_DUMP] = {real_docker},
    [OP_TAKE_LAYER] = {real_docker},
    [OP_COMMIT] = {real_docker},
    [OP_THAW] = {real_docker},
    [OP_HALT] = {unwatch, real_docker},
    [OP_SAVE] = {real_docker},
    [OP_DIFF] = {real_seed_diff},
    [OP_SEND_CHANGES] = {real_seal_make, send_file},
    [OP_SEND_MEMORY] = {real_files_await_dump, real_files_pack, real_seal_make, send_file},
    [OP_SEND_LAYER] = {real_files_await_dump, real_files_stage, real_seal_make, send_file},
    [OP_SEND_IMAGE] = {real_files_stage, real_seal_make, send_file},
    [OP_SEND_BASE] = {real_files_await_dump, real_layers_ship},
    [OP_SEND_LIST] = {real_layers_list, real_seal_make, send_file},
    [OP_RECEIVE_LIST] = {real_seal_open, real_files_await},
    [OP_SEND_CHOICE] = {real_layers_choose, real_seal_make, send_file},
    [OP_RECEIVE_CHOICE] = {real_seal_open, real_files_await},
    [OP_RECEIVE_MEMORY] = {real_seal_open, real_files_await},
    [OP_RECEIVE_LAYER] = {real_seal_open, real_files_await},
    [OP_RECEIVE_IMAGE] = {real_seal_open, real_files_await},
    [OP_RECEIVE_CHANGES] = {real_seal_open, real_files_await},
    [OP_RECEIVE_LOG] = {real_seal_open, real_files_await},
    [OP_REPLAY_LOG] = {real_seal_open, real_log_read},
    [OP_COPY_VOLUME] = {real_volume_pack, real_volume_size},
    [OP_TAKE_VOLUME] = {real_volume_pack, real_volume_size},
    [OP_SEND_VOLUME] = {real_seal_make, send_file},
    [OP_SEND_FILES] = {real_seal_make, send_file},
    [OP_RECEIVE_VOLUME] = {real_seal_open, real_files_await},
    [OP_RECEIVE_FILES] = {real_seal_open, real_files_await},
    [OP_PUT_VOLUME] = {real_seal_open, real_volume_join, real_volume_unpack},
    [OP_MERGE] = {real_seal_open, real_files_unpack, real_seed_merge},
    [OP_LOAD] = {real_seal_open, real_files_unstage, real_docker},
    [OP_LOAD_BASE] = {real_layers_load},
    [OP_CREATE] = {real_seal_open, real_files_unstage, real_docker},
    [OP_PUT_LAYER] = {real_seal_open, real_files_unstage, real_docker},
    [OP_RESTORE] = {real_seal_open, real_files_unpack, real_files_spoil, give_address, real_docker, watch, ask},
    [OP_DUMP_STATE] = {real_docker},
    [OP_SEND_STATE] = {real_files_pack, real_seal_make, send_file},
    [OP_RECEIVE_STATE] = {real_seal_open, real_files_await},
    [OP_RESTORE_STATE] = {real_seal_open, real_files_unpack, real_pages_lack, give_address, real_docker, watch, ask},
    [OP_SERVE_PAGES] = {real_docker},
    [OP_FETCH_PAGES] = {real_docker, real_pages_whole},
    [OP_STOP] = {unwatch, real_files_measure, real_docker, take_address, real_files_clean, forget},
    [OP_DISCARD] = {unwatch, real_docker, take_address, real_files_clean, forget},
    [OP_REVIVE] = {real_docker, watch, ask},
    [OP_PULL] = {real_pull},
    [OP_MEASURE] = {real_docker_usage},
};

static void go_on(struct real_order *o)
{
    enum operation operation = o->order.operation;
    while (o->step < STEPS_MAX && plans[operation][o->step]) {
        struct err e = ERR_INIT;
        int status = plans[operation][o->step](o, &e);
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
        ask(o, NULL);
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
