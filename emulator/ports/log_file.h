/* A command log as a file: one LOGGED message (offload.h) after the other, each behind its length as be32. */
#ifndef ROAMLAB_LOG_FILE_H
#define ROAMLAB_LOG_FILE_H

#include "replay.h"

/* What an entry takes beside its payload. */
enum { LOG_FILE_ENTRY_BYTES = 4 + OFFLOAD_HEADER_BYTES };

void log_file_encode(const struct replay_log *log, uint32_t mud, uint64_t seed, struct buf *out);
/* Into an empty log, which is empty again after a failure: -EPROTO. */
int log_file_decode(const void *bytes, size_t len, struct replay_log *log, struct err *e);
uint64_t log_file_bytes(const struct replay_log *log);

#endif
