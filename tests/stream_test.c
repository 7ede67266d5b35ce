/* Carrier stream between two network namespaces: who is admitted, in which order jobs go, what cuts do to it; and what its receiver refuses
 * to make of bytes. What every carrier does is transfer_test.c. */
#include "transfer_faults.h"
#include "stream_content.h"
#include "stream_tls.h"
#include "stream_wire.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>

static void wrong_key(void **state)
{
    struct fixture *f = fixture_of(state);
    f->carrier->close(steal(f->peer));
    assert_int_equal(shell("head -c 32 /dev/urandom > '%s/stream_key'", f->keys), 0);
    open_peer(f);
    assert_true(f->opened_status < 0);
    assert_non_null(strstr(f->opened_error.text, "es2"));
}

/* Every connection breaks as soon as it stands, unless the machine is slower than the link; then once more. */
static void gives_up_when_nothing_arrives_between_cuts(void **state)
{
    struct fixture *f = fixture_of(state);
    struct result r = {0};
    assert_int_equal(shell("tc qdisc add dev right root tbf rate 80mbit burst 64k latency 100ms"), 0);
    do {
        start_send(f, &r, "big", "inbox");
        while (!r.calls) {
            break_connections(f->to.port);
            assert_true(run_for(f, PATIENCE_S * 1000));
        }
    } while (r.status == 0 && simtime_before(loop_now(f->loop), simtime_s(PATIENCE_S)));
    assert_int_equal(r.calls, 1);
    assert_int_equal(r.status, -ECONNRESET);
    assert_non_null(strstr(r.e.text, "to host es2"));
}

/* Small ones pass large ones, but not in the same lane. */
static void a_lane_keeps_its_order(void **state)
{
    struct fixture *f = fixture_of(state);
    for (int lane = 0; lane < 2; lane++) {
        struct result big = {.job.lane = lane ? &big : NULL}, odd = {.job.lane = lane ? &big : NULL};
        if (lane == 0)
            slow_down();
        start_send(f, &big, "big", "inbox");
        start_send(f, &odd, "odd folder", "inbox");
        finish_send(f, &odd);
        assert_int_equal(big.calls, lane);
        if (lane == 0)
            speed_up();
        finish_send(f, &big);
        assert_int_equal(big.status | odd.status, 0);
    }
}

static bool little_has_landed(const struct fixture *f)
{
    return shell("test -e '%s/inbox/little'", f->folder) == 0;
}

/* Nothing of the receiver's comes through from before its verdict until the cut: what it is about stands in its place and is not made
 * again. */
static void a_lost_verdict_is_told_again(void **state)
{
    struct fixture *f = fixture_of(state);
    struct result r = {0};
    struct stat before, after;
    autofree char *landed = mem_printf("%s/inbox/little", f->folder);
    assert_int_equal(shell("echo little > '%s/out/little'", f->folder), 0);
    enter(f->right);
    assert_int_equal(shell("ip route add blackhole 198.18.0.1"), 0);
    enter(f->left);
    start_send(f, &r, "little", "inbox");
    assert_true(until(f, little_has_landed));
    assert_int_equal(r.calls, 0);
    assert_int_equal(stat(landed, &before), 0);
    assert_int_equal(break_connections(f->to.port), 1);
    enter(f->right);
    assert_int_equal(shell("ip route del blackhole 198.18.0.1"), 0);
    enter(f->left);
    finish_send(f, &r);
    assert_int_equal(r.status, 0);
    assert_int_equal(f->opened_calls, 2);
    assert_int_equal(stat(landed, &after), 0);
    assert_int_equal(after.st_ino, before.st_ino);
    assert_int_equal(after.st_ctim.tv_nsec, before.st_ctim.tv_nsec);
}

static void say(struct stream_tls *t, enum stream_type type, uint32_t job, const void *payload, size_t len)
{
    struct buf frame = BUF_INIT;
    stream_frame_add(&frame, type, job, payload, len);
    assert_int_equal(stream_tls_write(t, frame.data, frame.len, NULL), 0);
    buf_free(&frame);
}

/* The next frame that is a verdict: its status. */
static int hear_verdict(struct stream_tls *t, struct err *e)
{
    uint8_t head[STREAM_HEAD], payload[1024];
    struct stream_frame frame = {0};
    while (frame.type != STREAM_VERDICT) {
        assert_int_equal(stream_tls_read(t, head, sizeof head, NULL), 0);
        assert_int_equal(stream_head_decode(head, &frame, NULL), 0);
        assert_true(frame.length <= sizeof payload);
        assert_int_equal(stream_tls_read(t, payload, frame.length, NULL), 0);
    }
    return stream_verdict_read(payload, frame.length, e);
}

