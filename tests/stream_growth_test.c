/* Carrier stream sends a folder that is still written, as CRIU writes its images: what grows at its end goes at once, all else when the last file is
 * there. */
#include "transfer_faults.h"
#include "stream_content.h"

static const struct transfer_growth growth = {.folder = "memory", .last = "list", .grows = "pages-"};

/* --- by itself ------------------------------------------------------------------------------------------------------------------------ */

struct copy {
    char folder[64];
    struct stream_content *content;
    struct stream_intake *intake;
};

static void begin_copy(struct copy *c)
{
    *c = (struct copy){.folder = "/tmp/roamlab-growth-XXXXXX"};
    assert_non_null(mkdtemp(c->folder));
    assert_int_equal(shell("mkdir '%s/in'", c->folder), 0);
    autofree char *from = mem_printf("%s/m0", c->folder), *to = mem_printf("%s/in", c->folder);
    c->content = stream_content_open(from, &growth, NULL);
    c->intake = stream_intake_open(to, NULL);
    assert_non_null(c->content);
    assert_non_null(c->intake);
}

/* All that is there now, or so much of it; how it ended: 0, -EAGAIN, or 1: there is more. */
static int take_in(const struct copy *c, uint64_t limit, uint64_t *bytes)
{
    static uint8_t some[50000];
    struct err e = ERR_INIT;
    ssize_t got = 1;
    for (uint64_t left = limit; left && got > 0; left -= (uint64_t)got) {
        got = stream_content_read(c->content, some, left < sizeof some ? (size_t)left : sizeof some, &e);
        if (got <= 0)
            return (int)got;
        assert_int_equal(stream_intake_take(c->intake, some, (size_t)got, &e), 0);
        *bytes += (uint64_t)got;
    }
    return 1;
}

static void end_copy(struct copy *c)
{
    uint8_t digest[STREAM_DIGEST];
    stream_content_digest(c->content, digest);
    assert_int_equal(stream_intake_finish(c->intake, digest, NULL), 0);
    assert_int_equal(shell("diff -r '%s/m0' '%s/in/m0' && rm -r '%s'", c->folder, c->folder, c->folder), 0);
    stream_intake_free(c->intake);
    stream_content_free(c->content);
}

/* What happens to the folder, and how much of it goes then (content, in units of 1000 bytes, heads left out). */
static const struct {
    const char *does;
    int goes_kb;
} steps[] = {
    {"true", 0},
    {"mkdir -p m0/memory", 0},
    {"echo first > m0/memory/inventory && head -c 10000 /dev/urandom > m0/memory/pages-1.img", 0},
    {"head -c 90000 /dev/urandom >> m0/memory/pages-1.img", 100},
    {"head -c 60000 /dev/urandom >> m0/memory/pages-1.img && echo second > m0/memory/inventory", 0},
    {"head -c 300000 /dev/urandom >> m0/memory/pages-1.img && head -c 200000 /dev/urandom > m0/memory/pages-2.img", 560},
    {"mkdir m0/memory/pages-3 && touch m0/memory/pages-4.img", 0},
    {"head -c 7000 /dev/urandom >> m0/memory/pages-2.img && head -c 50000 /dev/urandom > m0/memory/core && echo log > m0/dump.log", 0},
    {"touch m0/memory/list", 57},
};

static void do_step(const struct copy *c, size_t i)
{
    assert_int_equal(shell("cd '%s' && %s", c->folder, steps[i].does), 0);
}

static void what_grows_goes_at_once_and_all_else_at_last(void **state)
{
    enum { HEADS = 500 };
    struct copy c;
    uint64_t bytes = 0;
    (void)state;
    begin_copy(&c);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        uint64_t before = bytes;
        do_step(&c, i);
        assert_int_equal(take_in(&c, UINT64_MAX, &bytes), i + 1 < ARRAY_LEN(steps) ? -EAGAIN : 0);
        uint64_t least = 1000 * (uint64_t)steps[i].goes_kb;
        assert_in_range(bytes - before, least, least + HEADS);
    }
    end_copy(&c);
}

/* The receiver has lost all but the first `have` bytes. */
static void cut(struct copy *c, uint64_t have)
{
    uint64_t again = 0;
    autofree char *to = mem_printf("%s/in", c->folder);
    stream_intake_free(c->intake);
    c->intake = stream_intake_open(to, NULL);
    assert_int_equal(stream_content_seek(c->content, 0, NULL), 0);
    take_in(c, have, &again);
    assert_int_equal(again, have);
    assert_int_equal(stream_content_seek(c->content, have, NULL), 0);
}

static void after_a_cut_the_same_bytes_come_again(void **state)
{
    (void)state;
    for (size_t cut_behind = 0; cut_behind < ARRAY_LEN(steps); cut_behind++)
        for (uint64_t quarter = 0; quarter <= 4; quarter++) {
            struct copy c;
            uint64_t bytes = 0;
            begin_copy(&c);
            for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
                do_step(&c, i);
                take_in(&c, UINT64_MAX, &bytes);
                if (i == cut_behind)
                    cut(&c, bytes * quarter / 4);
            }
            assert_int_equal(take_in(&c, UINT64_MAX, &bytes), 0);
            end_copy(&c);
        }
}

