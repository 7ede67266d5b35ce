#include "kim22_log.h"

/* Whatever the bytes are: parsed or refused, and what was parsed has times that can be worked out. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kim22_log *log = NULL;
    struct err e = ERR_INIT;
    if (kim22_log_parse("fuzz", (const char *)data, size, &log, &e) < 0)
        return 0;
    kim22_log_synchronise(log);
    struct simtime start = kim22_log_start(log);
    for (size_t i = 0; i < log->line_count; i++)
        if (simtime_sub(kim22_log_corrected(log, &log->lines[i]), start).ns < 0)
            __builtin_trap();
    kim22_log_free(log);
    return 0;
}
