#include "prepaging.h"
#include "certificate.h"
#include "clock.h"
#include "lazy_runs.h"
#include "mem.h"
#include "page_message.h"
#include "page_window.h"
#include "stream_tls.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* Requests of 64 kB; those of CRIU that wait, of each thread of the process one: more stay in the socket. */
enum { REQUEST_PAGES = 16, AHEAD_MAX = 256, WAITING_MAX = 64 };
enum { QUEUE_MAX = AHEAD_MAX + WAITING_MAX, CONNECT_TIMEOUT_S = 10 };
enum page_state { PAGE_AWAY, PAGE_ASKED, PAGE_HERE, PAGE_GIVEN };

/* Pages from the run's address + page - first on, in one piece. */
struct request {
    const struct lazy_run *run;
    uint64_t page, pages;
    struct simtime begin;
    uint64_t under_way; /* pages then, its own included */
};

struct queue {
    struct request items[QUEUE_MAX];
    unsigned first, count;
};

struct prepaging {
    struct stream_tls tls; /* to the source */
    SSL_CTX *context;
    char *address;
    uint16_t port;
    int socket, criu, stop; /* criu: the other end, until it is taken */
    pthread_t thread;
    struct err err;
    struct lazy_runs runs;
    uint8_t *memory;             /* the pages, one behind the other, as they come */
    uint8_t *states;             /* behind them, enum page_state each */
    uint64_t next;               /* none before is away */
    struct queue asked, waiting; /* the source; by CRIU */
    uint64_t under_way;          /* pages that the source was asked for */
    struct page_window window;   /* of them */
    bool closing, done;
};

/* Zeros, which is PAGE_AWAY; there may be no pages at all. */
static size_t memory_size(const struct prepaging *p)
{
    return p->runs.pages * (PAGEMAP_PAGE + 1) + 1;
}

static int open_memory(struct prepaging *p, struct err *e)
{
    size_t bytes = p->runs.pages * PAGEMAP_PAGE;
    p->memory = mmap(NULL, memory_size(p), PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p->memory == MAP_FAILED)
        return err_errno(e, "memory for %zu bytes of pages", bytes);
    p->states = p->memory + bytes;
    return 0;
}

static void close_memory(struct prepaging *p)
{
    if (p->memory != MAP_FAILED)
        munmap(p->memory, memory_size(p));
    p->memory = MAP_FAILED;
}

static void push(struct queue *q, struct request r)
{
    q->items[(q->first + q->count++) % QUEUE_MAX] = r;
}

static struct request pop(struct queue *q)
{
    struct request r = q->items[q->first];
    q->first = (q->first + 1) % QUEUE_MAX;
    q->count--;
    return r;
}

/* How many pages from that one on, at most so many, are in its state; all of one run. */
static uint64_t alike(const struct prepaging *p, const struct request *r, uint64_t most)
{
    uint64_t count = 1;
    while (count < r->pages && count < most && p->states[r->page + count] == p->states[r->page])
        count++;
    return count;
}

static uint64_t address_of(const struct request *r)
{
    return r->run->address + (r->page - r->run->first) * PAGEMAP_PAGE;
}

/* --- the source ------------------------------------------------------------------------------------------------------------------ */

static int ask(struct prepaging *p, struct request r, struct err *e)
{
    uint8_t bytes[PAGE_MESSAGE_MAX];
    r.pages = alike(p, &r, REQUEST_PAGES);
    r.begin = clock_monotonic();
    r.under_way = p->under_way += r.pages;
    struct page_message m = {PAGE_GET, r.pages, address_of(&r), r.run->process};
    memset(p->states + r.page, PAGE_ASKED, r.pages);
    push(&p->asked, r);
    return stream_tls_write(&p->tls, bytes, page_message_encode(&m, p->runs.wide, bytes), e);
}

static int ask_ahead(struct prepaging *p, struct err *e)
{
    int status = 0;
    while (status == 0 && !p->closing && p->under_way < p->window.pages && p->asked.count < AHEAD_MAX) {
        while (p->next < p->runs.pages && p->states[p->next] != PAGE_AWAY)
            p->next++;
        if (p->next == p->runs.pages)
            break;
        const struct lazy_run *run = lazy_runs_of_page(&p->runs, p->next);
        status =
            ask(p, (struct request){run, p->next, run->first + run->pages - p->next, SIMTIME_ZERO, 0}, e);
    }
    return status;
}

