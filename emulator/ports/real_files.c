/* The files of migrations at one edge: in the spool folder, and dumps in memory where they fit, on their way, and what becomes of them. */
#include "image.h"
#include "manifest.h"
#include "mem.h"
#include "proc.h"
#include "real_internal.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { LOOK_EVERY_MS = 5 };

static char *path_in(const char *folder, const struct real_order *o, uint32_t migration, const char *suffix)
{
    return mem_printf("%s/m%u-%u%s", folder, o->order.mud, migration, suffix);
}

static char *path_of_migration(const struct real_order *o, uint32_t migration, const char *suffix)
{
    const struct real_options *options = &o->real->options;
    autofree char *dump = options->dumps ? path_in(options->dumps, o, migration, suffix) : NULL;
    return dump && access(dump, F_OK) == 0 ? steal(dump) : path_in(options->spool, o, migration, suffix);
}

char *real_files_path(const struct real_order *o, const char *suffix)
{
    return path_of_migration(o, o->order.migration, suffix);
}

/* For twice as much as it will take, because others dump, too. */
static bool has_room(const char *folder, const struct docker_container *c)
{
    struct docker_usage usage;
    struct statfs fs;
    if (statfs(folder, &fs) < 0 || docker_container_usage(c, &usage, NULL) < 0)
        return false;
    uint64_t needed = 2 * usage.memory_bytes;
    return needed < fs.f_bavail * (uint64_t)fs.f_bsize && needed < proc_available_memory();
}

/* A dump that goes on from another names that by its place. Without the folder it goes to the disk, too. */
int real_files_choose_memory(struct real_order *o, struct err *e)
{
    (void)e;
    const char *dumps = o->real->options.dumps;
    const struct real_container *c = real_container_about(o);
    if (!dumps || !c || real_tracks_pages(o) || !has_room(dumps, &c->docker))
        return 0;
    autofree char *folder = path_in(dumps, o, o->order.migration, ".memory");
    mkdir(folder, 0700);
    return 0;
}

static void work_done(struct background *background, int status, const struct err *e)
{
    real_order_step_done(real_order_behind(background), status, e);
}

int real_order_work(struct real_order *o, int (*work)(struct background *, struct err *), struct err *e)
{
    o->background.done = work_done;
    int status = background_start(o->real->loop, &o->background, work, e);
    return status < 0 ? status : 1;
}

static void process_ended(struct process *process, int status)
{
    struct real_order *o = container_of(process, struct real_order, process);
    struct err e = ERR_INIT;
    if (status == 1 && real_volume_may_change(o))
        status = 0; /* tar: a file changed while it was read */
    if (status)
        err_set(&e, EIO, "%s: exit status %d", operation_name(o->order.operation), status);
    real_order_step_done(o, status ? -EIO : 0, &e);
}

int real_order_run(struct real_order *o, const char *const *argv, struct err *e)
{
    struct process_options options = PROCESS_OPTIONS_INIT;
    options.argv = argv;
    o->process.ended = process_ended;
    int status = process_start(o->real->loop, &o->process, &options, e);
    return status < 0 ? status : 1;
}

int real_files_pack(struct real_order *o, struct err *e)
{
    bool seed = o->order.operation == OP_SEED;
    if (!seed && o->real->options.carrier->takes_folders)
        return 0;
    autofree char *folder = real_files_path(o, seed ? ".seed" : ".memory"),
                  *file = real_files_path(o, seed ? ".seed.tar" : ".memory.tar");
    return real_order_run(o, (const char *[]){"tar", "-C", folder, "-cf", file, "memory", seed ? "layer.tar" : NULL, NULL}, e);
}

int real_files_unpack(struct real_order *o, struct err *e)
{
    bool seed = o->order.operation == OP_MERGE;
    autofree char *folder = real_files_path(o, seed ? ".seed" : ".memory"),
                  *file = real_files_path(o, seed ? ".seed.tar" : ".memory.tar");
    bool in_place = o->real->options.carrier->takes_folders || strategy_has(o->real->options.strategy, OP_MERGE);
    if (!seed && in_place)
        return 0;
    if (mkdir(folder, 0700) < 0 && errno != EEXIST)
        return err_errno(e, "%s", folder);
    return real_order_run(o, (const char *[]){"tar", "-C", folder, "-xf", file, NULL}, e);
}

int real_files_pick(struct real_order *o, const char *suffix, struct err *e)
{
    autofree char *kept = path_of_migration(o, o->order.container, suffix), *own = real_files_path(o, suffix);
    return real_order_run(o, (const char *[]){"cp", "-al", kept, own, NULL}, e);
}

static int remove_files_in(const char *path, const struct real_order *o, uint32_t migration, struct err *e)
{
    autofree char *beginning = mem_printf("m%u-%u.", o->order.mud, migration);
    DIR *folder = opendir(path);
    int status = folder ? 0 : err_errno(e, "%s", path);
    for (const struct dirent *entry; folder && (entry = readdir(folder));) {
        autofree char *file = mem_printf("%s/%s", path, entry->d_name);
        int removed = strncmp(entry->d_name, beginning, strlen(beginning)) ? 0 : files_remove(file, e);
        status = removed < 0 ? removed : status;
    }
    if (folder)
        closedir(folder);
    return status;
}

static int remove_files_of(const struct real_order *o, uint32_t migration, struct err *e)
{
    const struct real_options *options = &o->real->options;
    int status = remove_files_in(options->spool, o, migration, e);
    return status < 0 || !options->dumps ? status : remove_files_in(options->dumps, o, migration, e);
}

