#include "held.h"
#include "clock.h"
#include "mem.h"
#include "netns.h"
#include "segmentation.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCHES = 32, QUEUES_TRIED = 64 };

static bool needs_contents(const struct link_params *params)
{
    return params->duplicate > 0 || params->corrupt > 0;
}

static int open_copies(struct held *held, const char *namespace, struct err *e)
{
    int back;
    int status = netns_enter(namespace, &back, e);
    if (status < 0)
        return status;
    held->copies_fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
    netns_leave(back);
    return held->copies_fd < 0 ? err_errno(e, "raw socket for copies") : 0;
}

/* Somebody else's queues have numbers too. */
static int open_free_queue(struct held *held, const struct rule *rule, struct err *e)
{
    struct err why = ERR_INIT;
    int status = -EPERM;
    for (int number = rule->queue; number <= UINT16_MAX && number < rule->queue + QUEUES_TRIED; number++) {
        why = (struct err)ERR_INIT;
        status = nfqueue_open(&held->queue, rule->namespace, (uint16_t)number, &why);
        if (status != -EPERM && status != -EBUSY)
            break;
    }
    if (status < 0 && e)
        *e = why;
    return status;
}

/* The rule that counts comes before the other one goes, so that no packet is missed. */
static int let_pass(struct held *held, struct err *e)
{
    int status = held->counts ? 0 : rule_add(&held->rule, RULE_COUNT, e);
    held->counts = status == 0;
    if (status == 0 && held->catches && (status = rule_remove(&held->rule, RULE_QUEUE, e)) == 0)
        held->catches = false;
    return status;
}

int held_route(struct held *held, struct err *e)
{
    if (link_is_plain(&held->fifo.line.params))
        return let_pass(held, e);
    int status = held->catches ? 0 : rule_add(&held->rule, RULE_QUEUE, e);
    held->catches = status == 0;
    return status;
}

/* The rule comes last: what it catches must find a queue that copies enough. */
int held_open(struct held *held, const struct rule *rule, const struct link_params *params, struct err *e)
{
    *held = (struct held){.rule = *rule, .copies_fd = -1, .empty_ns = clock_monotonic().ns};
    held->rule.namespace = mem_copy_string(rule->namespace);
    held->rule.interface = mem_copy_string(rule->interface);
    fifo_init(&held->fifo, params);
    int status = open_free_queue(held, rule, e);
    if (status == 0)
        status = open_copies(held, rule->namespace, e);
    if (status == 0 && needs_contents(params))
        status = nfqueue_copy_whole(&held->queue, true, e);
    held->rule.queue = held->queue.number;
    return status == 0 ? held_route(held, e) : status;
}

void held_close(struct held *held)
{
    nfqueue_close(&held->queue);
    fifo_free(&held->fifo);
    free((char *)held->rule.namespace);
    free((char *)held->rule.interface);
    if (held->copies_fd >= 0)
        close(held->copies_fd);
}

/* Whole packets are copied before the first one is drawn for, and until the last one has been. */
int held_change(struct held *held, const struct link_params *params, struct err *e)
{
    bool needed = needs_contents(&held->fifo.line.params), needs = needs_contents(params);
    int status = needs && !needed ? nfqueue_copy_whole(&held->queue, true, e) : 0;
    if (status < 0)
        return status;
    held_read(held); /* what came before the change is not subject to it */
    fifo_change(&held->fifo, params);
    return needed && !needs ? nfqueue_copy_whole(&held->queue, false, e) : 0;
}

/* Its age is what carries over from the calendar clock to the monotonic one, as far as it is possible: somebody may have set the former. */
int64_t held_arrival(int64_t stamp_ns, int64_t real_ns, int64_t monotonic_ns, int64_t empty_ns)
{
    int64_t age = stamp_ns ? real_ns - stamp_ns : 0, most = monotonic_ns - empty_ns;
    return monotonic_ns - (age < 0 ? 0 : age > most ? most : age);
}

int held_read(struct held *held)
{
    struct nfqueue_packet packets[NFQUEUE_BATCH];
    int count = NFQUEUE_BATCH, sum = 0;
    /* Bounded, so that one busy link does not keep the others from being served. */
    for (int batch = 0; batch < BATCHES && count == NFQUEUE_BATCH; batch++) {
        struct timespec real;
        int64_t begin_ns = clock_monotonic().ns;
        count = nfqueue_read(&held->queue, packets);
        clock_gettime(CLOCK_REALTIME, &real);
        int64_t real_ns = (int64_t)real.tv_sec * 1000000000 + real.tv_nsec,
                monotonic_ns = clock_monotonic().ns;
        for (int i = 0; i < count; i++) {
            sum += (int)segmentation_packets(packets[i].bytes);
            int64_t at = held_arrival(packets[i].arrived_ns, real_ns, monotonic_ns, held->empty_ns);
            if (fifo_arrive(&held->fifo, at, packets[i].bytes, packets[i].number, packets[i].contents) !=
                FIFO_TAKEN)
                nfqueue_drop(&held->queue, packets[i].number);
        }
        nfqueue_flush(&held->queue);
        if (count >= 0 && count < NFQUEUE_BATCH)
            held->empty_ns = begin_ns;
    }
    return sum;
}

/* As sent by this host: past PREROUTING, so it is not queued a second time. */
static void send_copy(struct held *held, const struct fifo_packet *packet)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    if (!packet->contents || packet->bytes < 20)
        return;
    memcpy(&to.sin_addr, packet->contents + 16, sizeof to.sin_addr);
    (void)!sendto(held->copies_fd, packet->contents, packet->bytes, MSG_DONTWAIT, (struct sockaddr *)&to,
                  sizeof to);
}

/* A packet that does not come out in order. */
static void release(struct held *held, const struct fifo_packet *packet)
{
    if (packet->copy)
        send_copy(held, packet);
    else if (packet->contents)
        nfqueue_accept_as(&held->queue, packet->number, packet->contents, packet->bytes);
    else
        nfqueue_accept(&held->queue, packet->number);
    free(packet->contents);
}

void held_deliver(struct held *held, int64_t now_ns)
{
    struct fifo_packet packet;
    bool in_order = false; /* there are some, up to `number`, which one verdict lets go */
    uint32_t number = 0;
    while (fifo_take(&held->fifo, now_ns, &packet)) {
        held->counters.packets += packet.packets;
        held->counters.bytes += packet.bytes;
        lateness_record(&held->lateness, simtime_ns(now_ns - packet.due_ns));
        bool alone = !packet.in_order || packet.copy || packet.contents;
        if (alone && in_order)
            nfqueue_accept_up_to(&held->queue, number);
        in_order = !alone;
        number = packet.number;
        if (alone)
            release(held, &packet);
    }
    if (in_order)
        nfqueue_accept_up_to(&held->queue, number);
    nfqueue_flush(&held->queue);
}

int64_t held_due(struct held *held)
{
    return fifo_due(&held->fifo);
}

struct link_counters held_count(const struct held *held)
{
    struct link_counters counters = held->counters;
    counters.seeded = true;
    counters.dropped = held->fifo.full;
    counters.lost = held->fifo.lost;
    counters.lateness = lateness_summary(&held->lateness);
    return counters;
}

int held_passed(const struct held *held, struct link_counters *sum, struct err *e)
{
    uint64_t packets, bytes;
    int status = held->counts ? rule_read(&held->rule, &packets, &bytes, e) : 0;
    if (status < 0 || !held->counts)
        return status;
    sum->packets += packets;
    sum->bytes += bytes;
    return 0;
}
