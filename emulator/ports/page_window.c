#include "page_window.h"

enum { SLACK_MS = 20, ONE_REQUEST = 16 };

/* The slack is the machines'. */
struct simtime page_window_allowed(struct simtime shortest)
{
    return simtime_add(simtime_ns(shortest.ns / 4 * 5), simtime_ms(SLACK_MS));
}

/* As many as were under way would have been, had it taken no longer than is allowed, and one request more. It moves by what has come: a window that is
 * too small doubles in a round trip. */
void page_window_adapt(struct page_window *w, uint64_t pages, uint64_t under_way, struct simtime took)
{
    if (w->shortest.ns == 0 || simtime_before(took, w->shortest))
        w->shortest = took;
    int64_t allowed = page_window_allowed(w->shortest).ns;
    uint64_t wanted = under_way * (uint64_t)allowed / (uint64_t)(took.ns + 1) + ONE_REQUEST;
    if (wanted > w->pages)
        w->pages = w->pages + pages < PAGE_WINDOW_MAX ? w->pages + pages : PAGE_WINDOW_MAX;
    else if (wanted < w->pages)
        w->pages = w->pages > PAGE_WINDOW_MIN + pages ? w->pages - pages : PAGE_WINDOW_MIN;
}
