/* Lines made of the fields that the protocol knows, each absent, of any type, or with any value, read as every kind of line: nothing is
 * believed that is not there. What reads as an event is said again and reads the same. */
#include "agent_protocol.h"
#include "buf.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ELEMENTS_MAX = 16, TEXT_MAX = 31 };

static struct json_object *value_from(struct reader *r, int depth);

static struct json_object *array_from(struct reader *r, int depth)
{
    struct json_object *array = json_object_new_array();
    for (int left = reader_u8(r) % ELEMENTS_MAX; left > 0; left--)
        json_object_array_add(array, value_from(r, depth + 1));
    return array;
}

static struct json_object *text_from(struct reader *r)
{
    size_t len = reader_u8(r) % TEXT_MAX;
    const uint8_t *bytes = reader_take(r, len);
    return json_object_new_string_len(bytes ? (const char *)bytes : "", bytes ? (int)len : 0);
}

static struct json_object *value_from(struct reader *r, int depth)
{
    switch (reader_u8(r) % 7) {
    case 0:
        return json_object_new_int64((int64_t)reader_be64(r));
    case 1:
        return json_object_new_int64((int8_t)reader_u8(r));
    case 2:
        return text_from(r);
    case 3:
        return json_object_new_double((double)(int32_t)reader_be32(r) / 7);
    case 4:
        return json_object_new_boolean(reader_u8(r) & 1);
    case 5:
        return depth ? json_object_new_object() : array_from(r, depth);
    default:
        return NULL;
    }
}

static struct json_object *line_from(struct reader *r)
{
    static const char *const keys[] = {"scenario",     "path",
                                       "seed",         "host",
                                       "run",          "folder",
                                       "image",        "archive",
                                       "criu_folder",  "capture",
                                       "event",        "origin_ns",
                                       "idle",         "timers",
                                       "late_p50_ns",  "errors",
                                       "late_p99_ns",  "late_max_ns",
                                       "memory_ratio", "layer_ratio",
                                       "code",         "capture_dropped",
                                       "text",         "hint"};
    struct json_object *line = agent_say("any");
    while (reader_left(r) > 0 && !r->short_read)
        json_object_object_add(line, keys[reader_u8(r) % (sizeof keys / sizeof keys[0])], value_from(r, 0));
    return line;
}

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
    bool idle;
    if (agent_read_prepare(line, &orders, NULL) == 0 && (!orders.scenario || !orders.folder || !orders.run))
        abort();
    agent_read_begin(line, &origin, NULL);
    agent_read_idle(line, &idle, NULL);
    agent_read_ended(line, &account, NULL);
    read_event(line);
    agent_read_failed(line, &failure);
    if (failure.code <= 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = reader_over(data, size);
    struct json_object *line = line_from(&r);
    read_all(line);
    json_object_put(line);
    return 0;
}
