/* What the programs of an agent's host use of its CPUs during a run, as events (EVENT_CPU). */
#ifndef ROAMLAB_AGENT_CPU_H
#define ROAMLAB_AGENT_CPU_H

#include "cast.h"
#include "cpu_use.h"
#include "loop.h"

/* Embedded in its owner, zeroed; `loop`, `port`, `cast` and `host` outlive it. */
struct agent_cpu {
    struct loop *loop;
    struct port *port; /* tells the run's time */
    struct cast *cast; /* records */
    const char *host;  /* its name */
    struct timer timer;
    struct cpu_use *use;
    struct simtime before; /* the last sample */
};

void agent_cpu_begin(struct agent_cpu *cpu);
void agent_cpu_end(struct agent_cpu *cpu); /* harmless if it has not begun */

#endif
