/* Pre-paging of lazy pages between a pretended page server of CRIU, by TLS over the loopback interface, and a pretended lazy-pages. */
#include "prepaging.h"
#include "certificate.h"
#include "folder.h"
#include "page_message.h"
#include "pagemap.h"
#include "stream_tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cmocka.h>

/* Two processes; what is never lazy lies between. */
static const struct {
    uint32_t process;
    uint64_t address, pages;
    uint32_t flags;
} runs[] = {
    {1, 0x400000, 3, PAGEMAP_PRESENT}, {1, 0x500000, 300, PAGEMAP_LAZY}, {1, 0x700000, 1, PAGEMAP_LAZY},
    {1, 0x800000, 7, PAGEMAP_LAZY},    {7, 0x500000, 40, PAGEMAP_LAZY},
};
enum { LAZY_PAGES = 300 + 1 + 7 + 40, PIPE_PAGES = 11, PATIENCE_S = 60 };

enum trick { HONEST, OTHER_ADDRESS, OTHER_PROCESS, TOO_MANY, NONE_AT_ALL, NO_ANSWER, CUT_OFF, NO_FAREWELL };

/* Serves one connection from a thread. */
struct server {
    enum trick trick;
    bool wide, holds; /* the first answer waits until `release` */
    int listener, stop;
    uint16_t port;
    SSL_CTX *context;
    pthread_t thread;
    atomic_int asked, answered, release;
    atomic_bool closed; /* in good order */
};

struct fixture {
    char *folder, *keys;
    struct server server;
    struct prepaging *prepaging;
    int criu;
    bool whole; /* nothing is to come */
};

/* A page of its own for each address and process. */
static void fill_page(uint8_t page[PAGEMAP_PAGE], uint64_t process, uint64_t address)
{
    for (size_t i = 0; i < PAGEMAP_PAGE; i++)
        page[i] = (uint8_t)(address / PAGEMAP_PAGE * 31 + process * 17 + i);
}

static void spoil(enum trick trick, uint64_t asked, struct page_message *m)
{
    m->address += trick == OTHER_ADDRESS ? PAGEMAP_PAGE : 0;
    m->process += trick == OTHER_PROCESS;
    m->pages = trick == TOO_MANY ? asked + 1 : trick == NONE_AT_ALL ? 0 : m->pages;
}

/* As from pipes that end every few pages. */
static int answer(struct server *s, struct stream_tls *tls, struct page_message m, struct err *e)
{
    uint8_t bytes[PAGE_MESSAGE_MAX], page[PAGEMAP_PAGE];
    uint64_t asked = m.pages, left = PIPE_PAGES - m.address / PAGEMAP_PAGE % PIPE_PAGES;
    m.command = PAGE_ADD;
    m.pages = asked < left ? asked : left;
    uint64_t sent = s->trick == CUT_OFF ? 0 : m.pages;
    if (s->answered == 1)
        spoil(s->trick, asked, &m);
    int status = stream_tls_write(tls, bytes, page_message_encode(&m, s->wide, bytes), e);
    for (uint64_t i = 0; i < sent && status == 0; i++) {
        fill_page(page, m.process, m.address + i * PAGEMAP_PAGE);
        status = stream_tls_write(tls, page, sizeof page, e);
    }
    s->answered++;
    return s->trick == CUT_OFF && s->answered > 1 ? -ECONNRESET : status;
}

static int say_farewell(struct server *s, struct stream_tls *tls, struct err *e)
{
    const int32_t word = 0;
    uint8_t byte;
    int status = stream_tls_write(tls, &word, sizeof word, e);
    SSL_shutdown(tls->ssl);
    s->closed = status == 0 && stream_tls_read(tls, &byte, 1, e) == -ECONNRESET &&
                SSL_get_shutdown(tls->ssl) & SSL_RECEIVED_SHUTDOWN;
    return -ECONNRESET;
}

static void await_release(struct server *s, struct stream_tls *tls)
{
    while (s->holds && !s->release && stream_tls_readable(tls, false, -1, &(struct err)ERR_INIT) >= 0)
        usleep(1000);
}

static int take_turn(struct server *s, struct stream_tls *tls, struct err *e)
{
    uint8_t bytes[PAGE_MESSAGE_MAX];
    struct page_message m;
    int status = stream_tls_read(tls, bytes, page_message_size(s->wide), e);
    if (status < 0)
        return status;
    page_message_decode(bytes, s->wide, &m);
    if (m.command == PAGE_CLOSE)
        return s->trick == NO_FAREWELL ? 0 : say_farewell(s, tls, e);
    s->asked++;
    return s->trick == NO_ANSWER ? 0 : answer(s, tls, m, e);
}

static void *serve(void *argument)
{
    struct server *s = argument;
    struct err e = ERR_INIT;
    struct stream_tls tls = {.fd = -1, .stop_fd = s->stop, .patience = simtime_s(PATIENCE_S)};
    int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    int status = fd < 0 ? -errno : stream_tls_accept(&tls, s->context, fd, simtime_s(PATIENCE_S), &e);
    await_release(s, &tls);
    while (status == 0)
        status = take_turn(s, &tls, &e);
    stream_tls_close(&tls);
    return NULL;
}

