#include "link_totals.h"
#include "mem.h"

#include <inttypes.h>

static void report(struct link_totals *totals, const struct scenario *s, int link, int direction,
                   const struct link_counters *c, struct simtime at)
{
    const int *between = s->links[link].between;
    autofree char *name = mem_printf("%s-%s", s->hosts[between[direction]].name, s->hosts[between[!direction]].name);
    autofree char *text = mem_printf("dropped %" PRIu64 ", lost %" PRIu64, c->dropped, c->lost);
    const struct event event = {.at = at,
                                .kind = EVENT_CARRIED,
                                .direction = direction ? EVENT_RECEIVED : EVENT_SENT,
                                .reporter = name,
                                .peer = "",
                                .sender = "",
                                .text = text,
                                .mud = -1,
                                .number = link,
                                .migration = -1,
                                .begin = at,
                                .bytes = (int64_t)c->bytes,
                                .value = (int64_t)c->packets};
    totals->record(totals, &event);
}

void link_totals_report(struct link_totals *totals, const struct scenario *s, struct simtime at)
{
    struct link_counters counters;
    for (int i = 0; i < s->link_count * 2; i++)
        if (totals->count(totals, i / 2, i % 2, &counters))
            report(totals, s, i / 2, i % 2, &counters, at);
}
