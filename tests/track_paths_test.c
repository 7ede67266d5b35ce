/* Paths for maps: what is kept of them, and as which JSON. */
#include "track_paths.h"

#include "mem.h"

#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define AT(s, x_m, y_m)                                                                                      \
    {                                                                                                        \
        .at = {(s)*1000000000LL}, .x = (x_m), .y = (y_m)                                                     \
    }
#define GONE(s, x_m, y_m)                                                                                    \
    {                                                                                                        \
        .at = {(s)*1000000000LL}, .x = (x_m), .y = (y_m), .gone = true                                       \
    }

static const struct {
    uint32_t device;
    struct track_sample samples[4];
    int count;
    const char *text;
} rows[] = {
    {0, {{{0}, 0, 0, 0, false}}, 0, "{}"},
    {0, {AT(0, 1, 2)}, 1, "{\"0\":[[0.000,1.00,2.00]]}"},
    {39, {AT(0, 1, 2), AT(5, -1, 2.5)}, 2, "{\"39\":[[0.000,1.00,2.00],[5.000,-1.00,2.50]]}"},
    {1,
     {AT(0, 1, 2), GONE(1, 3, 2), AT(9, 7, 7)},
     3,
     "{\"1\":[[0.000,1.00,2.00],[1.000,3.00,2.00],null,[9.000,7.00,7.00]]}"},
    {PATHS_DEVICES, {AT(0, 1, 2)}, 1, "{}"},
};

static void prints(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct track_paths *paths = track_paths_new();
        for (int k = 0; k < rows[i].count; k++)
            track_paths_add(paths, rows[i].device, &rows[i].samples[k]);
        autofree char *text = track_paths_text(paths);
        assert_string_equal(text, rows[i].text);
        track_paths_free(paths);
    }
    assert_null(track_paths_text(NULL));
}

/* A walk of 100,000 s along x, at 1 m/s, that is nowhere from 50,000 s to 50,010 s. */
static void keeps_the_shape_of_a_long_walk(void **state)
{
    enum { SECONDS = 100000, GONE_AT = 50000 };
    struct track_paths *paths = track_paths_new();
    (void)state;
    for (int s = 0; s <= SECONDS; s++) {
        struct track_sample sample = AT(s, s, 0);
        sample.gone = s == GONE_AT;
        if (s <= GONE_AT || s >= GONE_AT + 10)
            track_paths_add(paths, 0, &sample);
    }
    autofree char *text = track_paths_text(paths);
    json_object *all = json_tokener_parse(text), *path = json_object_object_get(all, "0");
    size_t count = json_object_array_length(path);
    double before = 0;
    int gaps = 0;
    assert_in_range(count, PATH_SAMPLES / 4, PATH_SAMPLES + 2);
    for (size_t i = 0; i < count; i++) {
        json_object *at = json_object_array_get_idx(path, i);
        gaps += !at;
        if (!at)
            continue;
        double s = json_object_get_double(json_object_array_get_idx(at, 0));
        assert_true(json_object_get_double(json_object_array_get_idx(at, 1)) == s);
        assert_true(s - before <= SECONDS / 50.0);
        before = s;
    }
    assert_int_equal(gaps, 1);
    assert_true(before == SECONDS);
    json_object_put(all);
    track_paths_free(paths);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints),
        cmocka_unit_test(keeps_the_shape_of_a_long_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
