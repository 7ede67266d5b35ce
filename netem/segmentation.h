/* Segmentation offload: the stack passes super-packets of up to 64 KB down as one. On a slow emulated line
 * such a packet would leave as one burst (6.5 ms at 80 Mbit/s), so links below 1 Gbit/s turn it off where
 * packets leave; above, the super-packet is kept for speed and counted as the packets that it stands for. */
#ifndef ROAMLAB_SEGMENTATION_H
#define ROAMLAB_SEGMENTATION_H

#include "err.h"

#include <stdint.h>

#define SEGMENTATION_OFF_BELOW_BPS 1000000000u

/* Which of TSO, GSO and GRO (bits 0 to 2) are on for the interface in the namespace (NULL: the calling thread's), by
 * ethtool's ioctl; and puts them so. */
int segmentation_read(const char *netns, const char *interface, unsigned *on, struct err *e);
int segmentation_set(const char *netns, const char *interface, unsigned on, struct err *e);

/* Packets of MTU size that a (super-)packet of `ip_bytes` stands for, and the bytes of them all on an Ethernet
 * line: every one repeats the headers (IP 20 + TCP with timestamps 32) and has 14 bytes of Ethernet before it. */
uint32_t segmentation_packets(uint32_t ip_bytes);
uint64_t segmentation_line_bytes(uint32_t ip_bytes);

#endif
