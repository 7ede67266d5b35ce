/* Synthetic content that compresses like the real thing: memory of a running service, files of a container
 * layer, a base image. Zeros or pure noise would make every transfer and every codec look better or worse
 * than it is.
 *
 * Content is a pure function of its key: text lines (words drawn unevenly, numbers), tables of records
 * (pointers that share their high part, small integers, flags) and a share of random bytes. The shares decide
 * the ratio; with the shares below zstd -3 reaches, on 20 MB and more (tests/testdata_test.c measures it):
 *
 *     memory pages 5.0 · layer pages 4.0 · base image 2.85
 *
 * where real ones had 5.2, 4.0 and 3.0; lz4 and gzip fall behind zstd as they do on real content. */
#ifndef ROAMLAB_TESTDATA_H
#define ROAMLAB_TESTDATA_H

#include <stddef.h>
#include <stdint.h>

enum { TESTDATA_CHUNK = 4096, TESTDATA_BLOCK = 65536 };

/* How many of a chunk's 4096 bytes are text, and how many random; the rest is records. */
struct testdata_mix {
    uint16_t text, random;
};

extern const struct testdata_mix testdata_memory, testdata_layer, testdata_base;

/* Fills one chunk. Its last `mix->random` bytes are the random ones. */
void testdata_chunk(uint64_t key, const struct testdata_mix *mix, uint8_t out[TESTDATA_CHUNK]);

/* Block number `block` (64 KiB each) of the base image's data. */
void testdata_base_block(uint64_t seed, uint64_t block, uint8_t out[TESTDATA_BLOCK]);

#endif