static void no_more_comes_again_than_there_was(void **state)
{
    struct copy c;
    struct err e = ERR_INIT;
    uint64_t bytes = 0;
    (void)state;
    begin_copy(&c);
    for (size_t i = 0; i < 5; i++)
        do_step(&c, i);
    take_in(&c, UINT64_MAX, &bytes);
    assert_int_equal(stream_content_seek(c.content, bytes, &e), 0);
    assert_int_equal(stream_content_seek(c.content, bytes + 1, &e), -EPROTO);
    stream_intake_free(c.intake);
    stream_content_free(c.content);
    assert_int_equal(shell("rm -r '%s'", c.folder), 0);
}

/* The receiver would keep what there is no more. */
static void what_becomes_shorter_is_told(void **state)
{
    static uint8_t some[500000];
    struct copy c;
    struct err e = ERR_INIT;
    (void)state;
    begin_copy(&c);
    for (size_t i = 0; i < 5; i++)
        do_step(&c, i);
    assert_true(stream_content_read(c.content, some, sizeof some, &e) > 0);
    assert_int_equal(shell("cd '%s/m0/memory' && truncate -s 10 pages-1.img && touch list", c.folder), 0);
    assert_int_equal(stream_content_read(c.content, some, sizeof some, &e), -EIO);
    stream_intake_free(c.intake);
    stream_content_free(c.content);
    assert_int_equal(shell("rm -r '%s'", c.folder), 0);
}

/* --- by a connection ------------------------------------------------------------------------------------------------------------------ */

static void write_more(const struct fixture *f, int kilobytes)
{
    assert_int_equal(shell("mkdir -p '%s/out/m0/memory' && head -c %d000 /dev/urandom >> '%s/out/m0/memory/pages-1.img'", f->folder, kilobytes, f->folder), 0);
}

static void write_last(const struct fixture *f)
{
    assert_int_equal(shell("cd '%s/out/m0' && echo state > memory/core && echo said > dump.log && touch memory/list", f->folder), 0);
}

static bool something_has_arrived(const struct fixture *f)
{
    return shell("test -s \"$(echo '%s'/inbox/.stream-*/m0/memory/pages-1.img)\"", f->folder) == 0;
}

static void expect_all(const struct fixture *f, const struct result *r, uint64_t bytes)
{
    assert_int_equal(r->status, 0);
    assert_int_equal(r->job.bytes, bytes);
    assert_int_equal(shell("diff -r '%s/out/m0' '%s/inbox/m0'", f->folder, f->folder), 0);
    assert_true(inbox_is_clean(f));
}

/* It arrives while it is written; another job passes meanwhile; nothing has its name before all is there. */
static void a_folder_is_sent_while_it_is_written(void **state)
{
    struct fixture *f = fixture_of(state);
    struct result r = {.job.growth = &growth}, other = {0};
    start_send(f, &r, "m0", "inbox");
    send_well(f, &other, "odd folder");
    write_more(f, 300);
    assert_true(until(f, something_has_arrived));
    write_more(f, 100);
    send_well(f, &other, "odd folder");
    assert_int_equal(r.calls, 0);
    assert_int_not_equal(shell("test -e '%s/inbox/m0'", f->folder), 0);
    write_last(f);
    finish_send(f, &r);
    expect_all(f, &r, 400000 + strlen("state\nsaid\n"));
}

static void it_goes_on_after_a_cut(void **state)
{
    struct fixture *f = fixture_of(state);
    struct result r = {.job.growth = &growth};
    start_send(f, &r, "m0", "inbox");
    write_more(f, 300);
    assert_true(until(f, something_has_arrived));
    assert_int_equal(break_connections(f->to.port), 1);
    write_more(f, 200);
    write_last(f);
    finish_send(f, &r);
    expect_all(f, &r, 500000 + strlen("state\nsaid\n"));
    assert_int_equal(f->opened_calls, 2);
}

/* A dump that failed: the folder never becomes whole, and goes. */
static void what_is_called_off_leaves_nothing(void **state)
{
    struct fixture *f = fixture_of(state);
    struct result r = {.job.growth = &growth}, other = {0};
    start_send(f, &r, "m0", "inbox");
    write_more(f, 300);
    assert_true(until(f, something_has_arrived));
    assert_int_equal(shell("rm -r '%s/out/m0'", f->folder), 0);
    f->carrier->cancel(&r.job);
    send_well(f, &other, "odd folder");
    assert_true(until(f, inbox_is_clean));
    assert_int_equal(r.calls, 0);
}

#define STREAM(test)                                                                                         \
    cmocka_unit_test_prestate_setup_teardown(test, set_up, tear_down, (void *)(uintptr_t)&carrier_stream)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_grows_goes_at_once_and_all_else_at_last),
        cmocka_unit_test(after_a_cut_the_same_bytes_come_again),
        cmocka_unit_test(no_more_comes_again_than_there_was),
        cmocka_unit_test(what_becomes_shorter_is_told),
        STREAM(a_folder_is_sent_while_it_is_written),
        STREAM(it_goes_on_after_a_cut),
        STREAM(what_is_called_off_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
