#include "tcp_stream.h"
#include "mem.h"
#include "rng.h"

#include <stdlib.h>
#include <string.h>

enum { WAITING_MAX = 4 << 20, BUCKETS = 1024 };

/* A packet that came before its predecessors. */
struct waiting {
    struct waiting *next; /* in the order of sequence numbers */
    uint32_t sequence;
    size_t len;
    uint8_t bytes[];
};

struct entry {
    struct tcp_stream stream;
    struct entry *next;
    bool begun, broken;       /* broken: what is heard next does not follow */
    uint32_t first, expected; /* sequence numbers: of the connection's first byte, the next one */
    struct waiting *waiting;  /* owned */
    size_t waiting_bytes;
};

struct tcp_streams {
    struct entry *buckets[BUCKETS]; /* owned */
    tcp_stream_bytes *hear;
    void *context;
    uint64_t gaps;
};

struct tcp_streams *tcp_streams_new(tcp_stream_bytes *hear, void *context)
{
    struct tcp_streams *streams = mem_alloc(sizeof *streams);
    streams->hear = hear;
    streams->context = context;
    return streams;
}

static struct entry *entry_of(struct tcp_streams *streams, const struct packet *p)
{
    uint64_t key = rng_mix((uint64_t)p->from << 32 | p->to) ^ ((uint64_t)p->from_port << 16 | p->to_port);
    struct entry **place = &streams->buckets[rng_mix(key) % BUCKETS], *entry = *place;
    for (; entry; entry = entry->next)
        if (entry->stream.from == p->from && entry->stream.to == p->to &&
            entry->stream.from_port == p->from_port && entry->stream.to_port == p->to_port)
            return entry;
    entry = mem_alloc(sizeof *entry);
    entry->stream = (struct tcp_stream){p->from, p->to, p->from_port, p->to_port, NULL};
    entry->next = *place;
    return *place = entry;
}

/* Sequence numbers wrap. */
static int32_t ahead(uint32_t sequence, uint32_t of)
{
    return (int32_t)(sequence - of);
}

/* Hears what of these bytes is new. They do not begin behind what is expected. */
static void hear(struct tcp_streams *streams, struct entry *entry, uint32_t sequence, const uint8_t *bytes,
                 size_t len)
{
    size_t known = entry->expected - sequence;
    if (known >= len)
        return;
    streams->hear(streams->context, &entry->stream, bytes + known, len - known, entry->broken);
    entry->broken = false;
    entry->expected = sequence + (uint32_t)len;
}

static struct waiting *take_first(struct entry *entry)
{
    struct waiting *first = entry->waiting;
    entry->waiting = first->next;
    entry->waiting_bytes -= first->len;
    return first;
}

/* Lets those through that are no longer too early; with `all`, across gaps. */
static void let_through(struct tcp_streams *streams, struct entry *entry, bool all)
{
    while (entry->waiting && (all || ahead(entry->waiting->sequence, entry->expected) <= 0)) {
        autofree struct waiting *first = take_first(entry);
        if (ahead(first->sequence, entry->expected) > 0) {
            entry->expected = first->sequence;
            entry->broken = true;
            streams->gaps++;
        }
        hear(streams, entry, first->sequence, first->bytes, first->len);
    }
}

static void wait_for_predecessors(struct entry *entry, const struct packet *p)
{
    struct waiting *waiting = mem_alloc(sizeof *waiting + p->len), **place = &entry->waiting;
    *waiting = (struct waiting){.sequence = p->sequence, .len = p->len};
    memcpy(waiting->bytes, p->payload, p->len);
    while (*place && ahead((*place)->sequence, p->sequence) < 0)
        place = &(*place)->next;
    waiting->next = *place;
    *place = waiting;
    entry->waiting_bytes += p->len;
}

/* A connection, or the first that is seen of one. */
static void begin(struct tcp_streams *streams, struct entry *entry, uint32_t sequence)
{
    let_through(streams, entry, true);
    entry->broken = entry->begun;
    entry->begun = true;
    entry->first = entry->expected = sequence;
}

void tcp_streams_add(struct tcp_streams *streams, const struct packet *packet)
{
    struct packet p = *packet;
    struct entry *entry = entry_of(streams, &p);
    p.sequence += p.syn;
    if (!entry->begun || (p.syn && p.sequence != entry->first)) /* a SYN may be resent */
        begin(streams, entry, p.sequence);
    if (p.len == 0)
        return;
    if (ahead(p.sequence, entry->expected) > 0)
        wait_for_predecessors(entry, &p);
    else
        hear(streams, entry, p.sequence, p.payload, p.len);
    let_through(streams, entry, entry->waiting_bytes > WAITING_MAX);
}

uint64_t tcp_streams_finish(struct tcp_streams *streams)
{
    for (int i = 0; i < BUCKETS; i++)
        for (struct entry *entry = streams->buckets[i]; entry; entry = entry->next)
            let_through(streams, entry, true);
    return streams->gaps;
}

void tcp_streams_free(struct tcp_streams *streams, void (*free_owners)(void *))
{
    for (int i = 0; i < BUCKETS; i++)
        while (streams->buckets[i]) {
            struct entry *entry = streams->buckets[i];
            streams->buckets[i] = entry->next;
            while (entry->waiting)
                free(take_first(entry));
            free_owners(entry->stream.owners);
            free(entry);
        }
    free(streams);
}
