/* What the kernel says of processes, in /proc, proc(5), where one that is gone or hides says nothing, and by its clocks. */
#ifndef ROAMLAB_PROC_H
#define ROAMLAB_PROC_H

#include <stdint.h>
#include <sys/types.h>

/* The process that /proc/PID/status names as `field` (PPid, TracerPid); 0 = none. */
pid_t proc_status(pid_t pid, const char *field);

/* Bytes of memory that the machine could give away without writing any to a disk first; 0 = it does not say. */
uint64_t proc_available_memory(void);

/* Processor time that this process has had: what others do on the machine does not count. */
double proc_own_seconds(void);

/* One of the texts, each ended by a zero byte, in /proc/PID/FILE (environ, cmdline) that begins like this: what stands behind that. NULL: none;
 * else free() it. */
char *proc_text_after(pid_t pid, const char *file, const char *beginning);

#endif
