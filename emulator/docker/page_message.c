#include "page_message.h"
#include "pagemap.h"

#include <string.h>

enum { COMMAND_BITS = 16 };

struct narrow {
    uint32_t command, pages;
    uint64_t address, process;
};

struct wide {
    uint32_t command, padding;
    uint64_t pages, address, process;
};
_Static_assert(sizeof(struct wide) == PAGE_MESSAGE_MAX, "as CRIU's compiler lays it out");

size_t page_message_size(bool wide)
{
    return wide ? sizeof(struct wide) : sizeof(struct narrow);
}

size_t page_message_encode(const struct page_message *m, bool wide, uint8_t out[PAGE_MESSAGE_MAX])
{
    uint32_t command = m->command == PAGE_ADD ? PAGE_ADD | PAGEMAP_PRESENT << COMMAND_BITS : m->command;
    const struct wide new = {command, 0, m->pages, m->address, m->process};
    const struct narrow old = {command, (uint32_t)m->pages, m->address, m->process};
    memcpy(out, wide ? (const void *)&new : &old, page_message_size(wide));
    return page_message_size(wide);
}

void page_message_decode(const uint8_t bytes[PAGE_MESSAGE_MAX], bool wide, struct page_message *m)
{
    struct wide new;
    struct narrow old;
    memcpy(wide ? (void *)&new : &old, bytes, page_message_size(wide));
    *m = wide ? (struct page_message){new.command, new.pages, new.address, new.process}
              : (struct page_message){old.command, old.pages, old.address, old.process};
    m->command &= (1 << COMMAND_BITS) - 1;
}
