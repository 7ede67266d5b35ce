/* The owner records of an edge server, OWNERS/mM of device M: kept as the edge acts, read when its agent has been started again. A
 * record is written by the program that reads it, in the form that it has in memory. */
#include "files.h"
#include "mem.h"
#include "real_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What was found on the disk, and of its container at the Engine. */
struct real_owner {
    struct real_owner *next;
    struct real *real;
    struct buf bytes;
    struct owner_record record; /* that they say */
    struct docker_job job;
};

/* --- keeping ---------------------------------------------------------------------------------------------------------------- */

static char *path_of(const struct real *real, uint32_t mud)
{
    return mem_printf("%s/m%u", real->options.owners, mud);
}

/* In the place of the older one at once: an agent that is killed leaves the one or the other. With the machine the run ends. */
static int write_record(const char *path, const struct buf *bytes, struct err *e)
{
    autofree char *temporary = mem_printf("%s.tmp", path);
    autoclose int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(e, "%s", temporary);
    errno = ENOSPC; /* a short write sets none */
    if (write(fd, bytes->data, bytes->len) != (ssize_t)bytes->len || rename(temporary, path) < 0)
        return err_errno(e, "%s", temporary);
    return 0;
}

static void say_not_kept(struct real *real, struct party edge, uint32_t mud, const struct err *e)
{
    struct report r = REPORT_INIT;
    autofree char *text = mem_printf("its owner record cannot be kept: %s", e->text);
    r.kind = EVENT_NOTE;
    r.reporter = edge;
    r.text = text;
    r.mud = (int32_t)mud;
    real->port.operations->report(&real->port, &r);
}

void real_keep_owner(struct port *port, struct party edge, const struct owner_record *record)
{
    struct real *real = container_of(port, struct real, port);
    struct buf *kept = map_get(&real->kept, record->mud), bytes = BUF_INIT;
    struct err e = ERR_INIT;
    if (!kept)
        map_set(&real->kept, record->mud, kept = mem_alloc(sizeof *kept));
    owner_write(record, &bytes);
    bool same = bytes.len == kept->len && memcmp(bytes.data, kept->data, bytes.len) == 0;
    buf_free(kept);
    *kept = bytes;
    autofree char *path = path_of(real, record->mud);
    if (!same && write_record(path, kept, &e) < 0)
        say_not_kept(real, edge, record->mud, &e);
}

/* --- recovering ------------------------------------------------------------------------------------------------------------- */

static void found(struct docker_job *job, int status, uint64_t bytes, const struct err *e)
{
    struct real_owner *o = container_of(job, struct real_owner, job);
    struct real *real = o->real;
    struct real_container *c = real_find_container(real, o->record.mud, o->record.container);
    struct err err = *e;
    (void)bytes;
    if (c->docker.pid && !real_pages_are_whole(real, o->record.mud, o->record.container))
        kill(c->docker.pid, SIGKILL);
    else if (!c->docker.id)
        real_drop_container(real, c);
    else if (status == 0 && c->docker.pid)
        real_watch_container(c, NULL); /* one that has ended since is not watched, and does not exist */
    if (status < 0 && !real->search_error.code)
        real->search_error = err;
    if (--real->searched == 0)
        real->found(real->found_context, -real->search_error.code, &real->search_error);
}

static void free_owner(struct real_owner *o)
{
    buf_free(&o->bytes);
    free(o);
}

static int read_record(struct real *real, const char *name, struct err *e)
{
    autofree char *path = mem_printf("%s/%s", real->options.owners, name);
    struct real_owner *o = mem_alloc(sizeof *o);
    *o = (struct real_owner){.next = real->owners, .real = real, .job.done = found};
    real->owners = o;
    int status = files_read(path, 0, &o->bytes, e);
    if (status == 0 && (!owner_read(o->bytes.data, o->bytes.len, &o->record) || o->record.mud >= (uint32_t)real->layout->mud_count))
        status = err_set(e, EPROTO, "%s: not an owner record", path);
    return status;
}

static int read_records(struct real *real, struct err *e)
{
    DIR *folder = opendir(real->options.owners);
    int status = folder ? 0 : err_errno(e, "%s", real->options.owners);
    for (struct dirent *entry; status == 0 && (entry = readdir(folder));)
        if (entry->d_name[0] == 'm' && !strchr(entry->d_name, '.'))
            status = read_record(real, entry->d_name, e);
    if (folder)
        closedir(folder);
    return status;
}

int real_find(struct real *real, void (*done)(void *context, int status, const struct err *e), void *context,
              struct err *e)
{
    int status = read_records(real, e), count = 0;
    real->found = done;
    real->found_context = context;
    for (struct real_owner *o = real->owners; o && status == 0; o = o->next, count++)
        docker_container_adopt(&real_add_container(real, o->record.mud, o->record.container)->docker,
                               &o->job);
    real->searched = count;
    return status < 0 ? status : count > 0;
}

void real_recover(struct real *real, struct edge *edge)
{
    for (struct real_owner *o; (o = real->owners);) {
        const struct real_container *c = real_find_container(real, o->record.mud, o->record.container);
        real->owners = o->next;
        edge_recover(edge, &o->record, c && c->end.fd >= 0);
        free_owner(o);
    }
}

void real_owners_free(struct real *real)
{
    struct buf *kept;
    for (struct real_owner *o; (o = real->owners);) {
        real->owners = o->next;
        docker_job_cancel(&o->job);
        free_owner(o);
    }
    for (size_t at = 0; (kept = map_next(&real->kept, &at)); free(kept))
        buf_free(kept);
    map_free(&real->kept);
}
