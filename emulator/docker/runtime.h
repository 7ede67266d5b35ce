/* Which CRIU works on this kernel: found out by dumping and restoring a small program with a socket, never
 * by version numbers. */
#ifndef ROAMLAB_DOCKER_RUNTIME_H
#define ROAMLAB_DOCKER_RUNTIME_H

#include "err.h"

#include <sys/types.h>

/* Where tools/fetch-criu puts the one that it fetches. */
#define RUNTIME_CRIU_PREFIX "/var/lib/roamlab/criu"

struct runtime {
    char criu_folder[256]; /* for daemon_options.criu_folder; "" = the CRIU that PATH finds */
    char criu_version[64]; /* "4.2.1" */
    char docker_version[256]; /* of the one that is installed; with ", HOST: VERSION" for each Engine of the user's */
    char runc_version[64];
    char dirty_tracking[16]; /* what pre-copy finds changed pages by: "tracked" by the kernel, or "compared" */
};

/* Tries PREFIX/bin/criu, then the one in PATH, on `program` (the static service program; it binds
 * 127.0.0.1 for the while). Blocks for about half a second. prefix NULL = RUNTIME_CRIU_PREFIX. `place` is the folder
 * below which it writes: what a crash leaves there, docker_end_processes() ends. -ENOENT if
 * dockerd or runc is missing, -EOPNOTSUPP if no CRIU works; the error says what failed in each, the hint
 * is the command that mends it. */
int runtime_find(const char *prefix, const char *program, const char *place, struct runtime *r, struct err *e);
/* Dumps and restores `program` with that CRIU. 0 if it goes on afterwards. */
int runtime_probe_criu(const char *criu, const char *program, const char *place, struct err *e);
/* The same, but its pages come when it runs already (lazy_pages.h), from a server at the loopback interface. `keys`: as in struct docker_paging. -EPERM if
 * the kernel grants CRIU no pipe as long as it needs. */
int runtime_probe_lazy_pages(const char *criu, const char *program, const char *place, const char *keys, struct err *e);

/* For probes: starts `program`, and gives its process and a folder to `attempt`, which returns 0 or -errno; then removes both. */
typedef int runtime_attempt(const void *context, const char *folder, pid_t pid, struct err *e);
int runtime_try(const char *program, const char *place, runtime_attempt *attempt, const void *context, struct err *e);
/* For attempts: by that CRIU, with one more option if not NULL; its first errors are quoted. */
int runtime_dump(const char *criu, const char *folder, pid_t pid, struct err *e);
int runtime_restore(const char *criu, const char *folder, pid_t pid, const char *option, struct err *e);

#endif
