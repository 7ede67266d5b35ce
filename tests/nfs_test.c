/* Carrier nfs when its third host comes and goes, by libnfs. */
#include "nfs_rows.h"

/* From this namespace, in which the test and with it both sides are now. */
static long connections_tried(void)
{
    long tried = -1;
    FILE *file = popen("awk '/^Tcp: [0-9]/ {print $6}' /proc/net/snmp", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%ld", &tried), 1);
    pclose(file);
    return tried;
}

/* The other host, which has the store mounted all the time, tries at every tick of 100 ms. Both sides are closed while they try: a sanitizer
 * would see what is left behind. */
static void a_store_that_is_gone_is_tried_at_times(void **state)
{
    struct fixture *f = fixture_of(state);
    struct result r = {0};
    be_impatient(f);
    begin_slowly(f, &r);
    f->carrier->stop(&f->store);
    finish_send(f, &r);
    assert_true(r.status < 0);
    assert_non_null(strstr(r.e.text, "through host es3"));
    long tried = 0, before = connections_tried();
    struct simtime begin = clock_monotonic();
    for (int i = 0; i < PATIENCE_S && tried == 0; i++) {
        run_for(f, 1000);
        tried = connections_tried() - before;
    }
    assert_true(tried > 0 && (double)tried <= 100 * simtime_seconds(simtime_sub(clock_monotonic(), begin)));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        BY(nfs, goes_on_when_the_store_is_back),
        BY(nfs, a_store_that_is_gone_is_tried_at_times),
        BY(nfs, a_store_that_never_comes_is_given_up),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
