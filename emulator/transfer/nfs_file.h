/* A job as a file of the store, for carrier nfs: what the sender says of it, what the receiver says of it, then the content as
 * stream_content.h has it. Each side writes its own part and reads the other's. Integers big-endian:
 *
 *     0       sender    magic u32 | content so far u64 | complete u8 | SHA-256 of it, if complete | folder length u16 | folder
 *     4096    receiver  magic u32 | taken so far u64 | IP bytes u64 | ended u8 | status u32 (0, or an errno) | length u16 | words
 *     8192    content
 *
 * Only content that the sender has announced may be read: before, there may be holes. */
#ifndef ROAMLAB_NFS_FILE_H
#define ROAMLAB_NFS_FILE_H

#include "stream_wire.h"

enum { NFS_FILE_SENDER = 0, NFS_FILE_RECEIVER = 4096, NFS_FILE_PART = 4096, NFS_FILE_CONTENT = 8192 };

struct nfs_offer {
    uint64_t available;
    bool complete;
    uint8_t digest[STREAM_DIGEST];
    char folder[NFS_FILE_PART]; /* absolute, of the receiver's host */
};

struct nfs_receipt {
    uint64_t taken, wire_bytes;
    bool ended;
    struct err err; /* code 0: all is there, intact */
};

/* Append at most NFS_FILE_PART bytes. */
void nfs_offer_encode(const struct nfs_offer *offer, struct buf *out);
void nfs_receipt_encode(const struct nfs_receipt *receipt, struct buf *out);
/* 1: read; 0: nothing is written there yet; -EPROTO: something else is. */
int nfs_offer_decode(const uint8_t *bytes, size_t len, struct nfs_offer *offer, struct err *e);
int nfs_receipt_decode(const uint8_t *bytes, size_t len, struct nfs_receipt *receipt, struct err *e);

#endif
