/* The state that can be caught lying: pages, folds, the chain, the model, and the ratios of the test data. */
#include "mem.h"
#include "proc.h"
#include "rng.h"
#include "statechain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SEED = 22, MUD = 3, MEMORY_PAGES = 400, LAYER_PAGES = 250, VOLUME_PAGES = 600, PAYLOAD = 1000 };

static const struct state_size size = {{MEMORY_PAGES, LAYER_PAGES, VOLUME_PAGES}};

/* The service's algorithm on true pages. */
struct state {
    uint8_t *area[STATE_AREAS];
    uint32_t next;
    uint64_t chain;
};

static uint8_t *page_at(struct state *s, enum state_area area, uint32_t page)
{
    return s->area[area] + (size_t)page * STATE_PAGE;
}

static void fill_area(struct state *s, enum state_area area, uint32_t pages)
{
    s->area[area] = mem_alloc((size_t)pages * STATE_PAGE);
    for (uint32_t page = 0; page < pages; page++)
        statechain_page(SEED, area, page, 0, page_at(s, area, page));
}

static void state_start(struct state *s)
{
    *s = (struct state){.chain = statechain_start(SEED, MUD)};
    for (int area = 0; area < STATE_AREAS; area++)
        fill_area(s, (enum state_area)area, size.pages[area]);
}

static void state_free(struct state *s)
{
    for (int area = 0; area < STATE_AREAS; area++)
        free(s->area[area]);
}

/* Executes request n, which need not be s->next: that is the fault some rows are about. */
static uint64_t state_execute(struct state *s, uint32_t n)
{
    struct statechain_touch touches[STATE_TOUCHED];
    uint64_t folds[STATE_TOUCHED];
    uint8_t payload[PAYLOAD];
    int count = statechain_touches(SEED, n, &size, touches);
    for (int i = 0; i < count; i++) {
        uint8_t *page = page_at(s, touches[i].area, touches[i].page);
        folds[i] = statechain_fold_page(page);
        statechain_page(SEED, touches[i].area, touches[i].page, n + 1, page);
    }
    statechain_payload(SEED, MUD, n, payload, sizeof payload);
    s->chain = statechain_next(s->chain, n, statechain_fold_payload(payload, sizeof payload), folds, count);
    s->next = n + 1;
    return s->chain;
}

static uint64_t model_execute(struct statechain_model *m)
{
    return statechain_model_execute(m, statechain_fold_synthetic_payload(SEED, MUD, m->next, PAYLOAD));
}

static uint64_t sum_of_folds(struct state *s)
{
    uint64_t sum = 0;
    for (uint32_t page = 0; page < MEMORY_PAGES; page++)
        sum += statechain_fold_page(page_at(s, STATE_MEMORY, page));
    for (uint32_t page = 0; page < LAYER_PAGES; page++)
        sum += statechain_fold_page(page_at(s, STATE_LAYER, page));
    for (uint32_t page = 0; page < VOLUME_PAGES; page++)
        sum += statechain_fold_page(page_at(s, STATE_VOLUME, page));
    return sum;
}

static void model_and_pages_give_one_chain(void **unused)
{
    (void)unused;
    struct state s;
    struct statechain_model m;
    state_start(&s);
    struct statechain_history *history = statechain_history_new(SEED, &size);
    statechain_model_init(&m, history, MUD);
    uint64_t at_start = sum_of_folds(&s);
    assert_true(s.chain == m.chain);
    for (uint32_t n = 0; n < 10000; n++)
        if (state_execute(&s, n) != model_execute(&m))
            fail_msg("chains differ at request %u", n);
    assert_true(sum_of_folds(&s) - at_start == statechain_model_checksum(&m));
    statechain_history_free(history);
    state_free(&s);
}

/* --- corruptions: each must change the chain within a few requests --- */

enum { CUT = 60, NOTICED_WITHIN = 40 };

