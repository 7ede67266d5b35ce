/* Whatever a command log's file holds, reading it gives a log in ascending order or one error; what was read is written as it was read. */
#include "log_file.h"
#include "mem.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct replay_log log = {0}, again = {0};
    struct buf bytes = BUF_INIT;
    struct err e = ERR_INIT;
    if (log_file_decode(data, size, &log, &e) < 0) {
        if (e.code <= 0 || log.len || log.entries)
            abort();
        return 0;
    }
    log_file_encode(&log, 0, 0, &bytes);
    if (bytes.len != size || log_file_bytes(&log) != size)
        abort();
    if (log_file_decode(bytes.data, bytes.len, &again, &e) < 0 || again.len != log.len)
        abort();
    for (size_t i = 0; i < log.len; i++)
        if (log.entries[i].number != again.entries[i].number ||
            (i && log.entries[i].number <= log.entries[i - 1].number))
            abort();
    replay_free(&log);
    replay_free(&again);
    buf_free(&bytes);
    return 0;
}
