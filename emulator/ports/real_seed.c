/* Pre-copy's files at one edge: the seed, taken and sent while the container serves, and what has changed since. log-replay's snapshots are
 * taken as seeds are, and kept at once.
 *
 * At the source mM-G.seed/ holds memory/ and layer.tar, mM-G.changes what turns them into those of the cut. At the target the seed is
 * unpacked, changed in place, checked, and becomes what a restore finds in mM-G.memory/ and mM-G.files/. Where the kernel tracks what is written the
 * seed's memory is not changed: the dump's few pages stand beside it. */
#include "changes.h"
#include "files.h"
#include "mem.h"
#include "real_internal.h"

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
    bool tracked = real_tracks_pages(o);
    int status = changes_add_folder(c, tracked ? TRACKED : "memory", tracked ? "/dev/null" : old_memory, new_memory, e);
    return status < 0 ? status : changes_add(c, "layer.tar", old_layer, new_layer, e);
}

static int diff(struct background *background, struct err *e)
{
    struct real_order *o = real_order_behind(background);
    autofree char *path = real_files_path(o, ".changes");
    struct changes changes;
    struct stat st;
    int status = changes_begin(&changes, path, background, e);
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

static int move(const char *from_folder, const char *to_folder, const char *name, struct err *e)
{
    autofree char *from = mem_printf("%s/%s", from_folder, name), *to = mem_printf("%s/%s", to_folder, name);
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
    int status = move(seed, memory, "memory", e);
    return status < 0 ? status : move(seed, files, "layer.tar", e);
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

static int merge(struct background *background, struct err *e)
{
    struct real_order *o = real_order_behind(background);
    autofree char *seed = real_files_path(o, ".seed"), *path = real_files_path(o, ".changes");
    autofree char *tracked = mem_printf("%s/" TRACKED, seed);
    int status = files_make_folder(tracked, 0700, e);
    if (status == 0)
        status = changes_merge(path, seed, background, e);
    if (status == 0 && rmdir(tracked) < 0)
        status = chain(o, e);
    return status < 0 ? status : keep(background, e);
}

int real_seed_merge(struct real_order *o, struct err *e)
{
    return real_order_work(o, merge, e);
}
