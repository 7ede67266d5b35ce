/* What the machines behind ssh say beside their reports: ssh's messages, the outpost's and its agents'. Each has a file of its own in the result
 * folder, and when a run fails, the last line of each goes with the error. */
#include "controller.h"
#include "controller_machines.h"
#include "files.h"
#include "mem.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { QUOTED_MAX = 90, TAIL_BYTES = 4096 };

/* agents-MACHINE.log: with a dash for what ssh allows in a destination and a file's name does not. */
static char *name_of_log(const struct controller_machine *o)
{
    char *name = mem_printf("agents-%s.log", o->link.machine);
    for (char *c = name; *c; c++)
        *c = *c == '/' ? '-' : *c;
    return name;
}

int machines_open_log(const struct controller_machine *o, struct err *e)
{
    autofree char *name = name_of_log(o), *path = mem_printf("%s/%s", o->controller->options->folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    return fd < 0 ? err_errno(e, "%s", path) : fd;
}

static void read_tail(const char *path, char tail[TAIL_BYTES + 1])
{
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t end = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
    ssize_t got = fd < 0 ? 0 : pread(fd, tail, TAIL_BYTES, end > TAIL_BYTES ? end - TAIL_BYTES : 0);
    tail[got > 0 ? got : 0] = '\0';
}

static void add_last_line(const struct controller_machine *o, struct buf *hint)
{
    char tail[TAIL_BYTES + 1], *last = NULL, *save;
    autofree char *name = name_of_log(o), *path = mem_printf("%s/%s", o->controller->options->folder, name);
    read_tail(path, tail);
    for (char *line = strtok_r(tail, "\r\n", &save); line; line = strtok_r(NULL, "\r\n", &save))
        last = line;
    if (last)
        buf_printf(hint, "%s%s ends with: %.*s", hint->len ? "; " : "", name, QUOTED_MAX, last);
}

void machines_quote_logs(const struct controller_machines *m, struct err *e)
{
    struct buf hint = BUF_INIT;
    if (e->hint[0])
        buf_add(&hint, e->hint, strlen(e->hint));
    for (int i = 0; i < m->other_count * 2; i++) {
        const struct controller_machine *o = &m->others[i % m->other_count];
        if (o->failed == (i < m->other_count))
            add_last_line(o, &hint);
    }
    snprintf(e->hint, sizeof e->hint, "%s", buf_text(&hint));
    buf_free(&hint);
}
