/* Lazy pages in virtual time: which pages of a restored container's memory are still at the source. They come in the order of their
 * addresses, those that a request touches at once, each for a round trip and what is under way. What breaks off at one end breaks off at the other. */
#include "mem.h"
#include "sim_internal.h"

#include <stdlib.h>

struct sim_pages {
    struct simtime fault; /* beside the round trip */
    uint32_t total, left; /* to be fetched in the background, and of them not there yet */
    uint32_t next;        /* the background is there, by page number */
    bool missing[];       /* by page number */
};

static uint32_t memory_pages(const struct sim *sim)
{
    return (uint32_t)(sim->layout->memory_bytes / STATE_PAGE);
}

static struct sim_order *find_order(struct sim *sim, const struct order *o, enum operation operation)
{
    struct sim_order *so = sim->devices[o->mud].orders;
    while (so && (so->order.operation != operation || so->order.migration != o->migration))
        so = so->next;
    return so;
}

static void mark(struct sim_pages *p, uint32_t page)
{
    p->total += !p->missing[page];
    p->missing[page] = true;
}

static void mark_rewritten(struct sim *sim, struct sim_pages *p, uint32_t from, uint32_t until)
{
    struct statechain_touch touches[STATE_TOUCHED];
    const struct layout *l = sim->layout;
    for (uint32_t n = from; n < until; n++) {
        int count = statechain_touches(l->seed, n, &l->state_size, touches);
        for (int i = 0; i < count; i++)
            if (touches[i].area == STATE_MEMORY)
                mark(p, touches[i].page);
    }
}

/* --- faults --------------------------------------------------------------------------------------------------------------------- */

/* Pages arrive as the transfer's bytes do. */
static void take_in(struct sim_pages *p, uint64_t bytes_left)
{
    uint64_t left = (bytes_left + STATE_PAGE - 1) / STATE_PAGE;
    for (; p->left > left; p->next++) {
        p->left -= p->missing[p->next];
        p->missing[p->next] = false;
    }
}

/* One after the other, as the requests of one thread. */
static struct simtime wait_for_pages(struct sim_container *c, uint32_t number)
{
    struct sim *sim = c->owner;
    struct sim_pages *p = c->pages;
    const struct layout *l = sim->layout;
    struct order o = {.mud = c->mud, .migration = c->container};
    const struct sim_order *fetch = p ? find_order(sim, &o, OP_FETCH_PAGES) : NULL;
    struct statechain_touch touches[STATE_TOUCHED];
    struct simtime wait = SIMTIME_ZERO;
    if (!fetch)
        return wait;
    take_in(p, sim_transfer_to_come(fetch));
    struct simtime one = simtime_add(p->fault, sim_transfer_page_time(fetch));
    int count = statechain_touches(l->seed, number, &l->state_size, touches);
    for (int i = 0; i < count; i++)
        if (touches[i].area == STATE_MEMORY && p->missing[touches[i].page]) {
            p->missing[touches[i].page] = false;
            p->left--;
            wait = simtime_add(wait, one);
        }
    return wait;
}

/* --- the container ---------------------------------------------------------------------------------------------------------------- */

void sim_pages_lack(struct sim *sim, const struct order *o)
{
    struct sim_container *c = sim_find_container(sim, o->edge.index, o->mud, o->container);
    struct sim_pages *p = mem_alloc(sizeof *p + memory_pages(sim) * sizeof *p->missing);
    uint32_t from, until;
    p->fault = sim->layout->costs[OP_FETCH_PAGES].fixed;
    if (sim_snapshot_interval(sim, o, &from, &until))
        mark_rewritten(sim, p, from, until);
    else
        for (uint32_t page = 0; page < memory_pages(sim); page++)
            mark(p, page);
    p->left = p->total;
    c->pages = p;
    c->waits = wait_for_pages;
}

uint64_t sim_pages_bytes(struct sim *sim, const struct order *o)
{
    const struct sim_container *c = sim_find_container(sim, o->edge.index, o->mud, o->container);
    return c && c->pages ? (uint64_t)c->pages->total * STATE_PAGE : 0;
}

bool sim_pages_are_served(struct sim *sim, const struct order *o)
{
    return find_order(sim, o, OP_SERVE_PAGES);
}

void sim_pages_end(struct sim *sim, const struct order *o, bool well)
{
    struct sim_container *c = sim_find_container(sim, o->edge.index, o->mud, o->container);
    if (!c || o->operation != OP_FETCH_PAGES)
        return;
    free(steal(c->pages));
    if (!well)
        sim_container_freeze(c); /* on its first touch */
}

void sim_pages_source_dies(struct sim *sim, uint32_t edge, uint32_t mud, uint32_t container)
{
    for (struct sim_order *so = sim->devices[mud].orders; so; so = so->next)
        if (so->order.operation == OP_SERVE_PAGES && so->order.edge.index == edge &&
            so->order.container == container) {
            so->stalled = true;
            sim_arm(sim, sim_edge_host(sim, so->order.edge), &so->timer, SIMTIME_ZERO);
        }
}

void sim_pages_see_no_byte(struct sim_order *so)
{
    sim_transfer_leave(so);
    so->stalled = true;
    sim_arm(so->sim, sim_edge_host(so->sim, so->order.edge), &so->timer, so->sim->layout->progress);
}

void sim_pages_break_off(struct sim_order *so)
{
    bool serves = so->order.operation == OP_SERVE_PAGES;
    struct sim_order *other = find_order(so->sim, &so->order, serves ? OP_FETCH_PAGES : OP_SERVE_PAGES);
    const struct sim_order *source = serves ? so : other;
    if (operation_is_of_pages(so->order.operation) && other && !sim_transfer_arrived(so->sim, &source->order, OP_FETCH_PAGES))
        sim_pages_see_no_byte(other);
}
