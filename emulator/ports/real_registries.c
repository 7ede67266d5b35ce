/* The pull of the service's image for real: asks the registries, the nearest first and last those whose pulls have stalled, until one has it;
 * then dockerd pulls it from there. */
#include "mem.h"
#include "pull.h"
#include "real_internal.h"
#include "registry_client.h"
#include "registry_keys.h"
#include "registry_server.h"
#include "tcp_diag.h"

#include <errno.h>
#include <stdlib.h>

struct real_pull {
    struct registry_client client; /* the thread's */
    int *candidates, count;        /* owned: which to ask, one after the other */
    int registry;                  /* that has the image, -1 = none yet */
    int64_t bytes;
    struct image_pull image;
    struct real_order *order;
};

static void address_of(const struct real *real, int registry, char out[16])
{
    layout_address_text(layout_host_address(real->layout->registries[registry].host), out);
}

/* --- which registry ------------------------------------------------------------------------------------------------------------------ */

static int ask_registry(struct real_order *o, int registry, struct err *e)
{
    struct real_pull *pull = o->pull;
    const struct real_registries *r = o->real->options.registries;
    struct buf text = BUF_INIT;
    struct registry_manifest m = {0};
    char address[16];
    address_of(o->real, registry, address);
    int status = registry_client_open(&pull->client, r->settings, address, -1, e);
    if (status == 0)
        status = registry_get_manifest(&pull->client, r->repository, r->tag, &text, e);
    if (status == 0)
        status = registry_manifest_read(buf_text(&text), text.len, &m, e);
    pull->bytes = (int64_t)registry_manifest_bytes(&m);
    registry_manifest_free(&m);
    buf_free(&text);
    registry_client_close(&pull->client);
    return status;
}

/* One that does not answer is passed over; if none has the image, the first such one is the reason. */
static int look_for_it(struct background *background, struct err *e)
{
    struct real_order *o = container_of(background, struct real_order, background);
    const struct real *real = o->real;
    struct real_pull *pull = o->pull;
    struct err silent = ERR_INIT;
    for (int i = 0; i < pull->count && !background_cancelled(background); i++) {
        struct err err = ERR_INIT;
        int status = ask_registry(o, pull->candidates[i], &err);
        if (status == 0) {
            pull->registry = pull->candidates[i];
            return 0;
        }
        if (status != -ENOENT && !silent.code)
            silent = err;
    }
    *e = silent;
    return silent.code ? -silent.code
                       : err_set(e, ENOENT, "no registry has the image %s:%s",
                                 real->options.registries->repository, real->options.registries->tag);
}

static void call_off(struct background *background)
{
    struct real_order *o = container_of(background, struct real_order, background);
    registry_client_call_off(&o->pull->client);
}

/* --- dockerd ----------------------------------------------------------------------------------------------------------------------- */

/* The Engine has connections of its own; if it is in this namespace, they are in the kernel's list. */
static uint64_t moved(const char *registry)
{
    char address[16] = "";
    struct mnl_socket *diag = tcp_diag_open();
    sscanf(registry, "%15[^:]", address);
    uint64_t bytes = tcp_diag_progress(diag, &(struct transfer_host){.address = address, .port = REGISTRY_PORT});
    tcp_diag_close(diag);
    return bytes;
}

static void bound(const struct real *real, uint32_t edge, struct image_pull *pull)
{
    pull->patience = real->options.registries->settings->progress_timeout;
    pull->work = simtime_max(pull->patience, real->cast->edges[edge]->actor.rules->timeouts.operation);
    pull->moved = moved;
}

static int source_of(const struct real *real, int registry, char address[32],
                     char password[REGISTRY_PASSWORD_MAX], struct image_source *source, struct err *e)
{
    const struct real_registries *r = real->options.registries;
    char host[16];
    address_of(real, registry, host);
    snprintf(address, 32, "%s:%d", host, REGISTRY_PORT);
    *source = (struct image_source){address, r->repository, r->tag, REGISTRY_USER, password};
    return registry_password(r->settings->folder, password, e);
}

static void kept(struct image_pull *push, int status, const struct err *e)
{
    (void)push;
    if (status < 0)
        err_print(e);
}

/* The registry next to this edge server gets what was pulled elsewhere, beside the migration. */
static void keep(struct real *real, uint32_t edge, int pulled_from)
{
    char address[32], password[REGISTRY_PASSWORD_MAX];
    struct image_source target;
    struct err e = ERR_INIT;
    int own = real->layout->edges[edge].registry;
    if (own < 0 || own == pulled_from || !real->layout->registries[own].keeps || real->keeps)
        return;
    real->keeps = true;
    real->keeper.done = kept;
    bound(real, edge, &real->keeper);
    if (source_of(real, own, address, password, &target, &e) < 0 ||
        image_push(&real->keeper, real->options.daemon->api, &target, real->options.image, &e) < 0)
        err_print(&e);
}

void real_registries_open(struct real *real)
{
    real->registry_stalls = mem_alloc_array((size_t)real->layout->registry_count, sizeof *real->registry_stalls);
}

void real_registries_free(struct real *real)
{
    image_pull_cancel(&real->keeper);
    free(steal(real->registry_stalls));
}

static void pulled(struct image_pull *image, int status, const struct err *e)
{
    struct real_pull *pull = container_of(image, struct real_pull, image);
    struct real_order *o = pull->order;
    if (status == 0) {
        o->bytes = pull->bytes;
        keep(o->real, o->order.edge.index, pull->registry);
    } else if (status == -ETIMEDOUT) {
        layout_note_stall(o->real->layout, pull->registry, o->real->registry_stalls);
    }
    real_order_step_done(o, status, e);
}

static void found(struct background *background, int status, const struct err *e)
{
    struct real_order *o = container_of(background, struct real_order, background);
    char address[32], password[REGISTRY_PASSWORD_MAX];
    struct image_source source;
    struct err err = *e;
    bound(o->real, o->order.edge.index, &o->pull->image);
    if (status == 0)
        status = source_of(o->real, o->pull->registry, address, password, &source, &err);
    if (status == 0)
        status =
            image_pull(&o->pull->image, o->real->options.daemon->api, &source, o->real->options.image, &err);
    if (status < 0)
        real_order_step_done(o, status, &err);
}

int real_pull(struct real_order *o, struct err *e)
{
    const struct layout *l = o->real->layout;
    if (!o->real->options.registries)
        return err_set(e, ENOENT, "the scenario has no registries");
    o->pull = mem_alloc(sizeof *o->pull);
    *o->pull = (struct real_pull){.registry = -1, .image.done = pulled, .order = o, .client.socket = -1};
    o->pull->candidates = mem_alloc_array((size_t)l->registry_count, sizeof *o->pull->candidates);
    o->pull->count = layout_nearest_registries(l, o->order.edge.index, o->real->registry_stalls, o->pull->candidates);
    o->background.done = found;
    o->background.wake = call_off;
    int status = background_start(o->real->loop, &o->background, look_for_it, e);
    return status < 0 ? status : 1;
}

const char *real_pull_source(const struct real_order *o)
{
    return o->pull && o->pull->registry >= 0 ? o->real->layout->registries[o->pull->registry].name : NULL;
}

void real_pull_forget(struct real_order *o)
{
    if (!o->pull)
        return;
    image_pull_cancel(&o->pull->image);
    free(o->pull->candidates);
    free(steal(o->pull));
}
