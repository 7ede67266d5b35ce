/* roamlab's own link emulator, for kernels without sch_netem: one thread a run for all its links.
 *
 * Where packets arrive, an iptables rule sends them to an NFQUEUE; they stay in the kernel and this thread
 * only says when each may go on: at max(the kernel's arrival stamp, line free) + bytes·8/rate + delay.
 * Arriving packets belong to no sender's socket any more; held on the sending side they would count against
 * TCP's small-queue limit and throttle the flow. So a capture on the receiving interface sees packets before
 * the delay (at the time at which they were sent).
 *
 * The thread runs under SCHED_FIFO where that is allowed, reads arrivals in batches (their stamps make late
 * reading harmless as long as it is shorter than the delay), wakes shortly before a packet is due and spins
 * the rest, but never more than an eighth of the time; the packets of dense traffic (8 of MTU size or more at a time) leave
 * in small batches instead, late by at most 2 % of the shortest delay (100 to 200 µs). Without a delay, dense traffic gathers for 100 µs.
 * From 2 ms before a packet is due, idle processors poll (cpu_latency.h).
 *
 * Packets to be doubled or changed are copied out of the kernel whole. The second one of a doubled packet is sent by a
 * raw socket of the receiving namespace: it arrives there over the loopback interface.
 *
 * A direction whose parameters ask for nothing has no such rule: its packets pass at the plain route's speed, counted by
 * another rule. A change puts the rule in or takes it out: a packet of the few that arrive at that very moment
 * (some microseconds) may pass one that is just leaving the queue; none is lost.
 *
 * When the process dies the kernel drops what the rules catch: a shaped link is closed, never fast. */
#ifndef ROAMLAB_USERSPACE_H
#define ROAMLAB_USERSPACE_H

#include "driver.h"

extern const struct link_driver link_driver_userspace;

#endif
