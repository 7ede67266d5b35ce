/* User Mode Linux: a Linux kernel as a program, which has sch_netem where this machine's kernel has not. A program
 * boots it with itself as init, sees the machine's files read-only, does its work in there and prints what it found.
 * Debian: apt-get install user-mode-linux. */
#ifndef ROAMLAB_UML_H
#define ROAMLAB_UML_H

#include "err.h"

#include <stdbool.h>

/* Is it installed, with sch_netem? EOPNOTSUPP and the hint otherwise. */
int uml_available(struct err *e);

/* Boots it with this very program as init and `arguments` (NULL-terminated, no spaces within), waits until it
 * halts, at most `seconds`. `first`: before all ordinary processes, so that nothing it delivers is late, where that
 * is allowed; only for work that sleeps between, as a busy one would take a processor for itself. *output is what was printed in there; free() it. How it ended says nothing about what
 * was done in it. A program with a sanitizer does not fit into it. */
int uml_run(const char *const *arguments, int seconds, bool first, char **output, struct err *e);

/* Does this process run in there? */
bool uml_inside(void);

/* For its init: prepares /proc, /sys and /run, runs `work` in a child, halts the machine. Does not return. */
void uml_serve(void (*work)(void *context), void *context) __attribute__((noreturn));

/* Inside: loads a module of the kernel, such as "net/sched/sch_netem". Already loaded is good. */
int uml_module(const char *name, struct err *e);

#endif