static struct statechain_touch hot_page(enum state_area area)
{
    struct statechain_touch touches[STATE_TOUCHED];
    statechain_touches(SEED, CUT, &size, touches);
    static const int first[STATE_AREAS] = {0, STATE_MEMORY_TOUCHED, STATE_MEMORY_TOUCHED + STATE_LAYER_TOUCHED};
    return touches[first[area]];
}

static uint8_t *hot_bytes(struct state *s, enum state_area area)
{
    return page_at(s, area, hot_page(area).page);
}

static void flip_memory_byte(struct state *s)
{
    hot_bytes(s, STATE_MEMORY)[1234] ^= 0x10;
}

static void flip_last_layer_byte(struct state *s)
{
    hot_bytes(s, STATE_LAYER)[STATE_PAGE - 1] ^= 0x80;
}

static void zero_memory_page(struct state *s)
{
    memset(hot_bytes(s, STATE_MEMORY), 0, STATE_PAGE);
}

static void zero_half_a_page(struct state *s)
{
    memset(hot_bytes(s, STATE_LAYER), 0, STATE_PAGE / 2);
}

static void swap_two_words(struct state *s)
{
    uint8_t *page = hot_bytes(s, STATE_MEMORY), word[8];
    memcpy(word, page + 80, 8);
    memcpy(page + 80, page + 112, 8);
    memcpy(page + 112, word, 8);
}

/* All of it as it was `age` requests before the cut. */
static void age_area(struct state *s, enum state_area area, uint32_t age)
{
    struct state older;
    state_start(&older);
    for (uint32_t n = 0; n < CUT - age; n++)
        state_execute(&older, n);
    memcpy(s->area[area], older.area[area], (size_t)size.pages[area] * STATE_PAGE);
    state_free(&older);
}

static void fresh_layer(struct state *s)
{
    age_area(s, STATE_LAYER, CUT);
}

static void layer_ten_requests_old(struct state *s)
{
    age_area(s, STATE_LAYER, 10);
}

static void volume_ten_requests_old(struct state *s)
{
    age_area(s, STATE_VOLUME, 10);
}

static void double_request(struct state *s)
{
    state_execute(s, s->next - 1);
}

static void skip_request(struct state *s)
{
    state_execute(s, s->next + 1);
}

static void reorder_requests(struct state *s)
{
    state_execute(s, s->next + 1);
    state_execute(s, s->next - 2);
    s->next += 1;
}

static void nothing(struct state *s)
{
    (void)s;
}

static const struct corruption {
    const char *name;
    void (*corrupt)(struct state *s);
    bool noticed;
} corruptions[] = {
    {"nothing", nothing, false},
    {"one bit of memory", flip_memory_byte, true},
    {"top bit of a layer page's last byte", flip_last_layer_byte, true},
    {"zeroed memory page", zero_memory_page, true},
    {"half a zeroed page", zero_half_a_page, true},
    {"swapped words", swap_two_words, true},
    {"fresh layer under old memory", fresh_layer, true},
    {"layer ten requests old", layer_ten_requests_old, true},
    {"volume ten requests old", volume_ten_requests_old, true},
    {"request doubled", double_request, true},
    {"request skipped", skip_request, true},
    {"requests reordered", reorder_requests, true},
};

static bool chain_differs_after(const struct corruption *row)
{
    struct state s;
    struct statechain_model m;
    bool differs = false;
    state_start(&s);
    struct statechain_history *history = statechain_history_new(SEED, &size);
    statechain_model_init(&m, history, MUD);
    for (uint32_t n = 0; n < CUT; n++)
        assert_true(state_execute(&s, n) == model_execute(&m));
    row->corrupt(&s);
    while (m.next < s.next)
        model_execute(&m);
    differs = m.chain != s.chain;
    for (int i = 0; i < NOTICED_WITHIN && !differs; i++)
        differs = state_execute(&s, s.next) != model_execute(&m);
    statechain_history_free(history);
    state_free(&s);
    return differs;
}

