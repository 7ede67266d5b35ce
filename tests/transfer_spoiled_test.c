/* Carriers whose bytes are damaged: on the way, where they lie between, where they land. Nothing damaged gets its name at the peer: it is sent
 * again, or the transfer fails by name. */
#include "seal.h"
#include "transfer_faults.h"

#include <poll.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>

/* --- on the way: a relay in the receiver's namespace, to which the sender connects ------------------------------------------------- */

enum { RELAY_PORT = 2300, HARM_BEHIND = 3000000 };
enum harm { FLIPS_A_BIT, ENDS_IT };

struct relay {
    enum harm harm;
    uint16_t server; /* its port */
    int listener;
    pid_t pid;
    atomic_long *
        left; /* of all that the sender's connections carry: bytes until the harm, which is done once; shared */
};

/* False: the connection ends here. */
static bool do_harm(struct relay *relay, char *bytes, ssize_t count)
{
    long before = atomic_fetch_sub(relay->left, count);
    if (before <= 0 || before > count)
        return true;
    bytes[before - 1] ^= 0x10;
    return relay->harm != ENDS_IT;
}

static bool pass_on(int from, int to, struct relay *harmed)
{
    char bytes[16384];
    ssize_t got = read(from, bytes, sizeof bytes), put = 0, now = 1;
    if (got <= 0 || (harmed && !do_harm(harmed, bytes, got)))
        return false;
    while (put < got && (now = write(to, bytes + put, (size_t)(got - put))) > 0)
        put += now;
    return now > 0;
}

static void carry(struct relay *relay, int sender)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(relay->server)};
    inet_pton(AF_INET, "198.18.0.2", &to.sin_addr);
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct pollfd ends[] = {{sender, POLLIN, 0}, {server, POLLIN, 0}};
    if (connect(server, (struct sockaddr *)&to, sizeof to) < 0)
        return;
    while (poll(ends, 2, -1) > 0)
        if ((ends[0].revents && !pass_on(sender, server, relay)) ||
            (ends[1].revents && !pass_on(server, sender, NULL)))
            return;
}

static pid_t fork_that_ends_with_its_parent(void)
{
    pid_t pid = fork();
    if (pid == 0)
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    return pid;
}

static void relay_connections(struct relay *relay)
{
    signal(SIGCHLD, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    for (int sender; (sender = accept(relay->listener, NULL, NULL)) >= 0; close(sender))
        if (fork_that_ends_with_its_parent() == 0) {
            carry(relay, sender);
            _exit(0);
        }
    _exit(1);
}

static void start_relay(const struct fixture *f, struct relay *relay)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(RELAY_PORT)};
    relay->left = mmap(NULL, sizeof *relay->left, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(relay->left != MAP_FAILED);
    atomic_init(relay->left, LONG_MAX);
    enter(f->right);
    relay->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(
        bind(relay->listener, (struct sockaddr *)&here, sizeof here) | listen(relay->listener, 8), 0);
    relay->pid = fork_that_ends_with_its_parent();
    if (relay->pid == 0)
        relay_connections(relay);
    enter(f->left);
}

static void stop_relay(struct relay *relay)
{
    kill(relay->pid, SIGKILL);
    waitpid(relay->pid, NULL, 0);
    close(relay->listener);
    munmap(relay->left, sizeof *relay->left);
}

/* The bytes themselves pass through it: of carrier nfs those to the store. */
static void open_peer_through(struct fixture *f, struct relay *relay)
{
    uint16_t *port = f->carrier->serve_store ? &f->settings.store.port : &f->to.port;
    f->carrier->close(steal(f->peer));
    relay->server = *port;
    start_relay(f, relay);
    *port = RELAY_PORT;
    open_peer(f);
    assert_int_equal(f->opened_status, 0);
    atomic_store(relay->left, HARM_BEHIND); /* not while it is opened and warmed */
}

