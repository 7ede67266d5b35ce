/* The runc that an Engine of ours finds first, as ROOT/criu/bin/runc: it prepares a restore for what neither Docker nor CRIU has a word for, and
 * becomes the runc that PATH names behind it, in the same process.
 *
 * - A CRIU that is killed while it restores leaves folders in /tmp, whatever TMPDIR says, and mounts, the machine's control groups among them: it gets
 *   ROOT/criu/tmp as its /tmp, which goes with the root, and a mount namespace, which goes with the process.
 * - A checkpoint with a link RUNC_PAGES_SOCKET to the socket of what fetches its pages is restored without them; CRIU looks for the socket in its
 *   work folder.
 *
 * A program of its own, small and static, because a user waits for every millisecond of a restore. */
#ifndef ROAMLAB_RUNC_H
#define ROAMLAB_RUNC_H

/* What CRIU calls the socket by which it hands over a restored process's faults. */
#define RUNC_PAGES_SOCKET "lazy-pages.socket"

#endif
