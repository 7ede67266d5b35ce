/* Carrier nfs when its third host comes and goes. */
#include "transfer_fixture.h"

static void start_store(struct fixture *f)
{
    struct err e = ERR_INIT;
    f->store = (struct transfer_server){.changed = store_changed};
    enter(f->right);
    assert_int_equal(f->carrier->serve_store(&f->store, &f->settings, &f->settings.store, &e), 0);
    await_server(f);
    enter(f->left);
}

static void be_patient(struct fixture *f)
{
    f->carrier->close(steal(f->peer));
    f->settings.progress_timeout = simtime_s(20);
    open_peer(f);
}

static void begin_slowly(struct fixture *f, struct result *r)
{
    slow_down();
    start_send(f, r, "big", "inbox");
    run_for(f, 500);
    assert_int_equal(r->calls, 0);
}

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

static void goes_on_when_the_store_is_back(void **state)
{
    struct fixture *f = fixture_of(state);
    struct result r = {0};
    be_patient(f);
    begin_slowly(f, &r);
    f->carrier->stop(&f->store);
    run_for(f, 300);
    assert_int_equal(r.calls, 0);
    start_store(f);
    finish_send(f, &r);
    if (r.status)
        print_error("%s\n", r.e.text);
    assert_int_equal(r.status, 0);
    assert_int_equal(shell("cmp '%s/out/big' '%s/inbox/big'", f->folder, f->folder), 0);
}

/* The other host, which has the store mounted all the time, tries at every tick of 100 ms. Both sides are closed while they try: a sanitizer
 * would see what is left behind. */
static void a_store_that_is_gone_is_tried_at_times(void **state)
{
    struct fixture *f = fixture_of(state);
    struct result r = {0};
    begin_slowly(f, &r);
    f->carrier->stop(&f->store);
    finish_send(f, &r);
    assert_true(r.status < 0);
    assert_non_null(strstr(r.e.text, "through host es3"));
    long before = connections_tried();
    run_for(f, 1000);
    assert_in_range(connections_tried() - before, 1, 100);
}

static void a_store_that_never_comes_is_given_up(void **state)
{
    struct fixture *f = fixture_of(state);
    f->carrier->stop(&f->store);
    f->carrier->close(steal(f->peer));
    f->settings.connect_timeout = simtime_ms(300);
    open_peer(f);
    assert_true(f->opened_status < 0);
    assert_non_null(strstr(f->opened_error.text, "nfs: "));
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
