/* Carrier nfs by the kernel's NFS client, in User Mode Linux, whose kernel has one. */
#define FIXTURE_PAYLOAD (8 * 1000 * 1000)
#include "nfs_helper.h"
#include "nfs_rows.h"
#include "uml.h"

#include <sys/mount.h>

static int helpers(void)
{
    int count = -1;
    autofclose FILE *file = popen("grep -sx " NFS_HELPER " /proc/[0-9]*/comm | wc -l", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%d", &count), 1);
    return count;
}

static void arrives_whole(void **state)
{
    struct fixture *f = fixture_of(state);
    struct result r = {0};
    assert_ptr_equal(nfs_client_choose(NULL), &nfs_client_kernel);
    assert_int_equal(helpers(), 2);
    send_well(f, &r, "big");
    /* to the store and from it; while they go, both sides ask again and again */
    assert_in_range(r.job.wire_bytes, 2 * PAYLOAD, 3 * PAYLOAD);
    send_well(f, &r, "odd folder");
    assert_int_equal(shell("test -z \"$(ls -A '%s/export/es2')\"", f->keys), 0);
}

/* A server that has stopped keeps the helper's calls waiting, and nothing else: neither the loop nor the end. */
static void a_silent_store_holds_nobody(void **state)
{
    struct fixture *f = fixture_of(state);
    struct result r = {0};
    have_patience(f, simtime_s(1));
    assert_int_equal(shell("pkill -STOP -x ganesha.nfsd"), 0);
    start_send(f, &r, "big", "inbox");
    finish_send(f, &r);
    assert_int_equal(r.status, -ETIMEDOUT);
    assert_non_null(strstr(r.e.text, "no byte for 1 s"));
    assert_int_equal(helpers(), 1);
    assert_int_equal(shell("pkill -CONT -x ganesha.nfsd"), 0);
    have_patience(f, simtime_s(PATIENCE_S));
    send_well(f, &r, "odd folder");
}

static void ends_with_its_owner(void **state)
{
    struct fixture *f = fixture_of(state);
    const struct nfs_export export = {"198.18.0.2", "/nothing", 9, 9, f->folder};
    struct err e = ERR_INIT;
    int before = helpers(), ends[2];
    pid_t pid, owner = fork();
    if (owner == 0) {
        socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends);
        nfs_helper_start(&export, ends[1], NULL, &pid, &e);
        kill(getpid(), SIGKILL);
    }
    waitpid(owner, NULL, 0);
    for (int i = 0; i < 1000 && helpers() > before; i++)
        run_for(f, 10);
    assert_int_equal(helpers(), before);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(arrives_whole),
    cmocka_unit_test(goes_on_when_the_store_is_back),
    cmocka_unit_test(a_silent_store_holds_nobody),
    cmocka_unit_test(ends_with_its_owner),
    cmocka_unit_test(a_store_that_never_comes_is_given_up),
};

/* One store for all of them: it takes its time to start. */
static int set_up_all(void **state)
{
    *state = (void *)(uintptr_t)&carrier_nfs;
    return set_up(state);
}

/* --- the machine ------------------------------------------------------------------------------------------------------------------------- */

static void inside(void *context)
{
    static const char *const modules[] = {"drivers/net/veth",    "net/sched/sch_tbf",     "net/sunrpc/sunrpc",
                                          "fs/nfs_common/grace", "fs/nfs_common/nfs_acl", "fs/lockd/lockd",
                                          "fs/netfs/netfs",      "fs/fscache/fscache",    "fs/nfs/nfs",
                                          "fs/nfs/nfsv3"};
    struct err e = ERR_INIT;
    (void)context;
    for (size_t i = 0; i < ARRAY_LEN(modules); i++)
        if (uml_module(modules[i], &e) < 0)
            printf("%s\n", e.text);
    mount("tmpfs", "/tmp", "tmpfs", 0, NULL);
    printf("guest: %d failed\n", cmocka_run_group_tests(tests, set_up_all, tear_down));
}

static void by_the_kernel(void **state)
{
    struct err e = ERR_INIT;
    autofree char *output = NULL;
    (void)state;
    if (uml_available(&e) < 0) {
        printf("skip: %s: %s\n", e.text, e.hint);
        skip();
    }
    if (uml_run((const char *const[]){NULL}, 300, false, &output, &e) < 0)
        fail_msg("%s", e.text);
    printf("%s\n", output);
    assert_non_null(strstr(output, "guest: 0 failed"));
}

int main(void)
{
    if (uml_inside())
        uml_serve(inside, NULL);
    const struct CMUnitTest outside[] = {cmocka_unit_test(by_the_kernel)};
    return cmocka_run_group_tests(outside, NULL, NULL);
}
