#include "scenario_key.h"

#include <string.h>

/* Breadth first from `from`: fills for every host the link (times 2, plus direction) by which it was first
 * reached. The queue and the file's order decide ties. */
static void spread(const struct scenario *s, int from, int to, int reached_by[SCENARIO_HOSTS_MAX])
{
    int queue[SCENARIO_HOSTS_MAX], head = 0, tail = 0;
    bool seen[SCENARIO_HOSTS_MAX] = {false};
    memset(reached_by, -1, SCENARIO_HOSTS_MAX * sizeof reached_by[0]);
    queue[tail++] = from;
    seen[from] = true;
    while (head < tail && !seen[to]) {
        int here = queue[head++];
        if (here != from && !s->hosts[here].forwards)
            continue;
        for (int i = 0; i < s->link_count; i++) {
            int direction = s->links[i].between[1] == here;
            if (s->links[i].between[direction] != here)
                continue;
            int there = s->links[i].between[!direction];
            if (seen[there])
                continue;
            seen[there] = true;
            reached_by[there] = i * 2 + direction;
            queue[tail++] = there;
        }
    }
}

int scenario_route(const struct scenario *s, int a, int b, int *hops, int hops_max)
{
    int reached_by[SCENARIO_HOSTS_MAX], count = 0;
    /* Always searched from the lower host, so that both directions take the same links. */
    int from = a < b ? a : b, to = a < b ? b : a;
    spread(s, from, to, reached_by);
    for (int host = to; host != from; count++) {
        if (reached_by[host] < 0)
            return -1;
        host = s->links[reached_by[host] / 2].between[reached_by[host] % 2];
    }
    int host = to;
    for (int i = 0; i < count; i++) {
        int hop = reached_by[host], place = a == from ? count - 1 - i : i;
        host = s->links[hop / 2].between[hop % 2];
        if (place < hops_max)
            hops[place] = a == from ? hop : hop ^ 1;
    }
    return count;
}
