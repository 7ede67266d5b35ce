/* The base image's layers for real: at the source each becomes an archive, the next one while the last is under way, and is sent behind it; at the
 * target each is loaded as soon as it has arrived. Their names count them, mM-G.base-0.tar and so on; the last one's says so, mM-G.base-7.last.tar.
 * By a carrier that does not check what it carries each travels sealed (seal.h).
 *
 * An Engine whose storage has no folders of layers saves the whole image, which is then the only and last archive. */
#include "mem.h"
#include "real_internal.h"
#include "seal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { AHEAD = 2, LOOK_EVERY_MS = 5 };

struct parcel {
    struct transfer_job job;
    char *path; /* of the archive, as it travels; owned */
};

struct real_shipment {
    struct real_order *order;
    struct image_layers layers;
    int count, packed, sent;
    bool packing;
    struct background packer;
    struct docker_transfer saver; /* packs instead, where there are no folders of layers */
    struct parcel *parcels;       /* owned; one for each layer */
};

static char *archive_of(const struct real_order *o, int layer, bool last)
{
    autofree char *suffix = mem_printf(".base-%d%s.tar", layer, last ? ".last" : "");
    return real_files_path(o, suffix);
}

static char *engine_folder(const struct real_order *o)
{
    return mem_copy_string(o->real->options.daemon->places.data);
}

/* --- the source ---------------------------------------------------------------------------------------------------------------- */

void real_layers_free(struct real_order *o)
{
    struct real_shipment *s = steal(o->shipment);
    if (!s)
        return;
    background_cancel(&s->packer);
    docker_api_cancel_transfer(&s->saver);
    for (int i = 0; i < s->count; i++) {
        o->real->options.carrier->cancel(&s->parcels[i].job);
        free(s->parcels[i].path);
    }
    image_layers_free(&s->layers);
    free(s->parcels);
    free(s);
}

static void end(struct real_shipment *s, int status, const struct err *e)
{
    struct real_order *o = s->order;
    real_layers_free(o);
    real_order_step_done(o, status, e);
}

static int ship(struct real_shipment *s, struct err *e);

static void sent(struct transfer_job *job, int status, const struct err *e)
{
    struct real_shipment *s = job->context;
    struct err err = e ? *e : (struct err)ERR_INIT;
    unlink(container_of(job, struct parcel, job)->path);
    s->order->bytes += (int64_t)(job->wire_bytes ? job->wire_bytes : job->bytes);
    s->sent++;
    if (status == 0 && s->sent < s->count)
        status = ship(s, &err);
    else if (status == 0)
        end(s, 0, NULL);
    if (status < 0)
        end(s, status, &err);
}

static int send_parcel(struct real_shipment *s, struct parcel *parcel, struct err *e)
{
    const struct real_options *options = &s->order->real->options;
    uint32_t to = s->order->order.peer.index;
    parcel->job.done = sent;
    parcel->job.context = s;
    parcel->job.lane = s;
    return options->carrier->send(options->peers[to], &parcel->job, parcel->path, options->peer_spools[to],
                                  e);
}

/* As it travels: under its own name, or sealed and no longer under its own. */
static int wrap(struct real_shipment *s, struct err *e)
{
    struct parcel *parcel = &s->parcels[s->packed];
    autofree char *archive = archive_of(s->order, s->packed, s->packed == s->count - 1);
    if (s->order->real->options.carrier->arrives_whole) {
        parcel->path = steal(archive);
        return 0;
    }
    int status = seal_make(archive, &parcel->path, e);
    unlink(archive);
    return status;
}

static int pack(struct background *b, struct err *e)
{
    struct real_shipment *s = container_of(b, struct real_shipment, packer);
    bool last = s->packed == s->count - 1;
    autofree char *archive = archive_of(s->order, s->packed, last);
    uint64_t bytes;
    int status =
        image_layers_pack(&s->layers, s->packed, s->order->real->options.image, archive, b, &bytes, e);
    return status < 0 ? status : wrap(s, e);
}

static int wrap_saved(struct background *b, struct err *e)
{
    return wrap(container_of(b, struct real_shipment, packer), e);
}

static void packed(struct background *b, int status, const struct err *e)
{
    struct real_shipment *s = container_of(b, struct real_shipment, packer);
    struct err err = *e;
    s->packing = false;
    if (status == 0)
        status = send_parcel(s, &s->parcels[s->packed++], &err);
    if (status == 0)
        status = ship(s, &err);
    if (status < 0)
        end(s, status, &err);
}

static int begin_packing(struct real_shipment *s, int (*work)(struct background *, struct err *),
                         struct err *e)
{
    s->packing = true;
    s->packer.done = packed;
    return background_start(s->order->real->loop, &s->packer, work, e);
}

/* The next layer becomes an archive if no more than one is under way. */
static int ship(struct real_shipment *s, struct err *e)
{
    bool waits = s->packing || s->packed == s->count || s->packed - s->sent >= AHEAD;
    return waits ? 0 : begin_packing(s, pack, e);
}

static void saved(struct docker_transfer *t, int status, uint64_t bytes, const struct err *e)
{
    struct real_shipment *s = container_of(t, struct real_shipment, saver);
    struct err err = *e;
    (void)bytes;
    if (status == 0)
        status = begin_packing(s, wrap_saved, &err);
    if (status < 0)
        end(s, status, &err);
}

static int save_whole(struct real_shipment *s, const char *why, struct err *e)
{
    struct real_order *o = s->order;
    autofree char *archive = archive_of(o, 0, true);
    autofree char *note = mem_printf("the base image goes whole, by the Engine's own save and load: %s", why);
    real_note(o, note);
    s->count = 1;
    s->parcels = mem_alloc_array(1, sizeof *s->parcels);
    s->saver.done = saved;
    int status = docker_api_download(o->real->options.daemon->api, &s->saver, archive, e, "/images/%s/get",
                                     o->real->options.image);
    return status < 0 ? status : 1;
}

