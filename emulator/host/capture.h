/* A host's packets into a file: every frame on every interface of the network namespace in which it is
 * started, loopback and interfaces added later included, at full length, as Wireshark opens it.
 *
 * Source: libpcap on "any". File: pcap with nanoseconds, link type LINUX_SLL2 (276): the 20-byte cooked
 * header names interface and direction of each packet, in place of the Ethernet header. A packet that this
 * host forwards stands in it twice, in and out; one over loopback once. With segmentation offload on, a frame
 * may be longer than the MTU: that is what the stack handed over.
 *
 * On the loop, in bites too short to delay it. The kernel buffers 32 MB per capture, about three seconds at
 * 80 Mbit/s; what did not fit is counted, not hidden. The file is flushed within a second of the last packet,
 * so that a killed process leaves a readable one. Wall time only. Needs CAP_NET_RAW. */
#ifndef ROAMLAB_CAPTURE_H
#define ROAMLAB_CAPTURE_H

#include "loop.h"

struct capture;

struct capture_counts {
    uint64_t packets, bytes; /* written, bytes of frames without file headers */
    uint64_t dropped;        /* by the kernel, for want of buffer; on loopback each loss counts twice */
};

/* Called once if the capture breaks on its way (disk full, …): what it has is flushed, it records no more,
 * its owner still calls capture_stop(). May be NULL. */
typedef void capture_failed(void *context, const struct err *e);

/* Starts to write to `path`, which is overwritten. */
int capture_start(struct capture **capture, struct loop *loop, const char *path, capture_failed *failed,
                  void *context, struct err *e);
/* Takes what the kernel still has (which blocks for about 0.1 s), flushes, closes, frees. `counts` may be
 * NULL. NULL-safe. An error means that the file is not whole. */
int capture_stop(struct capture *capture, struct capture_counts *counts, struct err *e);
struct capture_counts capture_counts(struct capture *capture);

#endif
