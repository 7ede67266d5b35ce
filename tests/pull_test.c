/* Pull and push at an Engine that the test plays: they end when nothing moves any more, and not as long as something does. The hours in between
 * are jumps of the clock, so that no machine is too slow for them. */
#include "folder.h"
#include "pretended_engine.h"
#include "pull.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define REGISTRY "198.18.0.9:5000"
enum { PATIENCE_S = 3600, WORK_S = 10 * PATIENCE_S, HANGS_MS = 60000 };

static struct {
    struct clock clock;
    struct loop *loop;
    struct docker_api *api;
    char *folder;
    int listener, connection; /* connection: the Engine's end of the request, -1 = none has come */
    struct image_pull pull;
    uint64_t moved;
    int calls, status;
} f;

/* --- the clock and the loop -------------------------------------------------------------------------------------------------------- */

static void stop(struct timer *timer)
{
    (void)timer;
    loop_stop(f.loop);
}

/* All that is due, and what has come. */
static void turn(void)
{
    struct timer end = {.fire = stop};
    loop_arm(f.loop, &end, clock_read(&f.clock));
    loop_run(f.loop);
    loop_cancel(f.loop, &end);
}

static void turn_until(bool (*holds)(void))
{
    for (int ms = 0; ms < HANGS_MS && !holds(); ms++) {
        turn();
        usleep(1000);
    }
    assert_true(holds());
}

static void let_pass(int seconds)
{
    f.clock.origin = simtime_sub(f.clock.origin, simtime_s(seconds));
    turn();
}

/* --- the Engine -------------------------------------------------------------------------------------------------------------------- */

static bool readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) > 0;
}

static void accept_request(void)
{
    if (f.connection < 0 && readable(f.listener))
        f.connection = accept(f.listener, NULL, NULL);
}

static bool is_asked(void)
{
    accept_request();
    return f.connection >= 0 && readable(f.connection);
}

static void begin_answer(void)
{
    static const char header[] = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    char request[4096];
    if (f.connection >= 0)
        return;
    turn_until(is_asked);
    assert_true(read(f.connection, request, sizeof request) > 0);
    assert_int_equal(write(f.connection, header, strlen(header)), strlen(header));
}

static size_t heard;

static bool hears_more(void)
{
    return f.pull.request.received.len > heard;
}

static void say(const char *word)
{
    begin_answer();
    heard = f.pull.request.received.len;
    dprintf(f.connection, "{\"status\":\"%s\",\"progressDetail\":{},\"id\":\"3f9582a2cbe7\"}\r\n", word);
    turn_until(hears_more);
}

static bool asks_anew(void)
{
    return f.calls || readable(f.listener);
}

static bool is_called_off(void)
{
    char rest[4096];
    accept_request();
    ssize_t got = f.connection < 0 ? 0 : recv(f.connection, rest, sizeof rest, MSG_DONTWAIT);
    return got == 0 || (got < 0 && errno == ECONNRESET);
}

static void end_answer(void)
{
    begin_answer();
    close(f.connection);
    f.connection = -1;
    turn_until(asks_anew);
}

/* --- rows -------------------------------------------------------------------------------------------------------------------------- */

static uint64_t moved(const char *registry)
{
    assert_string_equal(registry, REGISTRY);
    return f.moved;
}

static void done(struct image_pull *pull, int status, const struct err *e)
{
    (void)pull;
    f.calls++;
    f.status = status;
    assert_int_equal(status < 0, strstr(e->text, "neither a word") != NULL);
}

static void happen(char what)
{
    switch (what) {
    case 'd':
        say("Downloading");
        break;
    case 'e':
        say("Extracting");
        break;
    case 'p':
        say("Pushing");
        break;
    case 'b':
        f.moved += 1448;
        break;
    case '.':
        let_pass(PATIENCE_S);
        break;
    case 'w':
        let_pass(WORK_S);
        break;
    default:
        end_answer();
    }
}

static const struct row {
    /* the Engine says d(ownloading), e(xtracting), p(ushing) or a(ll); b: a byte moves; . and w: patience and that with the Engine's work pass */
    const char *script;
    bool pushes;
    int status;
} rows[] = {
    {"daa", false, 0},
    /* it does not answer, or falls silent, or the registry does */
    {".", false, -ETIMEDOUT},
    {"d..", false, -ETIMEDOUT},
    {"db..", false, -ETIMEDOUT},
    /* slow, but it speaks; slower still: there are bytes */
    {"d.d.d.d.d.aa", false, 0},
    {"d.b.b.b.b.aa", false, 0},
    /* it may unpack for longer than it may wait for the registry, but not for ever; the next layer is waited for again */
    {"de......aa", false, 0},
    {"de.w", false, -ETIMEDOUT},
    {"de....d..", false, -ETIMEDOUT},
    /* the name that it gives comes late, or never */
    {"da.....a", false, 0},
    {"daw", false, -ETIMEDOUT},
    {"apa", true, 0},
    {".....ap.p.p.a", true, 0},
    {"ap..", true, -ETIMEDOUT},
    {"ap.b.b.a", true, 0},
    {"w", true, -ETIMEDOUT},
};

static void begin(const struct row *row)
{
    const struct image_source source = {REGISTRY, "iot_service", "1.0", "roamlab", "password"};
    struct err e = ERR_INIT;
    f.calls = 0;
    f.connection = -1;
    f.pull = (struct image_pull){
        .done = done, .patience = simtime_s(PATIENCE_S), .work = simtime_s(WORK_S), .moved = moved};
    assert_int_equal((row->pushes ? image_push : image_pull)(&f.pull, f.api, &source, "service:latest", &e),
                     0);
}

static void ends_without_progress_and_not_before(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        begin(&rows[i]);
        for (const char *c = rows[i].script; *c; c++) {
            if (f.calls)
                fail_msg("row %zu: ended before %s with %d", i, c, f.status);
            happen(*c);
        }
        if (f.calls != 1 || f.status != rows[i].status)
            fail_msg("row %zu: ended %d times, with %d", i, f.calls, f.status);
        turn_until(is_called_off);
        close(f.connection);
        assert_false(timer_armed(&f.pull.look));
    }
}

/* What is called off has no timer any more, and calls nobody. */
static void can_be_called_off(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        begin(&rows[i]);
        begin_answer();
        image_pull_cancel(&f.pull);
        image_pull_cancel(&f.pull);
        let_pass(WORK_S);
        assert_int_equal(f.calls, 0);
        turn_until(is_called_off);
        close(f.connection);
    }
}

static int open_engine(void **state)
{
    struct err e = ERR_INIT;
    (void)state;
    f.folder = folder_make();
    autofree char *path = mem_printf("%s/d.sock", f.folder), *url = mem_printf("unix://%s", path);
    f.clock = clock_wall(clock_monotonic());
    f.loop = loop_new(&f.clock, &e);
    f.api = docker_api_new(f.loop, &(struct docker_address){.url = url}, &e);
    f.listener = pretended_listen(path);
    return f.api && f.listener >= 0 ? 0 : -1;
}

static int close_engine(void **state)
{
    (void)state;
    docker_api_free(f.api);
    loop_free(f.loop);
    close(f.listener);
    folder_remove(f.folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_without_progress_and_not_before),
        cmocka_unit_test(can_be_called_off),
    };
    return cmocka_run_group_tests(tests, open_engine, close_engine);
}