/* How many the target has, and of how many, as it said; without a word none. */
static int read_choice(const struct real_order *o, int *count)
{
    autofree char *path = real_files_path(o, ".choice");
    struct buf text = BUF_INIT;
    int present = 0;
    *count = 0;
    if (files_read(path, 64, &text, NULL) == 0)
        sscanf(buf_text(&text), "%d of %d", &present, count);
    buf_free(&text);
    return present;
}

static int read_layers(const struct real_order *o, const struct real_container *c,
                       struct image_layers *layers, struct err *e)
{
    autofree char *data = engine_folder(o);
    if (!c || !c->docker.image_id)
        return err_set(e, ENOENT, "no container of device %u", o->order.mud);
    return image_layers_read(layers, data, c->docker.image_id, e);
}

static const struct real_container *source_of(const struct real_order *o)
{
    return real_find_container(o->real, o->order.mud, o->order.container);
}

int real_layers_ship(struct real_order *o, struct err *e)
{
    struct real_shipment *s = o->shipment = mem_alloc(sizeof *s);
    struct err why = ERR_INIT;
    int count;
    *s = (struct real_shipment){.order = o};
    int status = read_layers(o, source_of(o), &s->layers, &why);
    if (status == -EOPNOTSUPP)
        return save_whole(s, why.text, e);
    if (status < 0)
        return *e = why, status;
    s->packed = s->sent = read_choice(o, &count);
    s->count = s->layers.count;
    s->parcels = mem_alloc_array((size_t)s->count, sizeof *s->parcels);
    if (s->packed < s->count) {
        status = ship(s, e);
        return status < 0 ? status : 1;
    }
    real_layers_free(o);
    return 0;
}

int real_layers_list(struct real_order *o, struct err *e)
{
    const struct real_container *c = source_of(o);
    struct image_layers layers = {0};
    struct buf text = BUF_INIT;
    autofree char *path = real_files_path(o, ".list");
    int status = read_layers(o, c, &layers, e);
    if (status == 0) {
        image_layers_list(&layers, c->docker.image_id, &text);
        status = files_write(path, buf_text(&text), e);
    }
    buf_free(&text);
    image_layers_free(&layers);
    return status;
}

/* --- the target ---------------------------------------------------------------------------------------------------------------- */

int real_layers_choose(struct real_order *o, struct err *e)
{
    autofree char *list = real_files_path(o, ".list"), *choice = real_files_path(o, ".choice"),
                  *data = engine_folder(o);
    struct buf text = BUF_INIT;
    int count, status = files_read(list, 0, &text, e);
    if (status == 0)
        status = image_layers_choose(data, buf_text(&text), &count, e);
    buf_free(&text);
    if (status < 0)
        return status;
    autofree char *answer = mem_printf("%d of %d\n", status, count);
    return files_write(choice, answer, e);
}

static void loaded(struct docker_job *job, int status, uint64_t bytes, const struct err *e)
{
    struct real_order *o = container_of(job, struct real_order, job);
    autofree char *archive = archive_of(o, o->layer, o->last_layer);
    o->bytes += (int64_t)bytes;
    unlink(archive);
    if (status == 0)
        real_order_report(o, OP_LOAD_LAYER, o->layer_begin, bytes);
    o->layer++;
    if (status < 0 || o->last_layer)
        real_order_step_done(o, status, e);
    else
        loop_arm_after(o->real->loop, &o->timer, SIMTIME_ZERO);
}

static char *beginning_of_next(const struct real_order *o)
{
    return mem_printf("m%u-%u.base-%d.", o->order.mud, o->order.migration, o->layer);
}

static int open_seal(struct background *b, struct err *e)
{
    const struct real_order *o = real_order_behind(b);
    autofree char *beginning = beginning_of_next(o);
    int opened = seal_open(o->real->options.spool, beginning, e);
    return opened < 0 ? opened : 0;
}

static void opened(struct background *b, int status, const struct err *e)
{
    struct real_order *o = real_order_behind(b);
    if (status < 0)
        real_order_step_done(o, status, e);
    else
        loop_arm_after(o->real->loop, &o->timer, SIMTIME_ZERO);
}

/* The next layer is not here yet, or it is and has not got its name. */
static int look_again(struct real_order *o, struct err *e)
{
    autofree char *beginning = beginning_of_next(o);
    bool checked = o->real->options.carrier->arrives_whole;
    int sealed = checked ? 0 : seal_count(o->real->options.spool, beginning, e);
    if (sealed > 0) {
        o->background.done = opened;
        sealed = background_start(o->real->loop, &o->background, open_seal, e);
    } else if (sealed == 0) {
        loop_arm_after(o->real->loop, &o->timer, simtime_ms(LOOK_EVERY_MS));
    }
    return sealed < 0 ? sealed : 1;
}

int real_layers_load(struct real_order *o, struct err *e)
{
    int count, first = read_choice(o, &count);
    o->layer = o->layer < first ? first : o->layer;
    if (count && o->layer == count)
        return 0;
    for (int last = 0; last < 2; last++) {
        autofree char *archive = archive_of(o, o->layer, last);
        if (access(archive, R_OK) < 0)
            continue;
        o->last_layer = last;
        o->job.done = loaded;
        o->layer_begin = loop_now(o->real->loop);
        docker_container_load(&real_container_for(o)->docker, &o->job, archive);
        return 1;
    }
    return look_again(o, e);
}