/* The server may send fewer pages than it was asked for: its pipes end elsewhere. */
static int take_answer(struct prepaging *p, struct err *e)
{
    uint8_t bytes[PAGE_MESSAGE_MAX];
    struct page_message m;
    int status = stream_tls_read(&p->tls, bytes, page_message_size(p->runs.wide), e);
    if (status < 0)
        return status;
    page_message_decode(bytes, p->runs.wide, &m);
    struct request r = p->asked.count ? pop(&p->asked) : (struct request){0};
    if (m.command != PAGE_ADD || !r.run || m.process != r.run->process || m.address != address_of(&r) ||
        m.pages == 0 || m.pages > r.pages)
        return err_set(e, EPROTO, "the page server sends what nobody has asked for");
    status = stream_tls_read(&p->tls, p->memory + r.page * PAGEMAP_PAGE, m.pages * PAGEMAP_PAGE, e);
    memset(p->states + r.page, PAGE_HERE, m.pages);
    memset(p->states + r.page + m.pages, PAGE_AWAY, r.pages - m.pages);
    if (m.pages < r.pages && r.page + m.pages < p->next)
        p->next = r.page + m.pages;
    p->under_way -= r.pages;
    page_window_adapt(&p->window, m.pages, r.under_way, simtime_sub(clock_monotonic(), r.begin));
    return status;
}

/* --- CRIU ------------------------------------------------------------------------------------------------------------------------ */

/* Not an error of the way between the hosts: its end is seen where it was started. */
static int criu_has_gone(struct prepaging *p)
{
    p->done = true;
    return 0;
}

static bool give_all(struct prepaging *p, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    for (ssize_t sent; len; at += sent, len -= (size_t)sent)
        if ((sent = send(p->socket, at, len, MSG_NOSIGNAL)) <= 0)
            return false;
    return true;
}

static int give(struct prepaging *p, struct request r)
{
    uint8_t bytes[PAGE_MESSAGE_MAX], *pages = p->memory + r.page * PAGEMAP_PAGE;
    uint64_t count = alike(p, &r, r.pages);
    struct page_message m = {PAGE_ADD, count, address_of(&r), r.run->process};
    if (!give_all(p, bytes, page_message_encode(&m, p->runs.wide, bytes)) ||
        !give_all(p, pages, count * PAGEMAP_PAGE))
        return criu_has_gone(p);
    memset(p->states + r.page, PAGE_GIVEN, count);
    madvise(pages, count * PAGEMAP_PAGE, MADV_DONTNEED);
    return 0;
}

/* What was given before is wanted again by a process that has forked. */
static int ask_for_waiting(struct prepaging *p, struct err *e)
{
    int status = 0;
    for (unsigned i = 0; i < p->waiting.count && status == 0; i++) {
        const struct request *r = &p->waiting.items[(p->waiting.first + i) % QUEUE_MAX];
        uint8_t state = p->states[r->page];
        if (state == PAGE_AWAY || state == PAGE_GIVEN)
            status = ask(p, *r, e);
    }
    return status;
}

/* CRIU takes answers in the order of its questions. */
static int serve(struct prepaging *p, struct err *e)
{
    int status = ask_for_waiting(p, e);
    while (status == 0 && p->waiting.count &&
           p->states[p->waiting.items[p->waiting.first].page] == PAGE_HERE) {
        status = give(p, pop(&p->waiting));
        if (status == 0)
            status = ask_for_waiting(p, e);
    }
    return status;
}

static int take_request(struct prepaging *p, const struct page_message *m, struct err *e)
{
    if (m->command == PAGE_CLOSE || m->command == PAGE_FORCE_CLOSE) {
        p->closing = true;
        return 0;
    }
    const struct lazy_run *run = lazy_runs_find(&p->runs, m->process, m->address);
    if (m->command != PAGE_GET || !run || m->pages == 0)
        return err_set(e, EPROTO, "CRIU asks for what is no page of the image");
    uint64_t skipped = (m->address - run->address) / PAGEMAP_PAGE, left = run->pages - skipped;
    push(&p->waiting,
         (struct request){run, run->first + skipped, m->pages < left ? m->pages : left, SIMTIME_ZERO, 0});
    return 0;
}

/* Each of its messages comes whole: it was written at once. */
static int take_requests(struct prepaging *p, struct err *e)
{
    uint8_t bytes[PAGE_MESSAGE_MAX];
    ssize_t got, size = (ssize_t)page_message_size(p->runs.wide);
    int status = 0;
    while (status == 0 && p->waiting.count < WAITING_MAX && !p->closing &&
           (got = recv(p->socket, bytes, (size_t)size, MSG_DONTWAIT)) != -1) {
        struct page_message m;
        if (got != size)
            return criu_has_gone(p);
        page_message_decode(bytes, p->runs.wide, &m);
        status = take_request(p, &m, e);
    }
    return status;
}

/* --- the end ----------------------------------------------------------------------------------------------------------------------- */

