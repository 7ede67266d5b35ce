/* Addresses of parties: one for each, whatever their number, and back where the real world needs it. */
#include "layout.h"
#include "mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { DEVICES = 2000000, APS = 100000, EDGES = 200 };

static int ascending(const void *a_, const void *b_)
{
    uint32_t a = *(const uint32_t *)a_, b = *(const uint32_t *)b_;
    return (a > b) - (a < b);
}

static size_t add_addresses(uint8_t role, uint32_t count, uint32_t *out)
{
    for (uint32_t i = 0; i < count; i++)
        out[i] = layout_address((struct party){.role = role, .index = i});
    return count;
}

static void test_every_party_has_an_address_of_its_own(void **state)
{
    (void)state;
    uint32_t *addresses = mem_alloc_array(DEVICES + APS + EDGES, sizeof *addresses);
    size_t count = add_addresses(PARTY_MUD, DEVICES, addresses);
    count += add_addresses(PARTY_AP, APS, addresses + count);
    count += add_addresses(PARTY_EDGE, EDGES, addresses + count);
    qsort(addresses, count, sizeof *addresses, ascending);
    for (size_t i = 1; i < count; i++)
        assert_true(addresses[i - 1] < addresses[i]);
    free(addresses);
}

static void test_an_address_leads_back_to_its_party(void **state)
{
    static struct layout_party muds[LAYOUT_MUDS_WITH_ADDRESS + 9], aps[LAYOUT_APS_WITH_ADDRESS + 9], edges[3];
    const struct layout l = {.muds = muds,
                             .aps = aps,
                             .edges = edges,
                             .mud_count = (int)ARRAY_LEN(muds),
                             .ap_count = (int)ARRAY_LEN(aps),
                             .edge_count = (int)ARRAY_LEN(edges)};
    static const struct party rows[] = {{PARTY_MUD, 0},  {PARTY_MUD, LAYOUT_MUDS_WITH_ADDRESS - 1},
                                        {PARTY_AP, 0},   {PARTY_AP, LAYOUT_APS_WITH_ADDRESS - 1},
                                        {PARTY_EDGE, 0}, {PARTY_EDGE, 2}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct party p = layout_party_at(&l, layout_address(rows[i]));
        assert_true(p.role == rows[i].role && p.index == rows[i].index);
    }
    assert_int_equal(layout_party_at(&l, layout_address((struct party){PARTY_EDGE, 3})).role, PARTY_NONE);
    assert_int_equal(layout_party_at(&l, layout_host_address(0)).role, PARTY_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_party_has_an_address_of_its_own),
        cmocka_unit_test(test_an_address_leads_back_to_its_party),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
