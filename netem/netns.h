/* Visits to network namespaces. A namespace belongs to a thread, not to a process: a visit moves the calling
 * thread only, and a socket opened during the visit stays in the namespace for life
 * (network_namespaces(7)). */
#ifndef ROAMLAB_NETNS_H
#define ROAMLAB_NETNS_H

#include "err.h"

/* Moves the calling thread into the namespace bound at `path` (NULL: into none, the thread stays). *back is
 * what netns_leave needs. On an error the thread has not moved. */
int netns_enter(const char *path, int *back, struct err *e);

/* Moves the calling thread into a new, nameless namespace, which disappears with the last thing that uses
 * it. */
int netns_enter_private(int *back, struct err *e);

/* Back to where the thread came from. A thread that cannot go back would do its further work in the wrong
 * network: the process ends then. */
void netns_leave(int back);

#endif
