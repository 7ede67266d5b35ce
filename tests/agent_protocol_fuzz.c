/* Lines made of the fields that the protocol knows, each absent, of any type, or with any value, read as every kind of line: nothing is
 * believed that is not there. What reads as an event is said again and reads the same. */
#include "fuzz_line.h"
#include "mem.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_event(struct json_object *line)
{
    struct event once, twice;
    if (agent_read_event(line, &once, NULL) < 0)
        return;
    struct json_object *again = agent_say_event(&once);
    if (agent_read_event(again, &twice, NULL) < 0 || once.kind != twice.kind || once.at.ns != twice.at.ns ||
        once.value != twice.value || strcmp(once.text, twice.text) || strcmp(once.reporter, twice.reporter))
        abort();
    json_object_put(again);
}

static void read_all(struct json_object *line)
{
    struct agent_orders orders;
    struct agent_account account;
    struct simtime origin;
    struct err failure = ERR_INIT;
    uint64_t events;
    bool idle;
    if (agent_read_prepare(line, &orders, NULL) == 0 && (!orders.scenario || !orders.folder || !orders.run))
        abort();
    agent_read_begin(line, &origin, NULL);
    agent_read_idle(line, &idle, NULL);
    agent_read_ended(line, &account, NULL);
    agent_read_away(line, &events, NULL);
    read_event(line);
    agent_read_failed(line, &failure);
    if (failure.code <= 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const keys[] = {
        "scenario",    "path",        "seed",        "host",        "run",          "folder",
        "image",       "archive",     "capture",     "event",       "origin_ns",    "idle",
        "timers",      "late_p50_ns", "late_p99_ns", "late_max_ns", "errors",       "code",
        "criu_folder", "text",        "layer_ratio", "hint",        "memory_ratio", "capture_dropped"};
    struct json_object *line = fuzz_line(data, size, keys, ARRAY_LEN(keys));
    read_all(line);
    json_object_put(line);
    return 0;
}
