/* What container operations of virtual time do, when their time is over: to containers, and to the files of migrations. */
#include "sim_internal.h"

#include <errno.h>

/* --- containers --- */

struct sim_container *sim_find_container(struct sim *sim, uint32_t edge, uint32_t mud, uint32_t container)
{
    struct sim_container *c = sim->devices[mud].containers;
    while (c && (c->edge != edge || c->container != container))
        c = c->next;
    return c;
}

static void container_says(struct sim_container *c, const struct offload *answer)
{
    struct sim *sim = c->owner;
    if (sim->cast->edges[c->edge])
        edge_container_says(sim->cast->edges[c->edge], c->container, answer);
}

static void container_arms(struct sim_container *c, struct timer *timer, struct simtime after)
{
    struct sim *sim = c->owner;
    sim_arm(sim, sim->layout->edges[c->edge].host, timer, after);
}

static struct sim_container *add_container(struct sim *sim, const struct order *o, struct sim_state *state)
{
    struct sim_container *c =
        sim_container_new(sim->loop, sim->layout, o->edge.index, o->mud, o->container, state);
    c->arm = container_arms;
    c->says = container_says;
    c->owner = sim;
    c->next = sim->devices[o->mud].containers;
    sim->devices[o->mud].containers = c;
    return c;
}

void sim_remove_container(struct sim *sim, uint32_t edge, uint32_t mud, uint32_t container)
{
    struct sim_container *gone = sim_find_container(sim, edge, mud, container);
    if (!gone)
        return;
    struct sim_container **link = &sim->devices[mud].containers;
    while (*link != gone)
        link = &(*link)->next;
    *link = gone->next;
    sim_container_free(gone);
}

const struct sim_container *sim_containers(const struct sim *sim, uint32_t mud)
{
    return sim->devices[mud].containers;
}

struct sim_remains sim_remains(struct sim *sim, uint32_t mud)
{
    const struct sim_device *device = &sim->devices[mud];
    struct sim_remains remains = {.snapshots = sim_snapshots(sim, mud), .arrivals = sim_arrivals(device)};
    for (const struct sim_order *so = device->orders; so; so = so->next)
        remains.operations += so->order.operation != OP_MEASURE;
    return remains;
}

/* --- effects --- */

/* The volume's files, which may come behind the rest, by PUT_VOLUME; the others by RESTORE; else all. */
static bool uses_up(enum operation operation, enum operation sent)
{
    bool restores = operation == OP_RESTORE || operation == OP_RESTORE_STATE;
    bool of_volume = sent == OP_SEND_VOLUME || sent == OP_SEND_FILES;
    return of_volume ? !restores : operation != OP_PUT_VOLUME;
}

/* What the order uses up of the migration's files here, and of what has arrived. */
static void drop_files(struct sim *sim, const struct order *o)
{
    sim_snapshot_drop(sim, o);
    for (int sent = 0; sent < OPERATIONS; sent++)
        if (uses_up(o->operation, (enum operation)sent))
            sim_transfer_forget(sim, o, (enum operation)sent);
}

struct sim_container *sim_container_about(struct sim *sim, const struct order *o)
{
    return sim_find_container(sim, o->edge.index, o->mud, o->container);
}

static int start(struct sim *sim, const struct order *o)
{
    struct sim_state state;
    sim_state_init(&state, sim->layout, o->mud);
    sim_volume_mount(sim, o, add_container(sim, o, &state));
    return 0;
}

static int freeze(struct sim *sim, const struct order *o)
{
    struct sim_container *c = sim_container_about(sim, o);
    return c ? sim_container_freeze(c), 0 : -ENOENT;
}

static int thaw(struct sim *sim, const struct order *o)
{
    struct sim_container *c = sim_container_about(sim, o);
    return c ? sim_container_thaw(c), 0 : -ENOENT;
}

static int dump(struct sim *sim, const struct order *o)
{
    const struct sim_container *c = sim_container_about(sim, o);
    return c ? sim_snapshot_take(sim, o, c), 0 : -ENOENT;
}

static int halt(struct sim *sim, const struct order *o)
{
    const struct sim_container *c = sim_container_about(sim, o);
    if (c)
        sim_volume_stays(sim, o, c);
    sim_remove_container(sim, o->edge.index, o->mud, o->container);
    return 0;
}

/* Those of the migration, and of the one that brought the container. */
static void drop_all_files(struct sim *sim, const struct order *o)
{
    struct order brought = *o;
    brought.migration = o->container;
    drop_files(sim, o);
    drop_files(sim, &brought);
}

/* RESTORE at the target, REVIVE at the source: the snapshot is here, or it cannot be done. */
static int restore(struct sim *sim, const struct order *o)
{
    struct sim_state state;
    int status = sim_snapshot_open(sim, o, &state);
    if (status < 0)
        return status;
    sim_volume_mount(sim, o, add_container(sim, o, &state));
    if (o->operation == OP_RESTORE_STATE)
        sim_pages_lack(sim, o);
    if (!sim->layout->keeps_snapshots)
        drop_files(sim, o);
    return 0;
}

static int load(struct sim *sim, const struct order *o)
{
    sim_transfer_forget(sim, o, OP_SEND_IMAGE);
    return 0;
}

static int put_volume(struct sim *sim, const struct order *o)
{
    int status = sim_volume_put(sim, o);
    if (status == 0)
        drop_files(sim, o);
    return status;
}

static int discard(struct sim *sim, const struct order *o)
{
    if (o->container == o->migration)
        sim_remove_container(sim, o->edge.index, o->mud, o->container);
    drop_files(sim, o);
    return 0;
}

static int stop(struct sim *sim, const struct order *o)
{
    sim_remove_container(sim, o->edge.index, o->mud, o->container);
    drop_all_files(sim, o);
    return 0;
}

static int is_there(struct sim *sim, const struct order *o)
{
    return sim_container_about(sim, o) ? 0 : -ENOENT;
}

static int pull(struct sim *sim, const struct order *o)
{
    return sim_pull_takes_effect(sim, o) < 0 ? -ENOENT : 0;
}

/* 0 or -errno. The others only take time: the snapshot has all state, it has arrived with the memory; a log is the edge server's, see open_log(). */
static int (*const effects[OPERATIONS])(struct sim *sim, const struct order *o) = {
    [OP_START] = start,
    [OP_SEED] = dump,
    [OP_TAKE_SNAPSHOT] = sim_snapshot_pick,
    [OP_COPY_VOLUME] = dump,
    [OP_FREEZE] = freeze,
    [OP_DUMP] = dump,
    [OP_TAKE_VOLUME] = dump,
    [OP_THAW] = thaw,
    [OP_HALT] = halt,
    [OP_MERGE] = sim_snapshot_merge,
    [OP_LOAD] = load,
    [OP_PUT_VOLUME] = put_volume,
    [OP_RESTORE] = restore,
    [OP_DUMP_STATE] = dump,
    [OP_RESTORE_STATE] = restore,
    [OP_STOP] = stop,
    [OP_DISCARD] = discard,
    [OP_REVIVE] = restore,
    [OP_PULL] = pull,
    [OP_MEASURE] = is_there,
    [OP_SNAPSHOT] = dump,
};

int sim_take_effect(struct sim *sim, const struct order *o)
{
    return effects[o->operation] ? effects[o->operation](sim, o) : 0;
}

void sim_hold_for_snapshot(struct sim *sim, const struct order *o, bool hold)
{
    struct sim_container *c = sim_container_about(sim, o);
    if (!c || o->operation != OP_SNAPSHOT)
        return;
    if (hold)
        sim_container_freeze(c);
    else
        sim_container_thaw(c);
}
