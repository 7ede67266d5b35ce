/* What migrations have of a container's state on disk in virtual time: at each edge server the snapshot of the cut and, before it, the
 * seed that was taken while it served; of its volume the copy and what has changed since. A snapshot that is kept beside a container, and a
 * volume that waits for one, are filed under the migration that brought it. */
#include "log_file.h"
#include "mem.h"
#include "sim_internal.h"

#include <errno.h>
#include <stdlib.h>

struct sim_snapshot {
    struct sim_snapshot *next;
    enum sim_files files;
    uint32_t edge, migration;
    struct sim_state state; /* of all but SIM_LOG */
    struct replay_log log;  /* of SIM_LOG */
    bool truncated, flipped;
};

static struct sim_snapshot *find_of(struct sim *sim, enum sim_files files, uint32_t edge, uint32_t mud, uint32_t migration)
{
    struct sim_snapshot *s = sim->devices[mud].snapshots;
    while (s && (s->files != files || s->edge != edge || s->migration != migration))
        s = s->next;
    return s;
}

static struct sim_snapshot *find(struct sim *sim, enum sim_files files, uint32_t edge, const struct order *o)
{
    return find_of(sim, files, edge, o->mud, o->migration);
}

static void drop(struct sim_device *device, struct sim_snapshot *gone)
{
    struct sim_snapshot **link = &device->snapshots;
    while (gone && *link != gone)
        link = &(*link)->next;
    if (!gone)
        return;
    *link = gone->next;
    sim_state_free(&gone->state);
    replay_free(&gone->log);
    free(gone);
}

static struct sim_snapshot *keep(struct sim *sim, enum sim_files files, uint32_t edge, const struct order *o,
                                 const struct sim_state *state)
{
    struct sim_device *device = &sim->devices[o->mud];
    struct sim_snapshot *s = mem_alloc(sizeof *s);
    *s = (struct sim_snapshot){.files = files, .edge = edge, .migration = o->migration};
    if (state->replies)
        sim_state_copy(&s->state, state, sim->layout);
    drop(device, find(sim, files, edge, o));
    s->next = device->snapshots;
    device->snapshots = s;
    return s;
}

/* Which of them an operation writes or sends, and whether that is where it arrives. */
static bool carries(const struct sim *sim, enum operation operation, enum sim_files *files)
{
    bool early = sim->layout->volume_when == VOLUME_EARLY;
    *files = operation == OP_SEED || operation == OP_SEND_SEED             ? SIM_SEED
             : operation == OP_TAKE_LOG || operation == OP_SEND_LOG        ? SIM_LOG
             : operation == OP_COPY_VOLUME || operation == OP_SEND_VOLUME  ? SIM_VOLUME
             : operation == OP_TAKE_VOLUME || operation == OP_SEND_FILES   ? (early ? SIM_VOLUME_CHANGES : SIM_VOLUME)
                                                                           : SIM_SNAPSHOT;
    return *files != SIM_SNAPSHOT || operation == OP_SEND_MEMORY || operation == OP_SEND_STATE ||
           operation == OP_SEND_CHANGES;
}

void sim_snapshot_take(struct sim *sim, const struct order *o, const struct sim_container *c)
{
    enum sim_files files;
    carries(sim, o->operation, &files);
    keep(sim, files, o->edge.index, o, &c->state);
}

int sim_snapshot_open(struct sim *sim, const struct order *o, struct sim_state *state)
{
    const struct sim_snapshot *s = find(sim, SIM_SNAPSHOT, o->edge.index, o);
    if (!s)
        return -ENOENT;
    if (s->truncated)
        return -EBADMSG;
    sim_state_copy(state, &s->state, sim->layout);
    return 0;
}

