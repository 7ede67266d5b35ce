/* The map against an array, and in the order of its insertions. */
#include "map.h"
#include "mem.h"
#include "rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { MAP_KEYS = 500, MAP_OPERATIONS = 100000 };

static void a_map_agrees_with_an_array(void **state)
{
    (void)state;
    static char values[MAP_OPERATIONS];
    static char *reference[MAP_KEYS];
    struct map map = MAP_INIT;
    struct rng rng;
    rng_init(&rng, 1, "map", 0);
    assert_null(map_get(&map, 7));
    for (int i = 0; i < MAP_OPERATIONS; i++) {
        uint32_t key = (uint32_t)rng_below(&rng, MAP_KEYS);
        char *value = rng_below(&rng, 3) ? &values[i] : NULL;
        map_set(&map, key * 2654435761u, value);
        reference[key] = value;
        key = (uint32_t)rng_below(&rng, MAP_KEYS);
        assert_ptr_equal(map_get(&map, key * 2654435761u), reference[key]);
    }
    size_t live = 0, walked = 0, at = 0;
    for (int key = 0; key < MAP_KEYS; key++)
        live += reference[key] != NULL;
    while (map_next(&map, &at))
        walked++;
    assert_int_equal(walked, live);
    assert_int_equal(map.live, live);
    map_free(&map);
    assert_null(map_get(&map, 7));
}

static void a_map_is_walked_in_the_order_of_insertion(void **state)
{
    (void)state;
    static const uint32_t keys[] = {900, 3, 77, UINT32_MAX, 0, 12};
    struct map map = MAP_INIT;
    size_t at = 0;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        map_set(&map, keys[i], (void *)(uintptr_t)&keys[i]);
    map_set(&map, 77, NULL);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (keys[i] != 77)
            assert_ptr_equal(map_next(&map, &at), &keys[i]);
    assert_null(map_next(&map, &at));
    map_free(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_map_agrees_with_an_array),
        cmocka_unit_test(a_map_is_walked_in_the_order_of_insertion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
