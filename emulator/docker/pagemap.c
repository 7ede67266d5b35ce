#include "pagemap.h"
#include "files.h"
#include "mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { COMMON_MAGIC = 0x54564319, PAGEMAP_MAGIC = 0x56084025 };
/* Fields of the messages, and how they are encoded (Protocol Buffers): all of them are variable-length integers. */
enum {
    HEAD_ID = 1,
    RUN_ADDRESS = 1,
    RUN_PAGES = 2,
    RUN_IN_PARENT = 3,
    RUN_FLAGS = 4,
    RUN_PAGES_LONG = 5,
    FIELDS = 6
};
enum { WIRE_VARINT = 0, WIRE_BITS = 3, VARINT_BITS = 7, VARINT_MAX_BITS = 64 };

/* --- decoding --------------------------------------------------------------------------------------------------------------- */

static uint32_t take_word(struct reader *r)
{
    uint32_t low = reader_le16(r);
    return low | (uint32_t)reader_le16(r) << 16;
}

static uint64_t take_varint(struct reader *r)
{
    uint64_t value = 0;
    for (int shift = 0; shift < VARINT_MAX_BITS; shift += VARINT_BITS) {
        uint8_t byte = reader_u8(r);
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
    }
    r->short_read = true; /* longer than any number */
    return 0;
}

/* The next message's fields by number; those that it lacks are 0. False if it is none, or has fields of another kind. */
static bool take_message(struct reader *r, uint64_t fields[FIELDS])
{
    uint32_t len = take_word(r);
    const uint8_t *bytes = reader_take(r, len);
    struct reader message = reader_over(bytes, bytes ? len : 0);
    memset(fields, 0, FIELDS * sizeof *fields);
    while (reader_left(&message) && !message.short_read) {
        uint64_t key = take_varint(&message), value = take_varint(&message);
        if ((key & ((1 << WIRE_BITS) - 1)) != WIRE_VARINT)
            return false;
        if (key >> WIRE_BITS < FIELDS)
            fields[key >> WIRE_BITS] = value;
    }
    return !r->short_read && !message.short_read;
}

/* Images of before there were flags say only what is in the parent. */
static uint32_t flags_of(const uint64_t fields[FIELDS])
{
    uint32_t flags = (uint32_t)fields[RUN_FLAGS];
    if (flags)
        return flags;
    return fields[RUN_IN_PARENT] ? PAGEMAP_PARENT : PAGEMAP_PRESENT;
}

static void append(struct pagemap *map, struct pagemap_run run)
{
    if ((map->count & (map->count - 1)) == 0)
        map->runs = mem_resize(map->runs, (map->count ? 2 * map->count : 1) * sizeof *map->runs);
    map->runs[map->count++] = run;
}

static bool take_run(struct reader *r, struct pagemap *map)
{
    uint64_t fields[FIELDS];
    if (!take_message(r, fields))
        return false;
    uint64_t address = fields[RUN_ADDRESS],
             pages = fields[RUN_PAGES_LONG] ? fields[RUN_PAGES_LONG] : fields[RUN_PAGES];
    map->wide |= fields[RUN_PAGES_LONG];
    append(map, (struct pagemap_run){address, pages, flags_of(fields)});
    return address % PAGEMAP_PAGE == 0 && pages <= (UINT64_MAX - address) / PAGEMAP_PAGE;
}

int pagemap_decode(const void *bytes, size_t len, struct pagemap *map, struct err *e)
{
    struct reader r = reader_over(bytes, len);
    uint64_t fields[FIELDS];
    uint32_t common = take_word(&r), magic = take_word(&r);
    bool good = common == COMMON_MAGIC && magic == PAGEMAP_MAGIC && take_message(&r, fields);
    *map = (struct pagemap){.id = good ? (uint32_t)fields[HEAD_ID] : 0};
    while (good && reader_left(&r))
        good = take_run(&r, map);
    if (good)
        return 0;
    pagemap_free(map);
    return err_set(e, EBADMSG, "no pagemap of CRIU");
}

