/* Named network namespaces, where ip-netns(8) looks for them: /run/netns/NAME.
 *
 * As ip-netns does it, the folder is made a shared mount before the first namespace is bound in it: else a
 * later `ip netns add` would hide copies that nobody can unmount. If it was roamlab that made it so
 * (NAMESPACE_MARK remembers the mount), removing the last namespace undoes that too. Both sides take the lock
 * on the folder that ip-netns takes. */
#ifndef ROAMLAB_NAMESPACE_H
#define ROAMLAB_NAMESPACE_H

#include "err.h"
#include "netns.h" /* to enter one */

#define NAMESPACE_FOLDER "/run/netns"
#define NAMESPACE_MARK "/run/roamlab-netns"

/* NAMESPACE_FOLDER/NAME; free() it. */
char *namespace_path(const char *name);

/* A new namespace, empty but for a loopback interface that is down. -EEXIST if the name is taken. */
int namespace_create(const char *name, struct err *e);
/* Takes the name away; the namespace goes with the last process or socket in it. Harmless if there is none of
 * that name. */
int namespace_remove(const char *name, struct err *e);

/* Ends the processes that live in the namespace: SIGTERM, then SIGKILL after `patience_ms`. This process is
 * spared. */
int namespace_end_processes(const char *name, int patience_ms, struct err *e);

#endif
