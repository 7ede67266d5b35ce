/* Whatever a trace holds, its reader gives two schedules in good order or one error with the file's name. The first byte
 * chooses the format, and whether the trace is repeated. */
#include "mem.h"
#include "trace.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Walks through the first changes: time must go on, and parameters stay usable. */
static void walk(const struct schedule *schedule, const struct link_params *own)
{
    struct simtime at = SIMTIME_ZERO;
    for (int i = 0; i < 100; i++) {
        struct link_params params = schedule_params(schedule, own, at);
        struct simtime next = schedule_next(schedule, at);
        if (link_params_check(&params, NULL) < 0 || next.ns <= at.ns)
            abort();
        if (next.ns == SIMTIME_NEVER.ns)
            return;
        at = next;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct err e = ERR_INIT;
    struct schedule schedules[2] = {SCHEDULE_INIT, SCHEDULE_INIT};
    const struct link_params own = {.delay = simtime_ms(10), .rate_bps = 1000000};
    const struct trace_format *format = trace_format_at(data[0] & 1);
    autofree char *text = mem_alloc(size); /* its end is the array's: what is read beyond shows */
    memcpy(text, data + 1, size - 1);
    int status = format->read("fuzz", text, size - 1, schedules, &e);
    if (status < 0 && (e.code <= 0 || strncmp(e.text, "fuzz:", 5) != 0))
        abort();
    for (int direction = 0; direction < 2 && status == 0; direction++) {
        if (schedules[direction].count == 0)
            abort();
        if ((data[0] & 2 && schedule_repeat(&schedules[direction], &e) < 0) ||
            schedule_complete(&schedules[direction], &own, &e) < 0)
            continue;
        walk(&schedules[direction], &own);
    }
    schedule_free(&schedules[0]);
    schedule_free(&schedules[1]);
    return 0;
}