int pagemap_read(const char *path, struct pagemap *map, struct err *e)
{
    struct buf bytes = BUF_INIT;
    int status = files_read(path, 0, &bytes, e);
    if (status == 0 && pagemap_decode(bytes.data, bytes.len, map, e) < 0)
        status = err_wrap(e, "%s", path);
    buf_free(&bytes);
    return status;
}

/* --- encoding --------------------------------------------------------------------------------------------------------------- */

static void put_word(struct buf *out, uint32_t word)
{
    buf_add_le16(out, (uint16_t)word);
    buf_add_le16(out, (uint16_t)(word >> 16));
}

static void put_field(struct buf *out, int field, uint64_t value)
{
    uint64_t parts[] = {(uint64_t)field << WIRE_BITS | WIRE_VARINT, value};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        uint64_t left = parts[i];
        do {
            buf_add_u8(out, (uint8_t)((left & 0x7f) | (left > 0x7f ? 0x80 : 0)));
            left >>= VARINT_BITS;
        } while (left);
    }
}

static void put_message(struct buf *out, const struct buf *message)
{
    put_word(out, (uint32_t)message->len);
    buf_add(out, message->data, message->len);
}

void pagemap_encode(const struct pagemap *map, struct buf *out)
{
    struct buf message = BUF_INIT;
    put_word(out, COMMON_MAGIC);
    put_word(out, PAGEMAP_MAGIC);
    put_field(&message, HEAD_ID, map->id);
    put_message(out, &message);
    for (size_t i = 0; i < map->count; i++) {
        buf_clear(&message);
        put_field(&message, RUN_ADDRESS, map->runs[i].address);
        put_field(&message, RUN_PAGES, map->runs[i].pages);
        put_field(&message, RUN_FLAGS, map->runs[i].flags);
        if (map->wide)
            put_field(&message, RUN_PAGES_LONG, map->runs[i].pages);
        put_message(out, &message);
    }
    buf_free(&message);
}

int pagemap_write(const char *path, const struct pagemap *map, struct err *e)
{
    struct buf bytes = BUF_INIT;
    pagemap_encode(map, &bytes);
    FILE *file = fopen(path, "we");
    bool written = file && fwrite(bytes.data, 1, bytes.len, file) == bytes.len;
    int status = file && fclose(file) == 0 && written ? 0 : err_errno(e, "write %s", path);
    buf_free(&bytes);
    return status;
}

/* --- runs ------------------------------------------------------------------------------------------------------------------- */

void pagemap_add(struct pagemap *map, uint64_t address, uint64_t pages, uint32_t flags)
{
    struct pagemap_run *last = map->count ? &map->runs[map->count - 1] : NULL;
    map->next = map->before = 0;
    if (last && last->flags == flags && last->address + last->pages * PAGEMAP_PAGE == address)
        last->pages += pages;
    else
        append(map, (struct pagemap_run){address, pages, flags});
}

static bool lies_before(const struct pagemap_run *run, uint64_t address)
{
    return address >= run->address && address - run->address >= run->pages * PAGEMAP_PAGE;
}

bool pagemap_find(struct pagemap *map, uint64_t address, uint64_t *pages, uint64_t *offset)
{
    if (map->next && !lies_before(&map->runs[map->next - 1], address))
        map->next = map->before = 0;
    for (; map->next < map->count && lies_before(&map->runs[map->next], address); map->next++)
        map->before += map->runs[map->next].flags & PAGEMAP_PRESENT ? map->runs[map->next].pages : 0;
    const struct pagemap_run *run = map->next < map->count ? &map->runs[map->next] : NULL;
    if (!run || !(run->flags & PAGEMAP_PRESENT) || address < run->address)
        return false;
    uint64_t skipped = (address - run->address) / PAGEMAP_PAGE;
    *pages = run->pages - skipped;
    *offset = (map->before + skipped) * PAGEMAP_PAGE;
    return true;
}

void pagemap_free(struct pagemap *map)
{
    free(map->runs);
    *map = (struct pagemap){0};
}
