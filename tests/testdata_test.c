/* Test data compresses like the real thing: the ratios that stand in every result. */
#include "mem.h"
#include "statechain.h"
#include "testdata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include <cmocka.h>

enum { SEED = 22 };

static double zstd_ratio(const uint8_t *bytes, size_t len)
{
    size_t room = ZSTD_compressBound(len);
    autofree void *out = mem_alloc(room);
    size_t packed = ZSTD_compress(out, room, bytes, len, 3);
    assert_false(ZSTD_isError(packed));
    return (double)len / (double)packed;
}

static double ratio_of_pages(enum state_area area, uint32_t pages)
{
    autofree uint8_t *bytes = mem_alloc((size_t)pages * STATE_PAGE);
    for (uint32_t page = 0; page < pages; page++)
        statechain_page(SEED, area, page, page % 3, bytes + (size_t)page * STATE_PAGE);
    return zstd_ratio(bytes, (size_t)pages * STATE_PAGE);
}

static double ratio_of_base(uint32_t blocks)
{
    autofree uint8_t *bytes = mem_alloc((size_t)blocks * TESTDATA_BLOCK);
    for (uint32_t block = 0; block < blocks; block++)
        testdata_base_block(SEED, block, bytes + (size_t)block * TESTDATA_BLOCK);
    return zstd_ratio(bytes, (size_t)blocks * TESTDATA_BLOCK);
}

static void data_compresses_like_the_real_thing(void **unused)
{
    (void)unused;
    double memory = ratio_of_pages(STATE_MEMORY, 8192), layer = ratio_of_pages(STATE_LAYER, 5120),
           base = ratio_of_base(512);
    print_message("zstd -3: memory %.2f, layer %.2f, base %.2f\n", memory, layer, base);
    assert_true(memory > 4.5 && memory < 5.5);
    assert_true(layer > 3.6 && layer < 4.4);
    assert_true(base > 2.5 && base < 3.0);
}

static void data_is_a_function_of_its_key(void **unused)
{
    (void)unused;
    static uint8_t a[TESTDATA_BLOCK], b[TESTDATA_BLOCK];
    testdata_base_block(SEED, 3, a);
    testdata_base_block(SEED, 3, b);
    assert_memory_equal(a, b, sizeof a);
    testdata_base_block(SEED, 4, b);
    assert_memory_not_equal(a, b, sizeof a);
    testdata_base_block(SEED + 1, 3, b);
    assert_memory_not_equal(a, b, sizeof a);
}

static void zeros_do_not_dominate(void **unused)
{
    (void)unused;
    uint8_t page[STATE_PAGE];
    for (uint32_t i = 0; i < 100; i++) {
        int zeros = 0;
        statechain_page(SEED, STATE_MEMORY, i, 1, page);
        for (int at = 0; at < STATE_PAGE; at++)
            zeros += page[at] == 0;
        assert_true(zeros < STATE_PAGE / 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_compresses_like_the_real_thing),
        cmocka_unit_test(data_is_a_function_of_its_key),
        cmocka_unit_test(zeros_do_not_dominate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
