#include "event_spool.h"
#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct event_spool {
    char *path;
    int fd; /* for appending; -1 if recovered */
    FILE *reader;
    char *line;
    size_t line_size;
    off_t end; /* of what was appended */
    uint64_t count;
};

static struct event_spool *open_spool(const char *path, int fd, struct err *e)
{
    FILE *reader = fopen(path, "re");
    if (!reader) {
        err_errno(e, "%s", path);
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    struct event_spool *spool = mem_alloc(sizeof *spool);
    *spool = (struct event_spool){.path = mem_copy_string(path), .fd = fd, .reader = reader};
    return spool;
}

struct event_spool *event_spool_create(const char *path, struct err *e)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    if (fd >= 0)
        return open_spool(path, fd, e);
    err_errno(e, "%s", path);
    return NULL;
}

struct event_spool *event_spool_recover(const char *path, uint64_t skip, struct err *e)
{
    struct event_spool *spool = open_spool(path, -1, e);
    while (spool && spool->count < skip && event_spool_next(spool))
        ;
    return spool;
}

void event_spool_free(struct event_spool *spool)
{
    if (!spool)
        return;
    if (spool->fd >= 0)
        close(spool->fd);
    fclose(spool->reader);
    free(spool->line);
    free(spool->path);
    free(spool);
}

int event_spool_add(struct event_spool *spool, const char *line, struct err *e)
{
    autofree char *text = mem_printf("%s\n", line);
    size_t len = strlen(text);
    errno = 0;
    ssize_t wrote = write(spool->fd, text, len);
    if (wrote != (ssize_t)len) {
        errno = errno ? errno : ENOSPC; /* a short write: there was room for a part only */
        err_errno(e, "%s", spool->path);
        (void)!ftruncate(spool->fd, spool->end);
        return err_hint(e, "make room on that disk");
    }
    spool->end += wrote;
    spool->count++;
    return 0;
}

const char *event_spool_next(struct event_spool *spool)
{
    off_t at = ftello(spool->reader);
    clearerr(spool->reader); /* the end of before may not be the end any more */
    ssize_t len = getline(&spool->line, &spool->line_size, spool->reader);
    if (len > 0 && spool->line[len - 1] == '\n') {
        spool->line[len - 1] = '\0';
        spool->count += spool->fd < 0;
        return spool->line;
    }
    if (len > 0)
        fseeko(spool->reader, at, SEEK_SET);
    return NULL;
}

uint64_t event_spool_count(const struct event_spool *spool)
{
    return spool->count;
}
