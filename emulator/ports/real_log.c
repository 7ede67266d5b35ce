/* The command log at one edge: mM-G.log, written at the source and read at the target. */
#include "files.h"
#include "log_file.h"
#include "mem.h"
#include "real_internal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int write_file(const char *path, const struct buf *bytes, struct err *e)
{
    autoclose int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(e, "%s", path);
    for (size_t done = 0; done < bytes->len;) {
        ssize_t written = write(fd, bytes->data + done, bytes->len - done);
        if (written < 0)
            return err_errno(e, "%s", path);
        done += (size_t)written;
    }
    return 0;
}

static int write_log(struct background *background, struct err *e)
{
    struct real_order *o = real_order_behind(background);
    autofree char *path = real_files_path(o, ".log");
    struct buf bytes = BUF_INIT;
    log_file_encode(&o->log, o->order.mud, o->real->layout->seed, &bytes);
    int status = write_file(path, &bytes, e);
    o->bytes = (int64_t)bytes.len;
    buf_free(&bytes);
    return status;
}

int real_log_write(struct real_order *o, struct err *e)
{
    return real_order_work(o, write_log, e);
}

static int read_log(struct background *background, struct err *e)
{
    struct real_order *o = real_order_behind(background);
    autofree char *path = real_files_path(o, ".log");
    struct buf bytes = BUF_INIT;
    int status = files_read(path, 0, &bytes, e);
    if (status == 0)
        status = log_file_decode(bytes.data, bytes.len, &o->log, e);
    o->bytes = (int64_t)bytes.len;
    buf_free(&bytes);
    return status;
}

int real_log_read(struct real_order *o, struct err *e)
{
    return real_order_work(o, read_log, e);
}
