/* Stand-alone shaping: the links of a links file on interfaces that exist, kept under a name until they are cleared.
 *
 * A set has a folder LINK_SETS/NAME with a journal (journal.h, a root of its own, so that `roamlab clean` leaves
 * it alone), which says what to take away again: only what a set has put there. The kernel's netem stays without us; our own
 * emulator, and links that change, need a process, which holds the journal's lock and writes what the links have carried
 * into the folder once a second. When that process is killed, links of our own emulator carry nothing
 * until they are cleared. */
#ifndef ROAMLAB_LINK_SET_H
#define ROAMLAB_LINK_SET_H

#include "driver.h"
#include "links_file.h"

#include <stdio.h>

#define LINK_SETS "/var/lib/roamlab/links"

struct link_set;

/* The driver that can do all that the file asks, or the one that is `wanted` by name; as link_driver_choose. */
const struct link_driver *link_set_driver(const struct links_file *file, const char *wanted, struct err *e);

/* link_set_ssh.c: -EBUSY if the links would shape the ssh connection by which the user is on this machine. */
int link_set_check_ssh(const struct links_file *file, struct err *e);

/* Does a process have to stay? */
bool link_set_needs_process(const struct links_file *file, const struct link_driver *driver);

/* Shapes all of them, or none: NULL and `e`. EEXIST if a set of that name is there. `file` outlives the set. */
struct link_set *link_set_apply(const struct links_file *file, const struct link_driver *driver,
                                const char *name, struct err *e);
/* Plays the changes until a signal comes (interrupt.h). A change that fails ends it with its error. */
int link_set_play(struct link_set *set, struct err *e);
/* Takes the shaping away and frees the set. NULL-safe. */
int link_set_remove(struct link_set *set, struct err *e);
/* Frees the set and leaves the shaping in the kernel. */
void link_set_leave(struct link_set *set);

/* Takes the set of that name away, or all (NULL), whoever holds it. Returns how many; ENOENT if there is none of that name. */
int link_set_clear(const char *name, struct err *e);
/* Lists the sets with their links and, while a process holds them, what these have carried. Returns how many. */
int link_set_show(FILE *out);

#endif
