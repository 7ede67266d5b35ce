/* The files of a job as one stretch of bytes, for carrier stream: read at the sender, taken apart again at the receiver. Integers
 * big-endian:
 *
 *     'd' | path length u16 | path                                   a folder
 *     'f' | path length u16 | path | size u64 | so many bytes        a regular file, or its beginning
 *     'a' | path length u16 | path | size u64 | so many bytes        what comes behind that: a file that grew while it was sent
 *
 * Paths begin with the last component of what was sent. SHA-256 over all of it stands at the end of the job. Blocking: for threads. */
#ifndef ROAMLAB_STREAM_CONTENT_H
#define ROAMLAB_STREAM_CONTENT_H

#include "buf.h"
#include "err.h"
#include "stream_wire.h"
#include "transfer.h"

#include <sys/types.h>

/* --- the sender's side --- */

struct stream_content;

/* `path`: an absolute path of a file or folder, as transfer_measure() admits it; of a folder that grows (not NULL, stays the caller's) also one that is
 * not there yet. */
struct stream_content *stream_content_open(const char *path, const struct transfer_growth *growth, struct err *e);
void stream_content_free(struct stream_content *content); /* NULL-safe */
/* The next bytes, fewer than `max` if no more are there, 0 at the end; -EAGAIN, without `e`: none are there yet. Other -errno: the files cannot be read, or
 * change otherwise than told meanwhile. */
ssize_t stream_content_read(struct stream_content *content, uint8_t *out, size_t max, struct err *e);
/* Begins again and passes over `position` bytes, which count in the digest. */
int stream_content_seek(struct stream_content *content, uint64_t position, struct err *e);
/* Contents of files, as far as they have been found. */
uint64_t stream_content_bytes(const struct stream_content *content);
/* Of all bytes; valid once, after the last was read. */
void stream_content_digest(struct stream_content *content, uint8_t out[STREAM_DIGEST]);

/* --- the receiver's side --- */

struct stream_intake;

/* What arrives is put together in FOLDER/.stream-XXXXXX and moved to FOLDER once it is complete: whoever sees the name there has all of it. */
struct stream_intake *stream_intake_open(const char *folder, struct err *e);
/* Removes what is not complete. NULL-safe. */
void stream_intake_free(struct stream_intake *intake);
/* Never trusts a path: it stays inside the folder. */
int stream_intake_take(struct stream_intake *intake, const uint8_t *bytes, size_t len, struct err *e);
/* How many bytes were taken. */
uint64_t stream_intake_bytes(const struct stream_intake *intake);
/* -EBADMSG: the content is not what was sent. Replaces what has the name already. */
int stream_intake_finish(struct stream_intake *intake, const uint8_t digest[STREAM_DIGEST], struct err *e);

#endif
