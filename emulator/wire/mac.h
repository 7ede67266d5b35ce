/* MAC addresses of the protocol's parties: a pure function of role and index, both ways.
 *
 * The first octet 0x02 marks a locally administered, individual address (IEEE 802, clause 8.4); the second is
 * 0x50 + role, the last four are the index in network byte order: 02:51:00:00:00:03 is MUD 3, 02:52:… an AP,
 * 02:53:… an edge server. */
#ifndef ROAMLAB_MAC_H
#define ROAMLAB_MAC_H

#include "buf.h"
#include "offload.h"

enum { MAC_BYTES = 6, MAC_TEXT = 18 };

struct mac {
    uint8_t bytes[MAC_BYTES];
};

struct mac mac_of(struct party party); /* all zeros for PARTY_NONE */
/* The party of that address, PARTY_NONE if it belongs to none. */
struct party mac_party(struct mac mac);
bool mac_equal(struct mac a, struct mac b);
/* "02:51:00:00:00:03"; returns text. */
const char *mac_text(struct mac mac, char text[MAC_TEXT]);

void mac_add(struct buf *out, struct mac mac);
struct mac mac_read(struct reader *r); /* zeros and short_read behind the end */

#endif
