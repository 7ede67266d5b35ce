#include "log_file.h"

#include <errno.h>

void log_file_encode(const struct replay_log *log, uint32_t mud, uint64_t seed, struct buf *out)
{
    for (size_t i = 0; i < log->len; i++) {
        struct offload o = replay_message(&log->entries[i], OFFLOAD_LOGGED, mud, 0);
        buf_add_be32(out, OFFLOAD_HEADER_BYTES + o.payload_len);
        offload_encode(&o, seed, out);
    }
}

static int decode_entry(struct reader *r, struct replay_log *log, struct err *e)
{
    struct offload o;
    size_t len = reader_be32(r);
    const uint8_t *bytes = reader_take(r, len);
    if (!bytes)
        return err_set(e, EPROTO, "command log: it ends too early");
    int status = offload_decode(bytes, len, &o, e);
    if (status < 0)
        return status;
    if (o.type != OFFLOAD_LOGGED || (int64_t)o.number <= replay_last(log)) {
        blob_unref(o.payload);
        return err_set(e, EPROTO, "command log: %s %u is out of place", offload_type_name(o.type), o.number);
    }
    struct replay_entry *entry = replay_add(log, &o);
    entry->answered = o.flags & OFFLOAD_EXECUTED;
    entry->source_digest = o.digest;
    blob_unref(o.payload);
    return 0;
}

int log_file_decode(const void *bytes, size_t len, struct replay_log *log, struct err *e)
{
    struct reader r = reader_over(bytes, len);
    int status = 0;
    while (status == 0 && reader_left(&r) > 0)
        status = decode_entry(&r, log, e);
    if (status < 0)
        replay_free(log);
    return status;
}

uint64_t log_file_bytes(const struct replay_log *log)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < log->len; i++)
        bytes += LOG_FILE_ENTRY_BYTES + log->entries[i].payload_len;
    return bytes;
}
