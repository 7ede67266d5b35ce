/* How long an idle processor may take to wake (Linux's PM QoS, Documentation/power/pm_qos_interface.rst): a halted one
 * takes tens of microseconds, in a virtual machine more, and both our thread and the receiver of a packet wake from
 * idle. While `short_wakes` is on, all idle processors poll instead of halting: that costs power, and nothing that
 * anyone else could have used. Without the right to ask for it (root), or where the kernel halts all the same, things
 * are as they were. */
#ifndef ROAMLAB_CPU_LATENCY_H
#define ROAMLAB_CPU_LATENCY_H

#include <stdbool.h>

struct cpu_latency {
    int fd;           /* < 0 = not allowed */
    bool short_wakes; /* what was asked for last */
};

void cpu_latency_open(struct cpu_latency *latency);
void cpu_latency_close(struct cpu_latency *latency); /* wakes are as they were */
/* Asking for what is already so costs nothing. */
void cpu_latency_set(struct cpu_latency *latency, bool short_wakes);

#endif
