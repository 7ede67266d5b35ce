/* A container's volume at one edge: the folder volume-mM-C that it has as /volume (C: the migration that brought it), and the archives in which its
 * files travel, mM-G.volume.tar and, early, mM-G.changed.tar.
 *
 * What has changed since the copy is what the kernel has stamped since (ctime); a file that was removed meanwhile would come back, which the
 * testbed's service does not do. */
#include "files.h"
#include "mem.h"
#include "real_internal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

char *real_volume_folder(const struct real *real, uint32_t mud, uint32_t container)
{
    return real->layout->volume_bytes ? mem_printf("%s/volume-m%u-%u", real->options.spool, mud, container)
                                      : NULL;
}

static int mark(const char *path, struct err *e)
{
    autoclose int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    return fd < 0 ? err_errno(e, "%s", path) : 0;
}

/* A file that is marked is older than what changes from now on. */
int real_volume_pack(struct real_order *o, struct err *e)
{
    autofree char *folder = real_volume_folder(o->real, o->order.mud, o->order.container),
                  *since = real_files_path(o, ".since"),
                  *archive = real_files_path(o, real_files_travelling_suffix(o));
    bool changes = o->order.operation == OP_TAKE_VOLUME && o->real->layout->volume_when == VOLUME_EARLY;
    autofree char *newer = mem_printf("--newer=%s", since);
    int status = changes ? 0 : mark(since, e);
    if (status < 0)
        return status;
    return real_order_run(
        o, (const char *[]){"tar", "-C", folder, "-cf", archive, changes ? newer : "--sparse", ".", NULL}, e);
}

/* The copy is followed by what has changed since; who takes it without a freeze gives up that it is of one instant. */
bool real_volume_may_change(const struct real_order *o)
{
    enum operation operation = o->order.operation;
    return operation == OP_COPY_VOLUME ||
           (operation == OP_TAKE_VOLUME && !strategy_has(o->real->options.strategy, OP_FREEZE));
}

int real_volume_size(struct real_order *o, struct err *e)
{
    autofree char *archive = real_files_path(o, real_files_travelling_suffix(o));
    uint64_t bytes = 0;
    int status = files_size(archive, &bytes, e);
    o->bytes = (int64_t)bytes;
    return status;
}

/* One archive is unpacked into one empty folder, from which GNU tar lets no name lead out. */
int real_volume_join(struct real_order *o, struct err *e)
{
    autofree char *all = real_files_path(o, ".volume.tar"), *changed = real_files_path(o, ".changed.tar");
    if (o->real->layout->volume_when != VOLUME_EARLY)
        return 0;
    return real_order_run(o, (const char *[]){"tar", "-Af", all, changed, NULL}, e);
}

int real_volume_unpack(struct real_order *o, struct err *e)
{
    autofree char *folder = real_volume_folder(o->real, o->order.mud, o->order.container),
                  *all = real_files_path(o, ".volume.tar");
    int status = files_make_folder(folder, 0700, e);
    return status < 0 ? status
                      : real_order_run(o, (const char *[]){"tar", "-C", folder, "-xpf", all, NULL}, e);
}