/* Frames in an order that no sender of ours makes, to a folder that is not for it: the receiver says why and goes on. */
static void receiver_survives_a_hostile_sender(void **state)
{
    struct fixture *f = fixture_of(state);
    struct err e = ERR_INIT;
    struct result r = {0};
    const uint8_t no_digest[STREAM_DIGEST] = {0};
    SSL_CTX *context = stream_tls_context(f->keys, &e);
    struct stream_tls t = {.fd = -1, .stop_fd = -1};
    assert_int_equal(stream_tls_connect(&t, context, &f->to, simtime_s(10), &e), 0);
    say(&t, STREAM_HELLO, 0, "session", 8);
    say(&t, STREAM_SLICE, 7, "of no job", 9);
    say(&t, STREAM_OFFER, 1, "/tmp", 4);
    say(&t, STREAM_SLICE, 1, "no zstd", 7);
    say(&t, STREAM_END, 1, no_digest, sizeof no_digest);
    assert_int_equal(hear_verdict(&t, &e), -EACCES);
    assert_non_null(strstr(e.text, "\"/tmp\" is not the one"));
    say(&t, STREAM_OFFER, 1, "/tmp", 4);
    say(&t, STREAM_SLICE, 1, "after the end", 13);
    say(&t, STREAM_END, 1, no_digest, sizeof no_digest);
    say(&t, STREAM_AGAIN, 1, "/tmp", 4);
    assert_int_equal(hear_verdict(&t, &e), -EACCES);
    say(&t, STREAM_DROP, 1, NULL, 0);
    stream_tls_close(&t);
    SSL_CTX_free(context);
    send_well(f, &r, "odd folder");
}

/* What has left the sender's namespace, with the kernel's large segments as one packet each. */
static uint64_t sent_in_all(const struct fixture *f)
{
    unsigned long long bytes = 0;
    assert_int_equal(shell("ip -s link show right | awk '/TX:/ {getline; print $1}' > '%s/sent'", f->folder), 0);
    autofree char *path = mem_printf("%s/sent", f->folder);
    autofclose FILE *file = fopen(path, "re");
    assert_int_equal(fscanf(file, "%llu", &bytes), 1);
    return bytes;
}

static void warming_is_counted_for_each_connection(void **state)
{
    enum { LEAST_PADDING = 16 * 1024 };
    struct fixture *f = fixture_of(state);
    struct result r = {0};
    struct transfer_warming once = carrier_stream.warming(f->peer);
    uint64_t sent = sent_in_all(f);
    assert_int_equal(once.connections, 1);
    assert_in_range(once.bytes, sent - sent / 50, sent + sent / 12); /* segments' headers */
    send_well(f, &r, "odd folder");
    assert_int_equal(break_connections(f->to.port), 1);
    send_well(f, &r, "odd folder");
    struct transfer_warming twice = carrier_stream.warming(f->peer);
    assert_int_equal(twice.connections, 2);
    assert_true(twice.bytes > once.bytes + LEAST_PADDING && r.job.wire_bytes < LEAST_PADDING);
}

static bool windows_are_kept(int namespace_fd)
{
    enter(namespace_fd);
    return shell("grep -qx 0 /proc/sys/net/ipv4/tcp_slow_start_after_idle") == 0;
}

static void windows_are_kept_over_idle_times(void **state)
{
    struct fixture *f = fixture_of(state);
    assert_false(windows_are_kept(f->right)); /* which sends nothing */
    assert_true(windows_are_kept(f->left));
}