static void start_server(struct fixture *f)
{
    struct server *s = &f->server;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    s->stop = eventfd(0, EFD_CLOEXEC);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(s->listener, 1), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&at, &len), 0);
    s->port = ntohs(at.sin_port);
    assert_non_null(s->context = certificate_tls_context(f->keys, NULL));
    assert_int_equal(stream_thread_start(&s->thread, serve, s, NULL), 0);
}

static void write_images(const char *folder, bool wide, bool whole)
{
    static const uint32_t processes[] = {1, 7};
    for (size_t k = 0; k < ARRAY_LEN(processes); k++) {
        struct pagemap map = {.id = processes[k], .wide = wide};
        autofree char *path = mem_printf("%s/pagemap-%u.img", folder, processes[k]);
        for (size_t i = 0; i < ARRAY_LEN(runs); i++)
            if (runs[i].process == processes[k] && (!whole || runs[i].flags == PAGEMAP_PRESENT))
                pagemap_add(&map, runs[i].address, runs[i].pages, runs[i].flags);
        assert_int_equal(pagemap_write(path, &map, NULL), 0);
        pagemap_free(&map);
    }
}

static void open_fixture(struct fixture *f)
{
    f->folder = folder_make();
    f->keys = mem_printf("%s/run", f->folder);
    assert_int_equal(certificate_make_own(f->keys, "roamlab test", NULL, NULL), 0);
    write_images(f->folder, f->server.wide, f->whole);
    start_server(f);
    const struct prepaging_options options = {f->folder, "127.0.0.1", f->server.port, f->keys};
    assert_non_null(f->prepaging = prepaging_start(&options, NULL));
    f->criu = prepaging_take_socket(f->prepaging);
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    setsockopt(f->criu, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

static void close_fixture(struct fixture *f, struct err *why)
{
    prepaging_free(f->prepaging, why);
    shutdown(f->server.listener, SHUT_RDWR);
    pthread_join(f->server.thread, NULL);
    SSL_CTX_free(f->server.context);
    close(f->server.listener);
    close(f->server.stop);
    close(f->criu);
    free(f->keys);
    folder_remove(f->folder);
}

/* --- lazy-pages ------------------------------------------------------------------------------------------------------------------ */

static void say(const struct fixture *f, struct page_message m)
{
    uint8_t bytes[PAGE_MESSAGE_MAX];
    size_t len = page_message_encode(&m, f->server.wide, bytes);
    assert_int_equal(send(f->criu, bytes, len, MSG_NOSIGNAL), len);
}

static bool hear(const struct fixture *f, void *bytes, size_t len)
{
    return recv(f->criu, bytes, len, MSG_WAITALL) == (ssize_t)len;
}

/* What comes begins with the first page that was asked for; returns how many do. */
static uint64_t get_answer(const struct fixture *f, const struct page_message *asked)
{
    uint8_t bytes[PAGE_MESSAGE_MAX], page[PAGEMAP_PAGE], wanted[PAGEMAP_PAGE];
    struct page_message m;
    assert_true(hear(f, bytes, page_message_size(f->server.wide)));
    page_message_decode(bytes, f->server.wide, &m);
    assert_int_equal(m.command, PAGE_ADD);
    assert_true(m.process == asked->process && m.address == asked->address);
    assert_in_range(m.pages, 1, asked->pages);
    for (uint64_t i = 0; i < m.pages; i++) {
        fill_page(wanted, m.process, m.address + i * PAGEMAP_PAGE);
        assert_true(hear(f, page, sizeof page));
        assert_memory_equal(page, wanted, sizeof page);
    }
    return m.pages;
}

static uint64_t fetch(const struct fixture *f, uint32_t process, uint64_t address, uint64_t pages)
{
    const struct page_message m = {PAGE_GET, pages, address, process};
    say(f, m);
    return get_answer(f, &m);
}

static void fetch_all(const struct fixture *f)
{
    for (size_t i = 0; i < ARRAY_LEN(runs); i++)
        for (uint64_t at = 0; runs[i].flags == PAGEMAP_LAZY && at < runs[i].pages;)
            at += fetch(f, runs[i].process, runs[i].address + at * PAGEMAP_PAGE, runs[i].pages - at);
}

static void assert_farewell(const struct fixture *f)
{
    int32_t word = -1;
    say(f, (struct page_message){.command = PAGE_FORCE_CLOSE});
    assert_true(hear(f, &word, sizeof word));
    assert_int_equal(word, 0);
}

/* The socket's end is the thread's, behind the source's. */
static void assert_takes_leave(const struct fixture *f)
{
    uint8_t byte;
    assert_farewell(f);
    assert_false(hear(f, &byte, 1));
}

/* --- rows ------------------------------------------------------------------------------------------------------------------------ */

static void all_pages_come(void **state)
{
    const struct page_message fault = {PAGE_GET, 1, 0x700000, 1};
    (void)state;
    for (int wide = 0; wide < 2; wide++) {
        struct fixture f = {.server.wide = wide};
        struct err why = ERR_INIT;
        open_fixture(&f);
        fetch(&f, 7, 0x50f000, 1); /* faults, before and among what comes by itself, */
        fetch(&f, 1, 0x700000, 1);
        fetch_all(&f); /* all, also what had come: as after a fork */
        say(&f, fault);
        say(&f, fault); /* of both */
        assert_int_equal(get_answer(&f, &fault), 1);
        assert_int_equal(get_answer(&f, &fault), 1);
        assert_takes_leave(&f);
        close_fixture(&f, &why);
        assert_true(f.server.closed);
        assert_int_equal(why.code, 0);
    }
}

static void nothing_comes_where_nothing_lacks(void **state)
{
    struct fixture f = {.server.wide = true, .whole = true};
    struct err why = ERR_INIT;
    (void)state;
    open_fixture(&f);
    assert_takes_leave(&f);
    close_fixture(&f, &why);
    assert_true(f.server.closed);
    assert_int_equal(why.code, 0);
}

/* Before it has answered at all; and what CRIU asks for meanwhile is asked for, too. */
static void the_source_is_asked_ahead(void **state)
{
    struct fixture f = {.server.wide = true, .server.holds = true};
    const struct page_message fault = {PAGE_GET, 1, 0x51e000 + 200 * PAGEMAP_PAGE, 1};
    (void)state;
    open_fixture(&f);
    say(&f, fault);
    f.server.release = 1;
    assert_int_equal(get_answer(&f, &fault), 1);
    while (f.server.asked * 4 < LAZY_PAGES / 4) /* CRIU asks for nothing any more */
        usleep(1000);
    fetch_all(&f);
    assert_takes_leave(&f);
    close_fixture(&f, NULL);
}

/* A round trip and more that CRIU, which has all, need not wait. */
static void nobody_waits_for_the_farewell(void **state)
{
    struct fixture f = {.server.wide = true, .server.trick = NO_FAREWELL};
    struct err why = ERR_INIT;
    (void)state;
    open_fixture(&f);
    fetch_all(&f);
    assert_farewell(&f);
    close_fixture(&f, &why);
    assert_int_equal(why.code, 0);
}

/* Also to who has asked for nothing yet. */
static void a_broken_source_is_said(void **state)
{
    static const struct {
        enum trick trick;
        const char *why;
    } rows[] = {
        {OTHER_ADDRESS, "nobody has asked for"},
        {OTHER_PROCESS, "nobody has asked for"},
        {TOO_MANY, "nobody has asked for"},
        {NONE_AT_ALL, "nobody has asked for"},
        {CUT_OFF, ""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f = {.server.wide = true, .server.trick = rows[i].trick};
        struct err why = ERR_INIT;
        uint8_t bytes[PAGEMAP_PAGE];
        open_fixture(&f);
        while (recv(f.criu, bytes, sizeof bytes, 0) > 0)
            ;
        close_fixture(&f, &why);
        assert_int_not_equal(why.code, 0);
        assert_non_null(strstr(why.text, rows[i].why));
    }
}

static void a_foreign_page_ends_it(void **state)
{
    static const struct page_message rows[] = {
        {PAGE_GET, 1, 0x400000, 1},
        {PAGE_GET, 1, 0x500000, 2},
        {PAGE_GET, 0, 0x500000, 1},
        {PAGE_ADD, 1, 0x500000, 1},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f = {.server.wide = true};
        struct err why = ERR_INIT;
        uint8_t byte;
        open_fixture(&f);
        say(&f, rows[i]);
        assert_false(hear(&f, &byte, 1));
        close_fixture(&f, &why);
        assert_int_equal(why.code, EPROTO);
    }
}

/* Whoever owns it ends it, wherever it stands: CRIU gone, the server silent. */
static void it_ends_when_it_is_told(void **state)
{
    (void)state;
    for (int silent = 0; silent < 2; silent++) {
        struct fixture f = {.server.wide = true, .server.trick = silent ? NO_ANSWER : HONEST};
        struct err why = ERR_INIT;
        open_fixture(&f);
        say(&f, (struct page_message){PAGE_GET, 40, 0x500000, 7});
        if (!silent)
            shutdown(f.criu, SHUT_RDWR);
        close_fixture(&f, &why);
        assert_int_equal(why.code, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_pages_come),          cmocka_unit_test(the_source_is_asked_ahead),
        cmocka_unit_test(a_broken_source_is_said), cmocka_unit_test(a_foreign_page_ends_it),
        cmocka_unit_test(it_ends_when_it_is_told), cmocka_unit_test(nothing_comes_where_nothing_lacks),
        cmocka_unit_test(nobody_waits_for_the_farewell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
