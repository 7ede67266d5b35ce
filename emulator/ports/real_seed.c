/* Pre-copy's files at one edge: the seed, taken and sent while the container serves, and what has changed since. log-replay's snapshots are
 * taken as seeds are, and kept at once.
 *
 * At the source mM-G.seed/ holds memory/ and layer.tar, mM-G.changes what turns them into those of the cut. At the target the seed is
 * unpacked, changed in place, checked, and becomes what a restore finds in mM-G.memory/ and mM-G.files/. Where the kernel tracks what is written the
 * seed's memory is not changed: the dump's few pages stand beside it. */
#include "changes.h"
#include "files.h"
#include "lazy_seed.h"
#include "mem.h"
#include "real_internal.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where the target finds the images of a dump that goes on from the seed; else they are what the seed's become. */
#define TRACKED "tracked"

static int write_changes(struct changes *c, const struct real_order *o, struct err *e)
{
    autofree char *seed = real_files_path(o, ".seed"), *memory = real_files_path(o, ".memory"),
                  *files = real_files_path(o, ".files");
    autofree char *old_memory = mem_printf("%s/memory", seed), *old_layer = mem_printf("%s/layer.tar", seed),
                  *new_memory = mem_printf("%s/memory", memory),
                  *new_layer = mem_printf("%s/layer.tar", files);
    bool beside = real_tracks_pages(o) || strategy_is_lazy(o->real->options.strategy);
    int status = changes_add_folder(c, beside ? TRACKED : "memory", beside ? "/dev/null" : old_memory, new_memory, e);
    return status < 0 ? status : changes_add(c, "layer.tar", old_layer, new_layer, e);
}

/* Which of the pages that come later need not, because the seed has them. */
static int compare_with_seed(struct real_order *o, struct err *e)
{
    const struct real_container *c = real_container_for(o);
    autofree char *seed = real_files_path(o, ".seed"), *memory = real_files_path(o, ".memory");
    autofree char *before = mem_printf("%s/memory", seed), *since = mem_printf("%s/memory", memory);
    if (!strategy_is_lazy(o->real->options.strategy))
        return 0;
    return c ? lazy_seed_compare(before, since, c->docker.pid, &o->background, e) : err_set(e, ESRCH, "the container is gone");
}

static int diff(struct background *background, struct err *e)
{
    struct real_order *o = real_order_behind(background);
    autofree char *path = real_files_path(o, ".changes");
    struct changes changes;
    struct stat st;
    int status = compare_with_seed(o, e);
    if (status < 0)
        return status;
    status = changes_begin(&changes, path, background, e);
    if (status == 0)
        status = write_changes(&changes, o, e);
    int ended = changes_end(&changes, status < 0 ? NULL : e);
    if (status == 0 && ended == 0 && stat(path, &st) == 0)
        o->bytes = st.st_size;
    return status < 0 ? status : ended;
}

int real_seed_diff(struct real_order *o, struct err *e)
{
    return real_order_work(o, diff, e);
}

static int move(const char *from_folder, const char *to_folder, const char *old_name, const char *name, struct err *e)
{
    autofree char *from = mem_printf("%s/%s", from_folder, old_name), *to = mem_printf("%s/%s", to_folder, name);
    int status = files_make_folder(to_folder, 0700, e);
    if (status == 0)
        status = files_remove(to, e);
    if (status < 0)
        return status;
    return rename(from, to) < 0 ? err_errno(e, "%s", from) : 0;
}

static int keep(struct background *background, struct err *e)
{
    struct real_order *o = real_order_behind(background);
    autofree char *seed = real_files_path(o, ".seed"), *memory = real_files_path(o, ".memory"),
                  *files = real_files_path(o, ".files");
    int status = move(seed, memory, "memory", "memory", e);
    return status < 0 ? status : move(seed, files, "layer.tar", "layer.tar", e);
}

int real_seed_keep(struct real_order *o, struct err *e)
{
    return real_order_work(o, keep, e);
}

/* The seed's memory stays as it is, beside what was written since. */
static int chain(const struct real_order *o, struct err *e)
{
    autofree char *seed = real_files_path(o, ".seed"), *memory = real_files_path(o, ".memory");
    autofree char *before = mem_printf("%s/memory", seed), *since = mem_printf("%s/" TRACKED, seed),
                  *parent = mem_printf("%s/parent", memory);
    int status = files_make_folder(memory, 0700, e);
    if (status < 0)
        return status;
    return rename(before, parent) < 0 || rename(since, before) < 0 ? err_errno(e, "%s", before) : 0;
}

/* The dump without pages, filled from the seed with those that are the same. */
static int fill(struct real_order *o, struct err *e)
{
    autofree char *seed = real_files_path(o, ".seed");
    autofree char *before = mem_printf("%s/memory", seed), *since = mem_printf("%s/" TRACKED, seed);
    int status = lazy_seed_fill(before, since, &o->background, e);
    return status < 0 ? status : move(seed, seed, TRACKED, "memory", e);
}

static int merge(struct background *background, struct err *e)
{
    struct real_order *o = real_order_behind(background);
    autofree char *seed = real_files_path(o, ".seed"), *path = real_files_path(o, ".changes");
    autofree char *tracked = mem_printf("%s/" TRACKED, seed);
    int status = files_make_folder(tracked, 0700, e);
    if (status == 0)
        status = changes_merge(path, seed, background, e);
    if (status == 0 && rmdir(tracked) < 0)
        status = strategy_is_lazy(o->real->options.strategy) ? fill(o, e) : chain(o, e);
    return status < 0 ? status : keep(background, e);
}

int real_seed_merge(struct real_order *o, struct err *e)
{
    return real_order_work(o, merge, e);
}
