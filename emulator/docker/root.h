/* The root folder of an Engine of ours, made ready for containerd and dockerd: folders and configurations. */
#ifndef ROAMLAB_DOCKER_ROOT_H
#define ROAMLAB_DOCKER_ROOT_H

#include "err.h"

/* Makes the folders and writes ROOT/daemon.json and ROOT/containerd.toml. `path` is the PATH under which
 * dockerd will run. Blocks for a tenth of a second: dockerd is asked for its version. */
int docker_root_prepare(const char *root, const char *path, struct err *e);

/* ROOT/exec/containerd/containerd.sock; free() it. */
char *docker_root_containerd_socket(const char *root);

/* Writes ROOT/criu, a HOME whose configuration tells CRIU to lock no network while it dumps (daemon.h, dump_namespace). */
int docker_root_unlocked(const char *root, struct err *e);

#endif