/* All that the server says yet, until it has closed: an earlier close of ours would be a reset, by which it fails. */
static void hear_out(struct prepaging *p)
{
    uint8_t byte;
    while (stream_tls_read(&p->tls, &byte, 1, &(struct err)ERR_INIT) == 0)
        ;
}

/* All pages are CRIU's: it need not wait for the source, and what becomes of that concerns nobody here. */
static int take_leave(struct prepaging *p)
{
    const struct page_message m = {.command = PAGE_CLOSE};
    const int32_t good = 0;
    uint8_t bytes[PAGE_MESSAGE_MAX];
    send(p->socket, &good, sizeof good, MSG_NOSIGNAL);
    p->done = true;
    close_memory(p);
    if (stream_tls_write(&p->tls, bytes, page_message_encode(&m, p->runs.wide, bytes), &(struct err)ERR_INIT) < 0)
        return 0;
    SSL_shutdown(p->tls.ssl);
    shutdown(p->tls.fd, SHUT_WR);
    hear_out(p);
    return 0;
}

/* --- the thread ------------------------------------------------------------------------------------------------------------------- */

/* 1: an answer comes. The source, of which nothing is wanted, is not listened to: what it has to say then is TLS's. */
static int await_word(struct prepaging *p, struct err *e)
{
    struct pollfd fds[] = {{p->socket, POLLIN, 0}, {p->stop, POLLIN, 0}};
    bool listens = !p->closing && p->waiting.count < WAITING_MAX;
    if (p->asked.count)
        return stream_tls_readable(&p->tls, -1, listens ? p->socket : -1, e);
    poll(fds, ARRAY_LEN(fds), -1);
    return fds[1].revents ? err_set(e, ECANCELED, "called off") : 0;
}

static int turn(struct prepaging *p, struct err *e)
{
    int status = ask_ahead(p, e);
    int readable = status < 0 ? status : await_word(p, e);
    if (readable < 0)
        return readable;
    status = readable ? take_answer(p, e) : 0;
    if (status == 0)
        status = take_requests(p, e);
    if (status == 0)
        status = serve(p, e);
    return status == 0 && p->closing && p->asked.count == 0 ? take_leave(p) : status;
}

static void *read_ahead(void *argument)
{
    struct prepaging *p = argument;
    const struct transfer_host server = {.address = p->address, .port = p->port};
    int status = stream_tls_connect(&p->tls, p->context, &server, simtime_s(CONNECT_TIMEOUT_S), &p->err);
    while (status == 0 && !p->done)
        status = turn(p, &p->err);
    stream_tls_close(&p->tls);
    shutdown(p->socket, SHUT_RDWR);
    return NULL;
}

static int open_sockets(struct prepaging *p, struct err *e)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 ||
        (p->stop = eventfd(0, EFD_CLOEXEC)) < 0)
        return err_errno(e, "sockets for pages");
    p->socket = pair[0];
    p->criu = pair[1];
    return 0;
}

struct prepaging *prepaging_start(const struct prepaging_options *options, struct err *e)
{
    struct prepaging *p = mem_alloc(sizeof *p);
    *p = (struct prepaging){
        .socket = -1, .criu = -1, .stop = -1, .window = PAGE_WINDOW_INIT, .memory = MAP_FAILED};
    int status = lazy_runs_read(options->images, &p->runs, e);
    p->address = mem_copy_string(options->address);
    p->port = options->port;
    p->context = status < 0 ? NULL : certificate_tls_context(options->keys, e);
    if (!p->context || open_memory(p, e) < 0 || open_sockets(p, e) < 0)
        goto failed;
    p->tls = (struct stream_tls){.fd = -1, .stop_fd = p->stop};
    if (stream_thread_start(&p->thread, read_ahead, p, e) == 0)
        return p;
    p->thread = 0;
failed:
    prepaging_free(p, NULL);
    return NULL;
}

int prepaging_take_socket(struct prepaging *p)
{
    int criu = p->criu;
    p->criu = -1;
    return criu;
}

void prepaging_free(struct prepaging *p, struct err *why)
{
    if (!p)
        return;
    if (p->thread) {
        eventfd_write(p->stop, 1);
        shutdown(p->socket, SHUT_RDWR); /* CRIU may take nothing any more */
        pthread_join(p->thread, NULL);
    }
    if (why && p->err.code != ECANCELED)
        *why = p->err;
    mem_close_fd(&p->socket);
    mem_close_fd(&p->criu);
    mem_close_fd(&p->stop);
    close_memory(p);
    SSL_CTX_free(p->context);
    lazy_runs_free(&p->runs);
    free(p->address);
    free(p);
}