static void corruptions_are_noticed(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(corruptions); i++)
        if (chain_differs_after(&corruptions[i]) != corruptions[i].noticed)
            fail_msg("%s", corruptions[i].name);
}

static void every_byte_of_a_page_counts(void **unused)
{
    (void)unused;
    uint8_t page[STATE_PAGE];
    for (int area = STATE_MEMORY; area < STATE_AREAS; area++) {
        statechain_page(SEED, area, 7, 9, page);
        uint64_t fold = statechain_fold_version(SEED, area, 7, 9);
        assert_true(statechain_fold_page(page) == fold);
        for (int at = 0; at < STATE_PAGE; at++) {
            page[at] ^= (uint8_t)(1 << at % 8);
            assert_true(statechain_fold_page(page) != fold);
            page[at] ^= (uint8_t)(1 << at % 8);
        }
    }
}

/* Also without state pages a request leaves its number, its payload and its place in the chain. */
static void a_step_counts_all_it_is_given(void **unused)
{
    (void)unused;
    const uint64_t folds[] = {3, 4, 4, 3};
    uint64_t plain = statechain_next(9, 1, 2, folds, 2);
    assert_true(plain != statechain_next(8, 1, 2, folds, 2) && plain != statechain_next(9, 0, 2, folds, 2));
    assert_true(plain != statechain_next(9, 1, 1, folds, 2) &&
                plain != statechain_next(9, 1, 2, folds + 2, 2));
    assert_true(plain != statechain_next(9, 1, 2, folds, 1));
    assert_true(statechain_start(SEED, 1) != statechain_start(SEED, 2));
}

static void payload_folds_agree(void **unused)
{
    (void)unused;
    static const size_t lengths[] = {0, 1, 7, 8, 9, 15, 16, 64, 1000, 1007, 60000};
    static uint8_t bytes[60000];
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        size_t len = lengths[i];
        statechain_payload(SEED, MUD, 5, bytes, len);
        uint64_t fold = statechain_fold_payload(bytes, len);
        assert_true(fold == statechain_fold_synthetic_payload(SEED, MUD, 5, len));
        assert_true(fold != statechain_fold_synthetic_payload(SEED, MUD, 6, len) || len == 0);
        for (size_t at = 0; at < len && at < 1100; at++) {
            bytes[at] ^= 1;
            assert_true(statechain_fold_payload(bytes, len) != fold);
            bytes[at] ^= 1;
        }
    }
}

static void touches_stay_inside(void **unused)
{
    (void)unused;
    static const struct {
        struct state_size size;
        int count;
    } rows[] = {{{{0, 0, 0}}, 0}, {{{1, 0, 0}}, 4}, {{{0, 1, 0}}, 2}, {{{0, 0, 1}}, 2}, {{{3, 2, 0}}, 6}, {{{7424, 5120, 300}}, 8},
                {{{0x3fffffff, 0x3fffffff, 0x3fffffff}}, 8}};
    struct statechain_touch touches[STATE_TOUCHED];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (uint32_t n = 0; n < 1000; n++) {
            assert_int_equal(statechain_touches(SEED, n, &rows[i].size, touches), rows[i].count);
            for (int t = 0; t < rows[i].count; t++)
                assert_true(touches[t].page < rows[i].size.pages[touches[t].area]);
        }
}

/* Each of its own age, in a history that they share. */
static void copies_are_independent(void **unused)
{
    (void)unused;
    struct statechain_history *history = statechain_history_new(SEED, &size),
                              *other = statechain_history_new(SEED, &size);
    struct statechain_model a, b, fresh;
    statechain_model_init(&a, history, MUD);
    for (int i = 0; i < 100; i++)
        model_execute(&a);
    b = a;
    for (int i = 0; i < 100; i++)
        assert_true(model_execute(&a) == model_execute(&b) &&
                    statechain_model_checksum(&a) == statechain_model_checksum(&b));
    model_execute(&a);
    assert_true(a.chain != b.chain && a.next == b.next + 1);
    statechain_model_init(&fresh, other, MUD);
    assert_int_equal(statechain_model_checksum(&fresh), 0);
    while (fresh.next < b.next)
        model_execute(&fresh);
    assert_true(fresh.chain == b.chain && statechain_model_checksum(&fresh) == statechain_model_checksum(&b));
    statechain_history_free(history);
    statechain_history_free(other);
}

