#include "log_date.h"
#include "mem.h"
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUFFER = 256 * 1024 };

struct text_store {
    struct store store;
    struct simtime start;
    char *path;
    FILE *file;
};

static int text_open(const char *path, struct simtime start, struct store **out, struct err *e)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return err_errno(e, "%s", path);
    struct text_store *t = mem_alloc(sizeof *t);
    t->store.kind = &store_text;
    t->start = start;
    t->path = mem_copy_string(path);
    t->file = fdopen(fd, "w");
    if (!t->file) {
        err_errno(e, "%s", path);
        close(fd);
        free(t->path);
        free(t);
        return -e->code;
    }
    setvbuf(t->file, NULL, _IOFBF, BUFFER);
    *out = &t->store;
    return 0;
}

/* One word of the line. A name with a blank would move the words behind it. */
static void put_word(FILE *f, const char *word)
{
    if (!word[0])
        word = "-";
    putc_unlocked(' ', f);
    for (; *word; word++)
        putc_unlocked((unsigned char)*word <= ' ' ? '_' : *word, f);
}

static void put_message(FILE *f, const char *text)
{
    putc_unlocked(' ', f);
    for (; *text; text++)
        putc_unlocked((unsigned char)*text < ' ' ? ' ' : *text, f);
}

static int text_add(struct store *store, const struct event *ev, struct err *e)
{
    struct text_store *t = container_of(store, struct text_store, store);
    if (ev->kind != EVENT_MESSAGE && ev->kind != EVENT_MARK)
        return 0;
    char date[LOG_DATE_LENGTH + 1];
    log_date_format(simtime_add(t->start, ev->at), date);
    fwrite(date, 1, LOG_DATE_LENGTH, t->file);
    put_word(t->file, ev->reporter);
    put_word(t->file, ev->peer);
    if (ev->kind == EVENT_MESSAGE)
        put_word(t->file, ev->sender);
    put_message(t->file, ev->text);
    if (ev->kind == EVENT_MESSAGE)
        fputs(ev->direction == EVENT_SENT ? " (sent)" : " (recvd)", t->file);
    putc_unlocked('\n', t->file);
    return ferror(t->file) ? err_errno(e, "%s", t->path) : 0;
}

static int text_flush(struct store *store, struct err *e)
{
    struct text_store *t = container_of(store, struct text_store, store);
    return fflush(t->file) == 0 ? 0 : err_errno(e, "%s", t->path);
}

static int text_close(struct store *store, struct err *e)
{
    struct text_store *t = container_of(store, struct text_store, store);
    int status = 0;
    bool failed = ferror(t->file);
    if (fclose(t->file) != 0 || failed)
        status = err_errno(e, "%s", t->path);
    free(t->path);
    free(t);
    return status;
}

const struct store_kind store_text = {
    .name = "text",
    .file = "events.log",
    .open = text_open,
    .add = text_add,
    .flush = text_flush,
    .close = text_close,
};
