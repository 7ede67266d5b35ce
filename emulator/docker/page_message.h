/* The messages of CRIU's page server (criu/page-xfer.c), as it writes its structs to a connection: host byte order, one after the other, a PAGE_ADD
 * followed by its pages. Since CRIU 4.2 counts have 64 bits (`wide`), as in its pagemaps (pagemap.h).
 *
 * Who fetches says GET; the server answers each with an ADD of as many of these pages, from the first on, or fewer, or closes. A CLOSE is answered by
 * a signed word of 32 bits, 0 = good. */
#ifndef ROAMLAB_PAGE_MESSAGE_H
#define ROAMLAB_PAGE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PAGE_ADD = 6, PAGE_GET = 7, PAGE_CLOSE = 0x1023, PAGE_FORCE_CLOSE = 0x1024 };
enum { PAGE_MESSAGE_MAX = 32 };

struct page_message {
    uint32_t command; /* an ADD's flags, in the upper half, are left out: its pages follow */
    uint64_t pages, address, process;
};

size_t page_message_size(bool wide);
/* Returns the size. */
size_t page_message_encode(const struct page_message *m, bool wide, uint8_t out[PAGE_MESSAGE_MAX]);
void page_message_decode(const uint8_t bytes[PAGE_MESSAGE_MAX], bool wide, struct page_message *m);

#endif
