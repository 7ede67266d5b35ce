#include "mac.h"

#include <stdio.h>
#include <string.h>

enum { LOCAL = 0x02, ROLE_BASE = 0x50 };

struct mac mac_of(struct party party)
{
    uint32_t i = party.index;
    if (party.role == PARTY_NONE)
        return (struct mac){0};
    return (struct mac){{LOCAL, (uint8_t)(ROLE_BASE + party.role), (uint8_t)(i >> 24), (uint8_t)(i >> 16),
                         (uint8_t)(i >> 8), (uint8_t)i}};
}

struct party mac_party(struct mac mac)
{
    const uint8_t *b = mac.bytes;
    if (b[0] != LOCAL || b[1] <= ROLE_BASE || b[1] > ROLE_BASE + PARTY_EDGE)
        return (struct party){PARTY_NONE, 0};
    uint32_t index = (uint32_t)b[2] << 24 | (uint32_t)b[3] << 16 | (uint32_t)b[4] << 8 | b[5];
    return (struct party){(uint8_t)(b[1] - ROLE_BASE), index};
}

bool mac_equal(struct mac a, struct mac b)
{
    return memcmp(a.bytes, b.bytes, MAC_BYTES) == 0;
}

const char *mac_text(struct mac mac, char text[MAC_TEXT])
{
    const uint8_t *b = mac.bytes;
    snprintf(text, MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
    return text;
}

void mac_add(struct buf *out, struct mac mac)
{
    buf_add(out, mac.bytes, MAC_BYTES);
}

struct mac mac_read(struct reader *r)
{
    struct mac mac = {0};
    const uint8_t *bytes = reader_take(r, MAC_BYTES);
    if (bytes)
        memcpy(mac.bytes, bytes, MAC_BYTES);
    return mac;
}
