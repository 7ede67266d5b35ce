#include "statechain.h"

#include "rng.h"
#include "testdata.h"

#include <endian.h>
#include <string.h>

/* The step h, word -> (h ^ word) * odd, rotated, is one-to-one in h and in the word; unstep() solves it for
 * the word. */
static const uint64_t step_factor = 0x9ddfea08eb382d69u, step_inverse = 0xdc56e6f5090b32d9u;
enum { STEP_TURN = 29, LANES = 4, PAGE_WORDS = STATE_PAGE / 8 };

static uint64_t step(uint64_t h, uint64_t word)
{
    h = (h ^ word) * step_factor;
    return h << STEP_TURN | h >> (64 - STEP_TURN);
}

/* The word with step(h, word) == after; and, as h and word enter alike, the h with step(h, word) == after. */
static uint64_t unstep(uint64_t other, uint64_t after)
{
    return ((after >> STEP_TURN | after << (64 - STEP_TURN)) * step_inverse) ^ other;
}

static uint64_t load(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return le64toh(word);
}

static void store(uint8_t *bytes, uint64_t word)
{
    word = htole64(word);
    memcpy(bytes, &word, sizeof word);
}

/* Four independent lanes keep the multiplier busy: a fourth of the time of one lane. */
static void fold_lanes(uint64_t lanes[LANES], const uint8_t *bytes, size_t words)
{
    for (size_t i = 0; i < words; i += LANES)
        for (size_t lane = 0; lane < LANES && i + lane < words; lane++)
            lanes[lane] = step(lanes[lane], load(bytes + 8 * (i + lane)));
}

/* The last word of a page belongs to the last lane, which enters last: both steps can be undone. */
static uint64_t join_lanes(const uint64_t lanes[LANES])
{
    return step(step(step(lanes[0], lanes[1]), lanes[2]), lanes[3]);
}

static uint64_t close_lanes(const uint64_t lanes[LANES], uint64_t fold)
{
    uint64_t last_lane = unstep(step(step(lanes[0], lanes[1]), lanes[2]), fold);
    return unstep(lanes[LANES - 1], last_lane);
}

static void open_lanes(uint64_t lanes[LANES])
{
    for (int lane = 0; lane < LANES; lane++)
        lanes[lane] = step_factor + (uint64_t)lane;
}

uint64_t statechain_fold_version(uint64_t seed, enum state_area area, uint32_t page, uint32_t version)
{
    return rng_mix(rng_mix(seed ^ ((uint64_t)area << 32 | page)) + version);
}

void statechain_page(uint64_t seed, enum state_area area, uint32_t page, uint32_t version,
                     uint8_t out[STATE_PAGE])
{
    uint64_t fold = statechain_fold_version(seed, area, page, version);
    testdata_chunk(fold, area == STATE_MEMORY ? &testdata_memory : &testdata_layer, out);
    uint64_t lanes[LANES];
    open_lanes(lanes);
    fold_lanes(lanes, out, PAGE_WORDS - 1);
    store(out + STATE_PAGE - 8, close_lanes(lanes, fold));
}

uint64_t statechain_fold_page(const uint8_t bytes[STATE_PAGE])
{
    uint64_t lanes[LANES];
    open_lanes(lanes);
    fold_lanes(lanes, bytes, PAGE_WORDS);
    return join_lanes(lanes);
}

static uint32_t choose_page(uint64_t seed, enum state_area area, uint32_t n, int i, uint32_t pages)
{
    uint64_t drawn = rng_mix(seed + ((uint64_t)n << 8 | (uint64_t)(area == STATE_LAYER) << 7 | (uint64_t)i));
    if (i % 2 == 0)
        drawn = rng_mix(~seed + ((uint64_t)area << 32) + drawn % STATE_HOT);
    return (uint32_t)((drawn >> 32) * pages >> 32);
}

static int choose_pages(uint64_t seed, enum state_area area, uint32_t n, uint32_t pages, int wanted,
                        struct statechain_touch *out)
{
    if (pages == 0)
        return 0;
    for (int i = 0; i < wanted; i++)
        out[i] = (struct statechain_touch){area, choose_page(seed, area, n, i, pages)};
    return wanted;
}

int statechain_touches(uint64_t seed, uint32_t n, const struct state_size *size, struct statechain_touch out[STATE_TOUCHED])
{
    seed = rng_mix(seed);
    const uint32_t *pages = size->pages;
    int count = choose_pages(seed, STATE_MEMORY, n, pages[STATE_MEMORY], STATE_MEMORY_TOUCHED, out);
    count += choose_pages(seed, STATE_LAYER, n, pages[STATE_LAYER], STATE_LAYER_TOUCHED, out + count);
    return count + choose_pages(rng_mix(seed), STATE_VOLUME, n, pages[STATE_VOLUME], STATE_VOLUME_TOUCHED, out + count);
}

/* A payload's fold reads the odd bytes at its head first, so that a whole word always closes it. */
static uint64_t fold_head(const uint8_t *bytes, size_t len)
{
    uint8_t head[8] = {0};
    if (len % 8)
        memcpy(head, bytes, len % 8);
    return step(step_factor + len, load(head));
}

static uint64_t fold_words(uint64_t h, const uint8_t *bytes, size_t words)
{
    for (size_t i = 0; i < words; i++)
        h = step(h, load(bytes + 8 * i));
    return h;
}

uint64_t statechain_fold_payload(const uint8_t *bytes, size_t len)
{
    return fold_words(fold_head(bytes, len), bytes + len % 8, len / 8);
}

static uint64_t payload_key(uint64_t seed, uint32_t mud, uint32_t n, size_t len)
{
    return rng_mix(rng_mix(rng_mix(seed) ^ ((uint64_t)mud << 32 | n)) + len);
}

void statechain_payload(uint64_t seed, uint32_t mud, uint32_t n, uint8_t *out, size_t len)
{
    uint64_t key = payload_key(seed, mud, n, len), words = len / 8;
    uint8_t head[8];
    store(head, rng_mix(key));
    memcpy(out, head, len % 8);
    uint64_t h = fold_head(out, len);
    out += len % 8;
    for (uint64_t i = 1; i < words; i++, out += 8) {
        store(out, rng_mix(key + i));
        h = step(h, load(out));
    }
    if (words > 0)
        store(out, unstep(h, key));
}

uint64_t statechain_fold_synthetic_payload(uint64_t seed, uint32_t mud, uint32_t n, size_t len)
{
    if (len >= 8)
        return payload_key(seed, mud, n, len);
    uint8_t bytes[8];
    statechain_payload(seed, mud, n, bytes, len);
    return statechain_fold_payload(bytes, len);
}

uint64_t statechain_start(uint64_t seed, uint32_t mud)
{
    return rng_mix(rng_mix(seed) + mud);
}

uint64_t statechain_next(uint64_t chain, uint32_t n, uint64_t payload_fold, const uint64_t *page_folds,
                         int pages)
{
    chain = step(step(chain, n), payload_fold);
    for (int i = 0; i < pages; i++)
        chain = step(chain, page_folds[i]);
    return rng_mix(chain);
}