/* What checks every byte tells its peer, and goes on over another connection. */
static void is_sent_again(void **state, enum harm harm)
{
    struct fixture *f = fixture_of(state);
    struct relay relay = {.harm = harm};
    struct result r = {0};
    open_peer_through(f, &relay);
    send_well(f, &r, "big");
    assert_true(atomic_load(relay.left) <= 0);
    stop_relay(&relay);
}

static void flipped_on_the_way(void **state)
{
    is_sent_again(state, FLIPS_A_BIT);
}

static void cut_short_on_the_way(void **state)
{
    is_sent_again(state, ENDS_IT);
}

/* NFS itself checks nothing: the digest of the whole does. */
static void flipped_on_the_way_to_the_store(void **state)
{
    struct fixture *f = fixture_of(state);
    struct relay relay = {.harm = FLIPS_A_BIT};
    struct result r = {0};
    open_peer_through(f, &relay);
    start_send(f, &r, "big", "inbox");
    finish_send(f, &r);
    assert_int_equal(r.status, -EBADMSG);
    assert_non_null(strstr(r.e.text, "es2"));
    assert_int_not_equal(shell("test -e '%s/inbox/big'", f->folder), 0);
    send_well(f, &r, "big");
    stop_relay(&relay);
}

/* --- between, and at the peer ------------------------------------------------------------------------------------------------------ */

/* One byte of what lies between, while the rest is still under way. What is restored from would be another state. */
static void spoiled_between(void **state)
{
    struct fixture *f = fixture_of(state);
    struct result r = {0};
    f->carrier->close(steal(f->peer));
    f->carrier->stop(&f->server);
    f->settings.pipeline = false; /* what is there already has not been read */
    start_server(f);
    open_peer(f);
    slow_down();
    start_send(f, &r, "big", "inbox");
    assert_true(until(f, much_has_arrived));
    assert_int_equal(
        shell(
            "cd '%s' && for f in $(find . -size +500k \\( -path '*/export/*' -o -path '*/_uploads/*' \\)); do "
            "printf '\\0\\377\\0\\377' | dd of=$f bs=1 seek=300000 conv=notrunc status=none; echo $f; done | grep -q .",
            f->keys),
        0);
    speed_up();
    finish_send(f, &r);
    assert_true(r.status < 0);
    assert_int_not_equal(shell("test -e '%s/inbox/big'", f->folder), 0);
    send_well(f, &r, "odd folder");
}

/* By a carrier that leaves it to its receiver to look. */
static void spoiled_where_it_lands(void **state)
{
    static const struct {
        const char *happens; /* by a shell, to the file $f */
        int opened;
    } rows[] = {
        {"printf '\\0\\377' | dd of=$f bs=1 seek=300000 conv=notrunc status=none", -EBADMSG},
        {"truncate -s -1 $f", 0}, /* as if it were still under way: nobody takes it */
        {"true", 1},
    };
    struct fixture *f = fixture_of(state);
    struct result r = {0};
    struct err e = ERR_INIT;
    autofree char *path = mem_printf("%s/out/big", f->folder);
    autofree char *sealed = NULL;
    assert_int_equal(seal_make(path, &sealed, &e), 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        send_well(f, &r, strrchr(sealed, '/') + 1);
        assert_int_equal(shell("cd '%s/inbox' && f=$(echo big.*) && %s", f->folder, rows[i].happens), 0);
        assert_int_equal(seal_open(f->inbox, "big.", &e), rows[i].opened);
        assert_int_equal(shell("cmp -s '%s' '%s/big'", path, f->inbox) == 0, rows[i].opened == 1);
    }
    assert_non_null(strstr(e.text, "inbox/big: what has arrived is not what was sent"));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        BY(scp, flipped_on_the_way),      BY(rsync, flipped_on_the_way),
        BY(stream, flipped_on_the_way),   BY(nfs, flipped_on_the_way_to_the_store),
        BY(scp, cut_short_on_the_way),    BY(rsync, cut_short_on_the_way),
        BY(stream, cut_short_on_the_way), BY(nfs, cut_short_on_the_way),
        BY(nfs, spoiled_between),         BY(registry, spoiled_between),
        BY(scp, spoiled_where_it_lands),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
