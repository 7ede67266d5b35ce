/* A command log goes into a file and comes back; files that are none are refused. */
#include "log_file.h"
#include "mem.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void write_log(struct buf *out, const uint32_t *numbers, size_t count)
{
    struct replay_log log = {0};
    for (size_t i = 0; i < count; i++) {
        struct offload o = {.type = OFFLOAD_REQUEST, .number = numbers[i], .payload_len = 3};
        o.payload = blob_new("abc", 3);
        struct replay_entry *entry = replay_add(&log, &o);
        blob_unref(o.payload);
        entry->answered = numbers[i] % 2 == 0;
        entry->source_digest = entry->answered ? numbers[i] + 100 : 0;
    }
    log_file_encode(&log, 5, 0, out);
    assert_int_equal(out->len, log_file_bytes(&log));
    replay_free(&log);
}

static void a_log_survives_the_file(void **state)
{
    (void)state;
    static const uint32_t numbers[] = {0, 1, 2, 7, UINT32_MAX};
    struct buf bytes = BUF_INIT;
    struct replay_log log = {0};
    write_log(&bytes, numbers, ARRAY_LEN(numbers));
    assert_int_equal(log_file_decode(bytes.data, bytes.len, &log, NULL), 0);
    assert_int_equal(log.len, ARRAY_LEN(numbers));
    for (size_t i = 0; i < log.len; i++) {
        assert_int_equal(log.entries[i].number, numbers[i]);
        assert_int_equal(log.entries[i].answered, numbers[i] % 2 == 0);
        assert_true(log.entries[i].source_digest == (numbers[i] % 2 ? 0 : numbers[i] + 100));
        assert_memory_equal(log.entries[i].payload->bytes, "abc", 3);
    }
    replay_free(&log);
    buf_free(&bytes);
    assert_int_equal(log_file_decode(NULL, 0, &log, NULL), 0);
    assert_int_equal(log.len, 0);
}

static void a_file_that_is_none_is_refused(void **state)
{
    (void)state;
    static const uint32_t numbers[] = {4, 5};
    struct buf good = BUF_INIT;
    write_log(&good, numbers, ARRAY_LEN(numbers));
    size_t half = good.len / 2;
    const struct {
        size_t at;
        uint8_t value;
        const char *says;
    } rows[] = {
        {0, 1, "too early"},                     /* its length */
        {4, 'X', "RL"},                          /* not a message */
        {4 + 3, OFFLOAD_REPLAY, "out of place"}, /* of another type */
        {half + 4 + 23, 4, "out of place"},      /* the same number again */
        {half + 4 + 23, 3, "out of place"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct replay_log log = {0};
        struct err e = ERR_INIT;
        uint8_t before = good.data[rows[i].at];
        good.data[rows[i].at] = rows[i].value;
        int status = log_file_decode(good.data, good.len, &log, &e);
        if (status != -EPROTO || !strstr(e.text, rows[i].says))
            fail_msg("row %zu: %d, \"%s\" does not say \"%s\"", i, status, e.text, rows[i].says);
        assert_null(log.entries);
        good.data[rows[i].at] = before;
    }
    for (size_t len = 1; len < good.len; len++) {
        struct replay_log log = {0};
        int status = log_file_decode(good.data, len, &log, NULL);
        assert_int_equal(status, len == half ? 0 : -EPROTO);
        replay_free(&log);
    }
    buf_free(&good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_survives_the_file),
        cmocka_unit_test(a_file_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
