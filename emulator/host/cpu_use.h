/* CPU time by program, of the processes in this network namespace: those of one host of the testbed, or of the whole machine where the agent
 * has it to itself. From /proc/PID/stat (proc(5)), in ticks of 10 ms usually; what lives and dies between two samples is missed. Blocks for about a
 * microsecond a process of the machine and ten for each one of this host. */
#ifndef ROAMLAB_CPU_USE_H
#define ROAMLAB_CPU_USE_H

#include "simtime.h"

struct cpu_use;

/* User and system time that all processes called `program` (at most 15 bytes) have used between two samples; never zero. */
typedef void cpu_use_report(void *context, const char *program, struct simtime used);

/* Time counts from here. */
struct cpu_use *cpu_use_new(void);
void cpu_use_free(struct cpu_use *use); /* NULL-safe */
void cpu_use_sample(struct cpu_use *use, cpu_use_report *report, void *context);

/* Takes a line of /proc/PID/stat apart; false if it is none. `program` has 16 bytes. */
bool cpu_use_parse(const char *line, char *program, unsigned long long *ticks, unsigned long long *started);

#endif
