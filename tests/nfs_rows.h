/* Carrier nfs when its third host comes and goes, whoever speaks NFS. */
#ifndef ROAMLAB_NFS_ROWS_H
#define ROAMLAB_NFS_ROWS_H

#include "transfer_faults.h"

static void start_store(struct fixture *f)
{
    struct err e = ERR_INIT;
    f->store = (struct transfer_server){.changed = store_changed};
    enter(f->right);
    assert_int_equal(f->carrier->serve_store(&f->store, &f->settings, &f->settings.store, &e), 0);
    await_server(f);
    enter(f->left);
}

static void begin_slowly(struct fixture *f, struct result *r)
{
    slow_down();
    start_send(f, r, "big", "inbox");
    run_for(f, 500);
}

/* If the store went before its time or behind it, it would be good, too. */
static void goes_on_when_the_store_is_back(void **state)
{
    struct fixture *f = fixture_of(state);
    struct result r = {0};
    begin_slowly(f, &r);
    f->carrier->stop(&f->store);
    run_for(f, 300);
    speed_up();
    start_store(f);
    finish_send(f, &r);
    assert_arrived(f, &r, "big");
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

#endif
