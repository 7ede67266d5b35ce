/* How many lazy pages are asked for ahead (prepaging.h): as many as keep the link busy without a queue behind which a fault would wait, as in FAST TCP
 * (Wei, Jin, Low and Hegde, IEEE/ACM Transactions on Networking 14 (6), 2006). Pure. */
#ifndef ROAMLAB_PAGE_WINDOW_H
#define ROAMLAB_PAGE_WINDOW_H

#include "simtime.h"

enum { PAGE_WINDOW_MIN = 32, PAGE_WINDOW_START = 64, PAGE_WINDOW_MAX = 4096 };

struct page_window {
    uint64_t pages;          /* that may be under way */
    struct simtime shortest; /* that any answer took; zero: there was none */
};

#define PAGE_WINDOW_INIT ((struct page_window){.pages = PAGE_WINDOW_START})

/* An answer has brought `pages`, so long after they were asked for; `under_way` were then, themselves included. */
void page_window_adapt(struct page_window *w, uint64_t pages, uint64_t under_way, struct simtime took);
/* How long an answer may take where one without a queue takes `shortest`. */
struct simtime page_window_allowed(struct simtime shortest);

#endif