int sim_snapshot_pick(struct sim *sim, const struct order *o)
{
    const struct sim_snapshot *kept = find_of(sim, SIM_SNAPSHOT, o->edge.index, o->mud, o->container);
    if (!kept)
        return -ENOENT;
    struct sim_snapshot *s = keep(sim, SIM_SNAPSHOT, o->edge.index, o, &kept->state);
    s->truncated = kept->truncated;
    s->flipped = kept->flipped;
    return 0;
}

void sim_snapshot_lose(struct sim *sim, uint32_t edge, uint32_t mud, uint32_t container)
{
    drop(&sim->devices[mud], find_of(sim, SIM_SNAPSHOT, edge, mud, container));
}

void sim_log_drop(struct sim *sim, const struct order *o)
{
    drop(&sim->devices[o->mud], find(sim, SIM_LOG, o->edge.index, o));
}

void sim_snapshot_drop(struct sim *sim, const struct order *o)
{
    bool restores = o->operation == OP_RESTORE || o->operation == OP_RESTORE_STATE;
    int first = o->operation == OP_PUT_VOLUME ? SIM_VOLUME : 0, until = restores ? SIM_VOLUME : SIM_FILES;
    for (int files = first; files < until; files++)
        drop(&sim->devices[o->mud], find(sim, (enum sim_files)files, o->edge.index, o));
}

void sim_snapshots_free(struct sim_device *device)
{
    while (device->snapshots)
        drop(device, device->snapshots);
}

static bool kept_beside_container(struct sim *sim, uint32_t mud, const struct sim_snapshot *s)
{
    return s->files == SIM_SNAPSHOT && sim_find_container(sim, s->edge, mud, s->migration);
}

int sim_snapshots(struct sim *sim, uint32_t mud)
{
    int count = 0;
    for (const struct sim_snapshot *s = sim->devices[mud].snapshots; s; s = s->next)
        count += !kept_beside_container(sim, mud, s);
    return count;
}

void sim_snapshot_arrives(struct sim *sim, const struct order *sent)
{
    enum sim_files files;
    const struct sim_snapshot *s =
        carries(sim, sent->operation, &files) ? find(sim, files, sent->edge.index, sent) : NULL;
    if (!s)
        return;
    bool truncated = s->truncated, flipped = s->flipped;
    struct sim_snapshot *there = keep(sim, files, sent->peer.index, sent, &s->state);
    replay_copy(&there->log, &s->log);
    there->truncated = truncated;
    there->flipped = flipped;
}

void sim_snapshot_damage(struct sim *sim, const struct order *o, enum fault_effect effect)
{
    enum sim_files files;
    struct party where = operation_is_transfer(o->operation) ? o->peer : o->edge;
    carries(sim, o->operation, &files);
    struct sim_snapshot *s = find(sim, files, where.index, o);
    if (s && effect == FAULT_TRUNCATED)
        s->truncated = true;
    if (s && effect == FAULT_FLIPPED && !s->flipped) {
        s->flipped = true;
        s->state.model.chain ^= 1;
    }
}

int sim_snapshot_merge(struct sim *sim, const struct order *o)
{
    const struct sim_snapshot *seed = find(sim, SIM_SEED, o->edge.index, o),
                              *changes = find(sim, SIM_SNAPSHOT, o->edge.index, o);
    if (!seed || !changes)
        return -ENOENT;
    return seed->truncated || seed->flipped || changes->truncated || changes->flipped ? -EBADMSG : 0;
}

void sim_log_take(struct sim *sim, const struct order *o)
{
    struct sim_snapshot *s = keep(sim, SIM_LOG, o->edge.index, o, &(struct sim_state){0});
    replay_copy(&s->log, o->log);
}

int sim_log_open(struct sim *sim, const struct order *o, struct replay_log *log)
{
    const struct sim_snapshot *s = find(sim, SIM_LOG, o->edge.index, o);
    if (!s)
        return -ENOENT;
    if (s->truncated || s->flipped)
        return -EBADMSG;
    replay_copy(log, &s->log);
    return 0;
}

