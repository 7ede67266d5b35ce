#include "image.h"
#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

enum { LEVEL = 3, SAMPLE = 1 << 20 };

struct measurement {
    ZSTD_CCtx *zstd;
    uint8_t *in, *out;
    size_t out_size;
    uint64_t read, compressed;
};

/* One stretch of the file as the next part of a single stream. */
static int compress(struct measurement *m, int fd, uint64_t offset, size_t len, bool last, struct err *e)
{
    ssize_t got = pread(fd, m->in, len, (off_t)offset);
    if (got < 0)
        return err_errno(e, "zstd ratio: read");
    m->read += (uint64_t)got;
    ZSTD_inBuffer in = {m->in, (size_t)got, 0};
    size_t left;
    do {
        ZSTD_outBuffer out = {m->out, m->out_size, 0};
        left = ZSTD_compressStream2(m->zstd, &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left))
            return err_set(e, EIO, "zstd ratio: %s", ZSTD_getErrorName(left));
        m->compressed += out.pos;
    } while (last ? left > 0 : in.pos < in.size);
    return 0;
}

static int measure(struct measurement *m, int fd, uint64_t size, uint64_t sample_bytes, struct err *e)
{
    uint64_t parts = (size + SAMPLE - 1) / SAMPLE;
    uint64_t wanted = sample_bytes ? (sample_bytes + SAMPLE - 1) / SAMPLE : parts;
    wanted = wanted < parts ? wanted : parts;
    for (uint64_t i = 0; i < wanted; i++) {
        uint64_t part = i * parts / wanted;
        int status = compress(m, fd, part * SAMPLE, SAMPLE, i + 1 == wanted, e);
        if (status < 0)
            return status;
    }
    return 0;
}

int zstd_ratio(const char *path, uint64_t sample_bytes, double *ratio, struct err *e)
{
    struct stat st;
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_errno(e, "zstd ratio: %s", path);
    struct measurement m = {.zstd = ZSTD_createCCtx(), .out_size = ZSTD_CStreamOutSize()};
    m.in = mem_alloc(SAMPLE);
    m.out = mem_alloc(m.out_size);
    ZSTD_CCtx_setParameter(m.zstd, ZSTD_c_compressionLevel, LEVEL);
    int status = measure(&m, fd, (uint64_t)st.st_size, sample_bytes, e);
    *ratio = m.compressed ? (double)m.read / (double)m.compressed : 0;
    ZSTD_freeCCtx(m.zstd);
    free(m.in);
    free(m.out);
    return status;
}
