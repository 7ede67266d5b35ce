#include "replay.h"
#include "mem.h"

#include <stdlib.h>
#include <string.h>

void replay_free(struct replay_log *log)
{
    for (size_t i = 0; i < log->len; i++)
        blob_unref(log->entries[i].payload);
    free(log->entries);
    *log = (struct replay_log){0};
}

void replay_copy(struct replay_log *to, const struct replay_log *from)
{
    *to = (struct replay_log){.len = from->len, .capacity = from->len};
    to->entries = from->len ? mem_alloc_array(from->len, sizeof *to->entries) : NULL;
    for (size_t i = 0; i < from->len; i++) {
        to->entries[i] = from->entries[i];
        blob_ref(to->entries[i].payload);
    }
}

/* Index of the first entry with a number ≥ the given one. */
static size_t lower_bound(const struct replay_log *log, uint32_t number)
{
    size_t low = 0, high = log->len;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (log->entries[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct replay_entry *replay_find(const struct replay_log *log, uint32_t number)
{
    size_t i = lower_bound(log, number);
    return i < log->len && log->entries[i].number == number ? &log->entries[i] : NULL;
}

struct replay_entry *replay_add(struct replay_log *log, const struct offload *request)
{
    size_t i = lower_bound(log, request->number);
    if (i < log->len && log->entries[i].number == request->number)
        return &log->entries[i];
    if (log->len == log->capacity) {
        log->capacity = log->capacity ? 2 * log->capacity : 4;
        log->entries = mem_resize(log->entries, log->capacity * sizeof *log->entries);
    }
    memmove(&log->entries[i + 1], &log->entries[i], (log->len - i) * sizeof *log->entries);
    log->len++;
    log->entries[i] = (struct replay_entry){.number = request->number,
                                            .payload_len = request->payload_len,
                                            .payload = blob_ref(request->payload)};
    return &log->entries[i];
}

void replay_drop_through(struct replay_log *log, uint32_t number, bool answered_only)
{
    size_t kept = 0;
    for (size_t i = 0; i < log->len; i++) {
        struct replay_entry *entry = &log->entries[i];
        if (entry->number <= number && (entry->answered || !answered_only))
            blob_unref(entry->payload);
        else
            log->entries[kept++] = *entry;
    }
    log->len = kept;
}

void replay_drop(struct replay_log *log, uint32_t number)
{
    struct replay_entry *entry = replay_find(log, number);
    if (!entry)
        return;
    blob_unref(entry->payload);
    size_t i = (size_t)(entry - log->entries);
    memmove(entry, entry + 1, (--log->len - i) * sizeof *entry);
}

bool replay_gap(const struct replay_log *log, uint32_t from, uint32_t *missing)
{
    uint32_t expected = from;
    for (size_t i = lower_bound(log, from); i < log->len; i++, expected++)
        if (log->entries[i].number != expected) {
            *missing = expected;
            return true;
        }
    return false;
}

int64_t replay_last(const struct replay_log *log)
{
    return log->len ? (int64_t)log->entries[log->len - 1].number : -1;
}

struct offload replay_message(const struct replay_entry *entry, uint8_t type, uint32_t mud, uint32_t sequence)
{
    return (struct offload){.type = type,
                            .flags = entry->answered ? OFFLOAD_EXECUTED : 0,
                            .mud = mud,
                            .sequence = sequence,
                            .number = entry->number,
                            .digest = entry->source_digest,
                            .payload_len = entry->payload_len,
                            .payload = entry->payload};
}
