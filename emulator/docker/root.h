/* The root folder of an Engine of ours, made ready for containerd and dockerd: folders and configurations. */
#ifndef ROAMLAB_DOCKER_ROOT_H
#define ROAMLAB_DOCKER_ROOT_H

#include "daemon.h"

/* Makes the folders and writes ROOT/daemon.json, ROOT/containerd.toml and ROOT/criu/bin/runc (runc.h). `path` is the PATH under which dockerd will
 * run. Blocks for a tenth of a second: dockerd is asked for its version. */
int docker_root_prepare(const char *root, const char *path, struct err *e);

/* ROOT/criu/bin/runc alone, in a folder that is there. */
int docker_root_write_runc(const char *root, struct err *e);

/* ROOT/exec/containerd/containerd.sock; free() it. */
char *docker_root_containerd_socket(const char *root);

/* Makes ROOT/criu, a HOME with CRIU's configuration: `unlocked`, it locks no network while it dumps (daemon.h, dump_namespace); how it serves pages
 * and fetches them, NULL: not at all. */
int docker_root_configure_criu(const char *root, bool unlocked, const struct docker_paging *paging, struct err *e);

#endif
