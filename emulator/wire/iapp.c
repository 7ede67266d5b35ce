#include "iapp.h"

#include "mem.h"

#include <errno.h>

enum { VERSION = 0 };

/* Which fields follow the five that every packet has. */
enum { HAS_STATUS = 1, HAS_CURRENT_AP = 2, HAS_CONTEXT = 4, HAS_TIMEOUT = 8 };

static const struct command {
    const char *name;
    unsigned fields;
} commands[] = {
    [IAPP_ADD_NOTIFY] = {"ADD-notify", 0},
    [IAPP_MOVE_NOTIFY] = {"MOVE-notify", HAS_CONTEXT},
    [IAPP_MOVE_RESPONSE] = {"MOVE-response", HAS_STATUS | HAS_CONTEXT},
    [IAPP_CACHE_NOTIFY] = {"CACHE-notify", HAS_CURRENT_AP | HAS_CONTEXT | HAS_TIMEOUT},
    [IAPP_CACHE_RESPONSE] = {"CACHE-response", HAS_STATUS},
};

static const struct command *command_of(uint8_t command)
{
    return command < ARRAY_LEN(commands) && commands[command].name ? &commands[command] : NULL;
}

const char *iapp_command_name(uint8_t command)
{
    const struct command *known = command_of(command);
    return known ? known->name : "?";
}

static size_t packet_bytes(const struct iapp *p, unsigned fields)
{
    return IAPP_HEADER_BYTES + 10 + (fields & HAS_CURRENT_AP ? MAC_BYTES : 0) +
           (fields & HAS_CONTEXT ? 2 + p->context_len : 0) + (fields & HAS_TIMEOUT ? 2 : 0);
}

int iapp_encode(const struct iapp *p, struct buf *out, struct err *e)
{
    const struct command *command = command_of(p->command);
    if (!command)
        return err_set(e, EINVAL, "IAPP: no command %u", p->command);
    if ((command->fields & HAS_CONTEXT) && p->context_len > IAPP_CONTEXT_MAX)
        return err_set(e, EMSGSIZE, "IAPP %s: context of %zu bytes, a packet has room for %d", command->name,
                       p->context_len, IAPP_CONTEXT_MAX);
    buf_add_u8(out, VERSION);
    buf_add_u8(out, p->command);
    buf_add_be16(out, p->identifier);
    buf_add_be16(out, (uint16_t)packet_bytes(p, command->fields));
    buf_add_u8(out, MAC_BYTES);
    buf_add_u8(out, command->fields & HAS_STATUS ? p->status : 0);
    mac_add(out, p->station);
    buf_add_be16(out, p->sequence);
    if (command->fields & HAS_CURRENT_AP)
        mac_add(out, p->current_ap);
    if (command->fields & HAS_CONTEXT) {
        buf_add_be16(out, (uint16_t)p->context_len);
        buf_add(out, p->context, p->context_len);
    }
    if (command->fields & HAS_TIMEOUT)
        buf_add_be16(out, p->timeout);
    return 0;
}

static void read_body(struct reader *r, struct iapp *p, unsigned fields)
{
    uint8_t status = reader_u8(r);
    p->status = fields & HAS_STATUS ? status : 0;
    p->station = mac_read(r);
    p->sequence = reader_be16(r);
    if (fields & HAS_CURRENT_AP)
        p->current_ap = mac_read(r);
    if (fields & HAS_CONTEXT) {
        p->context_len = reader_be16(r);
        p->context = reader_take(r, p->context_len);
    }
    if (fields & HAS_TIMEOUT)
        p->timeout = reader_be16(r);
}

int iapp_decode(const void *bytes, size_t len, struct iapp *packet, struct err *e)
{
    struct reader r = reader_over(bytes, len);
    *packet = (struct iapp){0};
    int announced = iapp_packet_bytes(bytes, len, e);
    if (announced < 0)
        return announced;
    if (announced == 0 || (size_t)announced != len)
        return err_set(e, EPROTO, "IAPP: packet of %zu bytes says it has %d", len, announced);
    reader_u8(&r);
    packet->command = reader_u8(&r);
    packet->identifier = reader_be16(&r);
    reader_be16(&r);
    const struct command *command = command_of(packet->command);
    if (!command)
        return err_set(e, EPROTO, "IAPP: unknown command %u", packet->command);
    uint8_t address_length = reader_u8(&r);
    if (address_length != MAC_BYTES)
        return err_set(e, EPROTO, "IAPP %s: addresses of %u bytes", command->name, address_length);
    read_body(&r, packet, command->fields);
    if (r.short_read || reader_left(&r) > 0)
        return err_set(e, EPROTO, "IAPP %s: %zu bytes do not match its fields", command->name, len);
    return 0;
}

int iapp_packet_bytes(const void *stream, size_t len, struct err *e)
{
    struct reader r = reader_over(stream, len);
    if (len < IAPP_HEADER_BYTES)
        return 0;
    uint8_t version = reader_u8(&r);
    if (version != VERSION)
        return err_set(e, EPROTO, "IAPP: version %u, this side speaks %d", version, VERSION);
    reader_u8(&r);
    reader_be16(&r);
    uint16_t announced = reader_be16(&r);
    if (announced < IAPP_HEADER_BYTES)
        return err_set(e, EPROTO, "IAPP: a packet of %u bytes is shorter than its header", announced);
    return announced;
}
