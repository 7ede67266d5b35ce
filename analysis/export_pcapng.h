/* The packet captures of a run's hosts (FOLDER/HOST.pcap) as one pcapng file (draft-ietf-opsawg-pcapng), so that Wireshark shows a packet's whole
 * way: an interface for each host, named after it, all packets in the order of their times. */
#ifndef ROAMLAB_EXPORT_PCAPNG_H
#define ROAMLAB_EXPORT_PCAPNG_H

#include "err.h"

/* -ENOENT if the run was not captured. Captures of hosts whose end is cut off count up to there. */
int export_pcapng(const char *folder, const char *out, struct err *e);

#endif