uint64_t sim_log_bytes(struct sim *sim, const struct order *o)
{
    const struct sim_snapshot *s = find(sim, SIM_LOG, o->edge.index, o);
    return s ? log_file_bytes(&s->log) : 0;
}

/* As it was taken or, before that, as the container has it; NULL if there is neither. */
static const struct sim_state *taken_or_current(struct sim *sim, const struct order *o, enum sim_files files)
{
    const struct sim_snapshot *taken = find(sim, files, o->edge.index, o);
    const struct sim_container *c = sim_find_container(sim, o->edge.index, o->mud, o->container);
    return taken ? &taken->state : c ? &c->state : NULL;
}

bool sim_snapshot_interval(struct sim *sim, const struct order *o, uint32_t *from, uint32_t *until)
{
    const struct sim_snapshot *seed = find(sim, SIM_SEED, o->edge.index, o);
    const struct sim_state *now = taken_or_current(sim, o, SIM_SNAPSHOT);
    if (!seed || !now || now->model.next < seed->state.model.next)
        return false;
    *from = seed->state.model.next;
    *until = now->model.next;
    return true;
}

bool sim_snapshot_changes(struct sim *sim, const struct order *o, uint64_t pages[STATE_AREAS])
{
    uint32_t from, until;
    if (!sim_snapshot_interval(sim, o, &from, &until))
        return false;
    statechain_model_rewritten(&taken_or_current(sim, o, SIM_SNAPSHOT)->model, from, until, pages);
    return true;
}

static bool is_good(const struct sim_snapshot *s)
{
    return s && !s->truncated && !s->flipped;
}

static struct order order_that_brought(const struct order *o)
{
    struct order brought = *o;
    brought.migration = o->container;
    return brought;
}

/* A container that is there has waited for it, and executed nothing meanwhile. */
int sim_volume_put(struct sim *sim, const struct order *o)
{
    const struct sim_snapshot *volume = find(sim, SIM_VOLUME, o->edge.index, o),
                              *changes = find(sim, SIM_VOLUME_CHANGES, o->edge.index, o);
    bool early = sim->layout->volume_when == VOLUME_EARLY;
    if (!volume || (early && !changes))
        return -ENOENT;
    if (!is_good(volume) || (early && !is_good(changes)))
        return -EBADMSG;
    const struct sim_state *state = early ? &changes->state : &volume->state;
    struct sim_container *c = sim_find_container(sim, o->edge.index, o->mud, o->container);
    if (c)
        c->volume_differs &= c->state.model.next != state->model.next;
    else
        keep(sim, SIM_FOLDER, o->edge.index, o, state);
    return 0;
}

void sim_volume_stays(struct sim *sim, const struct order *o, const struct sim_container *c)
{
    const struct order brought = order_that_brought(o);
    if (sim->layout->volume_when != VOLUME_NONE)
        keep(sim, SIM_FOLDER, o->edge.index, &brought, &c->state);
}

/* To who has lost his memory any volume is right. */
void sim_volume_mount(struct sim *sim, const struct order *o, struct sim_container *c)
{
    const struct order brought = order_that_brought(o);
    struct sim_snapshot *folder = find(sim, SIM_FOLDER, o->edge.index, &brought);
    bool fits = folder && folder->state.model.next == c->state.model.next;
    c->volume_differs = sim->layout->volume_when != VOLUME_NONE && o->operation != OP_START && !fits;
    drop(&sim->devices[o->mud], folder);
}

uint64_t sim_volume_changes(struct sim *sim, const struct order *o)
{
    const struct sim_snapshot *copy = find(sim, SIM_VOLUME, o->edge.index, o);
    const struct sim_state *now = taken_or_current(sim, o, SIM_VOLUME_CHANGES);
    if (!copy || !now || now->model.next < copy->state.model.next)
        return 0;
    return statechain_model_rewritten_files(&now->model, copy->state.model.next, now->model.next);
}
