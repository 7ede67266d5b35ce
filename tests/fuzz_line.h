/* For fuzzers of the control channels: a line made of the fields that a protocol knows, each absent, of any type, or with any value. */
#ifndef ROAMLAB_FUZZ_LINE_H
#define ROAMLAB_FUZZ_LINE_H

#include "agent_protocol.h"
#include "buf.h"

enum { FUZZ_ELEMENTS_MAX = 16, FUZZ_TEXT_MAX = 31 };

static inline struct json_object *fuzz_value(struct reader *r, int depth);

static inline struct json_object *fuzz_array(struct reader *r, int depth)
{
    struct json_object *array = json_object_new_array();
    for (int left = reader_u8(r) % FUZZ_ELEMENTS_MAX; left > 0; left--)
        json_object_array_add(array, fuzz_value(r, depth + 1));
    return array;
}

static inline struct json_object *fuzz_text(struct reader *r)
{
    size_t len = reader_u8(r) % FUZZ_TEXT_MAX;
    const uint8_t *bytes = reader_take(r, len);
    return json_object_new_string_len(bytes ? (const char *)bytes : "", bytes ? (int)len : 0);
}

static inline struct json_object *fuzz_object(struct reader *r, int depth)
{
    struct json_object *object = json_object_new_object();
    for (int left = reader_u8(r) % FUZZ_ELEMENTS_MAX; left > 0; left--) {
        struct json_object *name = fuzz_text(r);
        json_object_object_add(object, json_object_get_string(name), fuzz_value(r, depth + 1));
        json_object_put(name);
    }
    return object;
}

static inline struct json_object *fuzz_value(struct reader *r, int depth)
{
    switch (reader_u8(r) % 8) {
    case 0:
        return json_object_new_int64((int64_t)reader_be64(r));
    case 1:
        return json_object_new_int64((int8_t)reader_u8(r));
    case 2:
        return fuzz_text(r);
    case 3:
        return json_object_new_double((double)(int32_t)reader_be32(r) / 7);
    case 4:
        return json_object_new_boolean(reader_u8(r) & 1);
    case 5:
        return depth ? json_object_new_array() : fuzz_array(r, depth);
    case 6:
        return depth ? json_object_new_object() : fuzz_object(r, depth);
    default:
        return NULL;
    }
}

static inline struct json_object *fuzz_line(const uint8_t *data, size_t size, const char *const *keys,
                                            size_t count)
{
    struct reader r = reader_over(data, size);
    struct json_object *line = agent_say("any");
    while (reader_left(&r) > 0 && !r.short_read)
        json_object_object_add(line, keys[reader_u8(&r) % count], fuzz_value(&r, 0));
    return line;
}

#endif