/* The files of the migration and, when the container goes, of the one that brought it, and its volume. */
static int clean(struct background *background, struct err *e)
{
    const struct real_order *o = real_order_behind(background);
    const struct order *order = &o->order;
    bool stops = order->operation == OP_STOP, goes = stops || order->container == order->migration;
    autofree char *volume = goes ? real_volume_folder(o->real, order->mud, order->container) : NULL;
    int status = remove_files_of(o, order->migration, e);
    if (status == 0 && stops && order->container != order->migration)
        status = remove_files_of(o, order->container, e);
    return status < 0 || !volume ? status : files_remove(volume, e);
}

int real_files_clean(struct real_order *o, struct err *e)
{
    return real_order_work(o, clean, e);
}

const char *real_files_travelling_suffix(const struct real_order *o)
{
    enum operation operation = o->order.operation, received = operation_received(operation);
    switch (received == OPERATIONS ? operation : received) {
    case OP_SEND_LOG:
        return ".log";
    case OP_SEND_SEED:
        return ".seed.tar";
    case OP_SEND_CHANGES:
        return ".changes";
    case OP_SEND_MEMORY:
    case OP_SEND_STATE:
        return o->real->options.carrier->takes_folders ? ".memory" : ".memory.tar";
    case OP_SEND_LAYER:
        return ".layer.tar";
    case OP_COPY_VOLUME:
    case OP_SEND_VOLUME:
        return ".volume.tar";
    case OP_SEND_FILES:
        return ".changed.tar";
    case OP_TAKE_VOLUME:
        return o->real->layout->volume_when == VOLUME_EARLY ? ".changed.tar" : ".volume.tar";
    case OP_SEND_LIST:
        return ".list";
    case OP_SEND_CHOICE:
        return ".choice";
    default:
        return ".image.tar";
    }
}

int real_files_await(struct real_order *o, struct err *e)
{
    (void)e;
    autofree char *path = real_files_path(o, real_files_travelling_suffix(o));
    uint64_t bytes;
    if (access(path, R_OK) == 0 && files_size(path, &bytes, NULL) == 0) {
        o->bytes = (int64_t)bytes;
        return 0;
    }
    loop_arm_after(o->real->loop, &o->timer, simtime_ms(LOOK_EVERY_MS));
    return 1;
}

static bool is_being_dumped(const struct real_order *o)
{
    const struct real_order *other = o->real->orders;
    while (other && !(other->order.operation == OP_DUMP && other->order.mud == o->order.mud && other->order.migration == o->order.migration))
        other = other->next;
    return other != NULL;
}

/* CRIU writes its images from front to back, as it must to stream them into pipes; most of their bytes are pages. */
int real_files_await_dump(struct real_order *o, struct err *e)
{
    static const struct transfer_growth dump = {.folder = "memory", .last = MANIFEST_NAME, .grows = "pages-"};
    (void)e;
    bool dumps = is_being_dumped(o), memory = o->order.operation == OP_SEND_MEMORY;
    bool beside = layout_link_limits(o->real->layout, o->order.edge.index, o->order.peer.index);
    o->transfer.growth = dumps && memory && beside && o->real->options.carrier->follows ? &dump : NULL;
    if (!dumps || o->transfer.growth || (beside && !memory))
        return 0;
    loop_arm_after(o->real->loop, &o->timer, simtime_ms(LOOK_EVERY_MS));
    return 1;
}

int real_files_stage(struct real_order *o, struct err *e)
{
    const char *suffix = real_files_travelling_suffix(o);
    autofree char *files = real_files_path(o, ".files"), *to = real_files_path(o, suffix);
    autofree char *from = mem_printf("%s/%s", files, suffix + 1);
    return rename(from, to) < 0 ? err_errno(e, "%s", from) : 0;
}

static int put_in_place(const char *from, const char *folder, const char *name, struct err *e)
{
    autofree char *to = mem_printf("%s/%s", folder, name);
    return rename(from, to) < 0 && errno != ENOENT ? err_errno(e, "%s", from) : 0;
}

int real_files_unstage(struct real_order *o, struct err *e)
{
    autofree char *files = real_files_path(o, ".files"), *layer = real_files_path(o, ".layer.tar"),
                  *image = real_files_path(o, ".image.tar");
    if (o->order.operation == OP_CREATE && real_layer_comes_later(o->real))
        return 0;
    if (mkdir(files, 0700) < 0 && errno != EEXIST)
        return err_errno(e, "%s", files);
    int status = put_in_place(layer, files, "layer.tar", e);
    return status < 0 ? status : put_in_place(image, files, "image.tar", e);
}

/* Cuts the memory pages in half: CRIU reads them when it restores. */
int real_files_spoil(struct real_order *o, struct err *e)
{
    if (!o->fails)
        return 0;
    autofree char *folder = real_files_path(o, ".memory");
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
    bool packed = !o->real->options.carrier->takes_folders;
    autofree char *memory = real_files_path(o, packed ? ".memory.tar" : ".memory/memory/pages-1.img"),
                  *layer = real_files_path(o, ".layer.tar");
    (void)e;
    if (!strategy_is_lazy(o->real->options.strategy))
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
    real_order_step_done(o, status, e);
}

/* Compressing takes as long as several round trips: not on the loop, where requests pass. */
int real_files_measure(struct real_order *o, struct err *e)
{
    if (o->real->ratios.memory && o->real->ratios.layer)
        return 0;
    o->background.done = measured;
    int status = background_start(o->real->loop, &o->background, compress_samples, e);
    return status < 0 ? status : 1;
}