static void a_window_that_would_not_be_kept_is_told(void **state)
{
    struct fixture *f = fixture_of(state);
    pid_t child = fork();
    if (child == 0) {
        struct err e = ERR_INIT;
        struct transfer_peer *peer = NULL;
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("/proc/sys", "/proc/sys", NULL, MS_BIND, NULL) < 0 ||
            mount(NULL, "/proc/sys", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) < 0)
            _exit(2);
        int status = carrier_stream.open(&peer, &f->settings, &f->to, NULL, NULL, &e);
        _exit(status < 0 && strstr(e.text, "tcp_slow_start_after_idle") && strstr(e.text, "es2") ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
}

/* Compressed: the layer of a container is, and so are its pages. */
static void compresses(void **state)
{
    struct fixture *f = fixture_of(state);
    struct result r = {0};
    assert_int_equal(shell("cd '%s/out' && yes roamlab | head -c 5000000 > words", f->folder), 0);
    send_well(f, &r, "words");
    assert_int_equal(r.job.bytes, 5000000);
    assert_true(r.job.wire_bytes < 100000);
}

/* --- the receiver's hands --------------------------------------------------------------------------------------------------------- */

static void digest_of(const struct buf *bytes, uint8_t out[STREAM_DIGEST])
{
    EVP_Digest(bytes->data, bytes->len, out, NULL, EVP_sha256(), NULL);
}

static void add_entry(struct buf *out, char kind, const char *path, const char *content)
{
    buf_add_u8(out, (uint8_t)kind);
    buf_add_be16(out, (uint16_t)strlen(path));
    buf_add(out, path, strlen(path));
    if (kind == 'f' || kind == 'a')
        buf_add_be64(out, strlen(content));
    buf_add(out, content, strlen(content));
}

/* The status of an intake that is given the bytes in pieces, and their digest with `spoil` added to its first byte. */
static int take(const char *folder, const struct buf *bytes, size_t piece, uint8_t spoil)
{
    struct err e = ERR_INIT;
    uint8_t digest[STREAM_DIGEST];
    struct stream_intake *in = stream_intake_open(folder, &e);
    assert_non_null(in);
    int status = 0;
    for (size_t at = 0; status == 0 && at < bytes->len; at += piece)
        status =
            stream_intake_take(in, bytes->data + at, at + piece < bytes->len ? piece : bytes->len - at, &e);
    digest_of(bytes, digest);
    digest[0] = (uint8_t)(digest[0] + spoil);
    if (status == 0)
        status = stream_intake_finish(in, digest, &e);
    stream_intake_free(in);
    return status;
}

static void intake_refuses(void **state)
{
    static const struct {
        char kind;
        const char *path;
        uint8_t spoil;
        int status;
    } rows[] = {
        {'f', "top", 0, 0},           {'f', "top", 1, -EBADMSG},   {'f', "../out", 0, -EPROTO},
        {'f', "/etc/x", 0, -EPROTO},  {'f', "a/../b", 0, -EPROTO}, {'f', "", 0, -EPROTO},
        {'d', "", 0, -EPROTO},        {'d', ".", 0, -EPROTO},      {'l', "link", 0, -EPROTO},
        {'f', "no/such", 0, -ENOENT}, {'f', "a//b", 0, -EPROTO},   {'a', "top", 0, -ENOENT},
        {'a', "../out", 0, -EPROTO},
    };
    char folder[] = "/tmp/roamlab-stream-XXXXXX";
    (void)state;
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (size_t piece = 1; piece < 40; piece += 19) {
            struct buf bytes = BUF_INIT;
            add_entry(&bytes, rows[i].kind, rows[i].path, "content of a file, long enough for pieces");
            assert_int_equal(take(folder, &bytes, piece, rows[i].spoil), rows[i].status);
            buf_free(&bytes);
            assert_int_equal(shell("test \"$(ls -A '%s')\" = '%s' && rm -f '%s/top'", folder,
                                   rows[i].status ? "" : "top", folder),
                             0);
        }
    rmdir(folder);
}

/* A leak would be seen by a sanitizer. */
static void contents_may_be_closed_unread(void **state)
{
    struct err e = ERR_INIT;
    (void)state;
    struct stream_content *c = stream_content_open("/etc", NULL, &e);
    assert_non_null(c);
    stream_content_free(c);
}

/* Nothing of a file shows before all of it is there; a second name at the top belongs to no job. */
static void intake_wants_all(void **state)
{
    char folder[] = "/tmp/roamlab-stream-XXXXXX";
    (void)state;
    assert_non_null(mkdtemp(folder));
    struct buf bytes = BUF_INIT;
    add_entry(&bytes, 'f', "top", "content");
    bytes.len--;
    assert_int_equal(take(folder, &bytes, 5, 0), -EBADMSG);
    buf_clear(&bytes);
    add_entry(&bytes, 'd', "top", "");
    add_entry(&bytes, 'f', "top/file", "content");
    assert_int_equal(take(folder, &bytes, 5, 0), 0);
    assert_int_equal(take(folder, &bytes, 5, 0), 0); /* again: it replaces what stands there */
    add_entry(&bytes, 'f', "other", "content");
    assert_int_equal(take(folder, &bytes, 5, 0), -EPROTO);
    bytes.len -= 1 + 2 + strlen("other") + 8 + strlen("content");
    add_entry(&bytes, 'a', "top/file", ", and more");
    assert_int_equal(take(folder, &bytes, 5, 0), 0);
    assert_int_equal(shell("test \"$(cat '%s/top/file')\" = 'content, and more' && rm -r '%s'", folder, folder), 0);
    buf_free(&bytes);
}

#define STREAM(test)                                                                                         \
    cmocka_unit_test_prestate_setup_teardown(test, set_up, tear_down, (void *)(uintptr_t)&carrier_stream)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STREAM(wrong_key),
        STREAM(gives_up_when_nothing_arrives_between_cuts),
        STREAM(a_lane_keeps_its_order),
        STREAM(a_lost_verdict_is_told_again),
        STREAM(receiver_survives_a_hostile_sender),
        STREAM(warming_is_counted_for_each_connection),
        STREAM(windows_are_kept_over_idle_times),
        STREAM(a_window_that_would_not_be_kept_is_told),
        STREAM(compresses),
        cmocka_unit_test(contents_may_be_closed_unread),
        cmocka_unit_test(intake_refuses),
        cmocka_unit_test(intake_wants_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