/* Counted again from what each request touches. */
static void rewritten_files_are_counted_once(void **unused)
{
    (void)unused;
    static const struct {
        uint32_t from, until;
    } rows[] = {{0, 0}, {0, 1}, {5, 9}, {0, 200}};
    struct statechain_history *history = statechain_history_new(SEED, &size);
    struct statechain_model m;
    statechain_model_init(&m, history, MUD);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        enum { FILES = (VOLUME_PAGES + STATE_FILE_PAGES - 1) / STATE_FILE_PAGES };
        bool rewritten[FILES] = {false};
        uint64_t pages = 0;
        for (uint32_t n = rows[i].from; n < rows[i].until; n++) {
            struct statechain_touch touches[STATE_TOUCHED];
            int count = statechain_touches(SEED, n, &size, touches);
            for (int t = 0; t < count; t++)
                if (touches[t].area == STATE_VOLUME)
                    rewritten[touches[t].page / STATE_FILE_PAGES] = true;
        }
        for (uint32_t page = 0; page < VOLUME_PAGES; page++)
            pages += rewritten[page / STATE_FILE_PAGES];
        assert_int_equal(statechain_model_rewritten_files(&m, rows[i].from, rows[i].until), pages * STATE_PAGE);
    }
    statechain_history_free(history);
}

/* A million devices, whatever the size of their service. */
static void a_model_is_small(void **unused)
{
    (void)unused;
    assert_true(sizeof(struct statechain_model) <= 24);
}

/* Against what the model saves, the pages themselves, in turns: whatever slows one slows the other. */
static void the_model_is_quicker_than_its_pages(void **unused)
{
    (void)unused;
    enum { TURNS = 50, MODEL_REQUESTS = 2000, PAGE_REQUESTS = 200 };
    struct state s;
    struct statechain_model m;
    double model_s = 0, pages_s = 0;
    state_start(&s);
    struct statechain_history *history = statechain_history_new(SEED, &size);
    statechain_model_init(&m, history, MUD);
    for (int turn = 0; turn < TURNS; turn++) {
        double begin = proc_own_seconds();
        for (int i = 0; i < MODEL_REQUESTS; i++)
            model_execute(&m);
        double between = proc_own_seconds();
        for (int i = 0; i < PAGE_REQUESTS; i++)
            state_execute(&s, s.next);
        model_s += between - begin;
        pages_s += proc_own_seconds() - between;
    }
    double model_ns = model_s * 1e9 / TURNS / MODEL_REQUESTS, pages_ns = pages_s * 1e9 / TURNS / PAGE_REQUESTS;
    print_message("a request: %.0f ns by the model, %.0f ns on pages\n", model_ns, pages_ns);
    assert_true(model_ns * 20 < pages_ns);
    state_free(&s);
    statechain_history_free(history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(model_and_pages_give_one_chain),
        cmocka_unit_test(corruptions_are_noticed),
        cmocka_unit_test(every_byte_of_a_page_counts),
        cmocka_unit_test(a_step_counts_all_it_is_given),
        cmocka_unit_test(payload_folds_agree),
        cmocka_unit_test(touches_stay_inside),
        cmocka_unit_test(copies_are_independent),
        cmocka_unit_test(rewritten_files_are_counted_once),
        cmocka_unit_test(a_model_is_small),
        cmocka_unit_test(the_model_is_quicker_than_its_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
