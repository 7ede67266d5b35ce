/* What a link does to packets: one struct for both worlds and every driver, in tc-netem(8)'s terms.
 *
 * One `link_params` describes one direction. Every packet goes through these steps, in this order, which is that of
 * Linux's sch_netem (net/sched/sch_netem.c, netem_enqueue), the same in every driver:
 *
 * 1. duplicate: with this probability there are two packets; the second never doubles again and has its own fate
 *    from step 2 on.
 * 2. loss: it is gone. A packet that is doubled and lost at once goes on as one. Lost packets take no time on the line.
 * 3. corrupt: one random bit of it is turned. Our own driver turns bits from the IP header on, netem also in the
 *    Ethernet header; receivers drop most such packets by their checksums, and the model counts all of them as dropped.
 * 4. queue: in front of the rate waits a FIFO of `queue_packets` packets, and of `queue_bytes` bytes as they are
 *    on the line. A packet that finds it full is dropped. Packets in flight (delayed) do not count. netem has
 *    one limit for both, in packets: the kernel driver adds what a full line has in flight at delay + jitter, and
 *    refuses queue_bytes. Without a rate there is no queue.
 * 5. reorder: every gap-th packet, with this probability, arrives at once, past delay, rate and slot.
 * 6. delay: each packet draws delay + jitter × a deviation: uniform in [-1, 1), or a value of a table / 8192, never less than 0.
 *    Without a rate a packet with a shorter delay overtakes.
 * 7. rate: arrival = max(entry + its delay, the arrival before it) + its time on the line. So packets keep their
 *    order; with a constant delay this is a FIFO, a line and then a flight. A packet is as long on the line
 *    as its IP packet + 14 bytes of Ethernet + packet_overhead; with cells, as all cells that it begins.
 * 8. slot: what has arrived comes out in bursts. The first packet that is due after a burst sets the time of the next,
 *    min to max later (uniform); in a burst come at most so many packets or bytes, the others wait for the next one.
 *
 * A change in place holds for packets that enter after it; those inside keep their times. The loss models start in
 * their good state, and again when they are changed (netem: when anything is); a gap is counted anew.
 *
 * Correlated draws of loss, duplicate, corrupt and reorder are netem's: x = draw × (1 - c) + last × c, happens if x is
 * below the probability. That makes small probabilities rarer than they say; for bursts of loss take one of the models.
 * jitter_correlation keeps the distribution and correlates the ranks of successive deviations (a Gaussian copula).
 * netem takes a correlation of delays but loses it (it takes the draw modulo the size of its table, or of the range, which
 * leaves the uncorrelated low digits), so the kernel driver refuses it.
 *
 * Probabilities and correlations are in [0, 1]; zeros ask for nothing. */
#ifndef ROAMLAB_LINK_H
#define ROAMLAB_LINK_H

#include "err.h"
#include "simtime.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LINK_MTU = 1500,
    LINK_ETHERNET = 14,       /* header bytes that count on the line */
    LINK_QUEUE_DEFAULT = 1000 /* tc-netem's own default */
};

enum link_distribution {
    LINK_UNIFORM,
    LINK_NORMAL, /* this and the next two: iproute2's tables */
    LINK_PARETO,
    LINK_PARETONORMAL,
    LINK_TABLE /* a user's file, in iproute2's form: see distribution.h */
};

/* Values of such a table: deviations from the mean in units of jitter / 8192. */
struct link_table {
    size_t count; /* 1 to 16384 */
    int16_t values[];
};

enum link_loss_model {
    LINK_LOSS_RANDOM,
    LINK_LOSS_GILBERT_ELLIOTT, /* tc: loss gemodel p r 1-h 1-k */
    LINK_LOSS_MARKOV           /* tc: loss state p13 p31 p32 p23 p14 */
};

struct link_params {
    struct simtime delay;  /* one way: half of a scenario's rtt_ms */
    struct simtime jitter; /* at most LINK_JITTER_MAX_NS */
    double jitter_correlation;
    enum link_distribution distribution;
    const struct link_table
        *table; /* of LINK_TABLE; not owned, it outlives whatever was given these parameters */

    uint64_t rate_bps;       /* bits per second; 0 = not limited */
    int32_t packet_overhead; /* bytes more (or fewer) per packet on the line */
    uint32_t cell_bytes;     /* payload of a cell, such as ATM's 48; 0 = no cells */
    int32_t cell_overhead;   /* header of a cell, such as ATM's 5 */

    uint32_t queue_packets; /* 0 = LINK_QUEUE_DEFAULT */
    uint64_t queue_bytes;   /* 0 = not limited in bytes */

    enum link_loss_model loss_model;
    double loss; /* of the random model */
    double loss_correlation;
    struct {
        double p, r;                /* from good to bad, from bad to good, per packet */
        double loss_bad, loss_good; /* 1-h and 1-k */
    } gilbert_elliott;
    struct { /* 1 good, 3 lost in a burst, 2 good in a burst, 4 a single loss (Salsano09) */
        double p13, p31, p32, p23, p14;
    } markov;

    double duplicate, duplicate_correlation;
    double corrupt, corrupt_correlation;
    double reorder, reorder_correlation;
    uint32_t gap; /* 0 or 1 = any packet */

    struct {
        struct simtime min, max; /* both 0 = no slots */
        uint32_t packets, bytes; /* at most so many in a burst; 0 = any number */
    } slot;

    uint64_t seed; /* of everything random. netem takes it from Linux 6.6 on; before, it draws as it likes */
};

#define LINK_JITTER_MAX_NS INT64_C(2147483647) /* netem's: it keeps 31 bits */

/* Can any driver do it? EINVAL names the parameter; ENOENT a table of iproute2's that is not installed. */
int link_params_check(const struct link_params *params, struct err *e);

/* True if the parameters change nothing about a packet. */
bool link_is_plain(const struct link_params *params);
/* Packets that a queue of these parameters holds: the default for 0. */
uint32_t link_queue_packets(const struct link_params *params);
bool link_has_slots(const struct link_params *params);
/* Something random may happen to single packets, so packets must not travel as super-packets. */
bool link_is_random(const struct link_params *params);
/* How long `packets` packets, all but the last of full size, are on the line in ns; 0 without a rate. `line_bytes`
 * counts them all with their Ethernet headers, without overhead and cells. */
int64_t link_line_ns(const struct link_params *params, uint64_t line_bytes, uint32_t packets);

#endif
