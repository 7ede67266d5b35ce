/* Whatever a file holds, every reader of tracks gives samples in good order, or one error that names the file. */
#include "mem.h"
#include "track.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct track_source *source, const struct track_sample *sample,
                  const struct track_sample *last)
{
    bool follows = source->by_time || sample->device == last->device;
    if ((follows && simtime_before(sample->at, last->at)) || sample->at.ns < 0 || !isfinite(sample->x) ||
        !isfinite(sample->y) || !source->operations->name(source, sample->device)[0])
        abort();
}

static int read_all(const struct track_format *format, const char *path, struct err *e)
{
    struct track_sample sample, last = {.device = UINT32_MAX};
    struct track_source *source = format->open(path, e);
    if (!source)
        return -1;
    int status;
    for (; (status = source->operations->next(source, &sample, e)) == 1; last = sample)
        check(source, &sample, &last);
    source->operations->close(source);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    autoclose int fd = memfd_create("fuzz", MFD_CLOEXEC);
    autofree char *path = mem_printf("/proc/self/fd/%d", fd);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    const struct track_format *format;
    for (int i = 0; (format = track_format_at(i)); i++) {
        struct err e = ERR_INIT;
        if (read_all(format, path, &e) < 0 && (e.code <= 0 || strncmp(e.text, path, strlen(path)) != 0))
            abort();
    }
    return 0;
}
