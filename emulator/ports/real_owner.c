/* The owner records of an edge server, OWNERS/mM of device M: kept as the edge acts, read when its agent has been started again. A
 * record is written by the program that reads it, in the form that it has in memory. */
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
    struct owner_record record;
    struct docker_job job;
};

/* --- keeping ---------------------------------------------------------------------------------------------------------------- */

static char *path_of(const struct real *real, uint32_t mud)
{
    return mem_printf("%s/m%u", real->options.owners, mud);
}

/* In the place of the older one at once: an agent that is killed leaves the one or the other. With the machine the run ends. */
static int write_record(const char *path, const struct owner_record *record, struct err *e)
{
    autofree char *temporary = mem_printf("%s.tmp", path);
    autoclose int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(e, "%s", temporary);
    errno = ENOSPC; /* a short write sets none */
    if (write(fd, record, sizeof *record) != sizeof *record || rename(temporary, path) < 0)
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
    struct owner_record *kept = map_get(&real->kept, record->mud);
    struct err e = ERR_INIT;
    /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): padding that differs costs a write, nothing else */
    if (kept && memcmp(kept, record, sizeof *record) == 0)
        return;
    if (!kept)
        map_set(&real->kept, record->mud, kept = mem_alloc(sizeof *kept));
    memcpy(kept, record, sizeof *record);
    autofree char *path = path_of(real, record->mud);
    if (write_record(path, record, &e) < 0)
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

static int read_record(const struct real *real, const char *name, struct owner_record *record, struct err *e)
{
    autofree char *path = mem_printf("%s/%s", real->options.owners, name);
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(e, "%s", path);
    if (read(fd, record, sizeof *record) != sizeof *record ||
        record->mud >= (uint32_t)real->layout->mud_count)
        return err_set(e, EPROTO, "%s: not an owner record", path);
    return 0;
}

static int read_records(struct real *real, struct err *e)
{
    DIR *folder = opendir(real->options.owners);
    int status = folder ? 0 : err_errno(e, "%s", real->options.owners);
    for (struct dirent *entry; status == 0 && (entry = readdir(folder));) {
        struct owner_record record;
        if (entry->d_name[0] != 'm' || strchr(entry->d_name, '.'))
            continue;
        status = read_record(real, entry->d_name, &record, e);
        if (status < 0)
            break;
        struct real_owner *o = mem_alloc(sizeof *o);
        *o = (struct real_owner){.next = real->owners, .real = real, .record = record, .job.done = found};
        real->owners = o;
    }
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
        free(o);
    }
}

void real_owners_free(struct real *real)
{
    struct owner_record *kept;
    for (struct real_owner *o; (o = real->owners);) {
        real->owners = o->next;
        docker_job_cancel(&o->job);
        free(o);
    }
    for (size_t at = 0; (kept = map_next(&real->kept, &at));)
        free(kept);
    map_free(&real->kept);
}
