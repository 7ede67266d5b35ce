#include "bench_traffic.h"
#include "clock.h"
#include "mem.h"
#include "netns.h"
#include "rng.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    PORT = 7100,
    BUFFER = 32 << 20,
    BATCH = 64,
    SMALL_PAYLOAD = 18, /* with UDP, IP, Ethernet and its checksum 64 bytes */
    PRIORITY = 5,       /* of who takes times: below the emulator's thread */
};

static struct sockaddr_in address_of(const struct traffic_end *end)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    inet_pton(AF_INET, end->address, &address.sin_addr);
    return address;
}

/* Port 0: any, so that no connection is taken for an earlier one. */
static int open_at(const struct traffic_end *end, int type, uint16_t port, struct err *e)
{
    int back, size = BUFFER, one = 1;
    int status = netns_enter(end->namespace, &back, e);
    if (status < 0)
        return status;
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    netns_leave(back);
    struct sockaddr_in address = address_of(end);
    address.sin_port = htons(port);
    struct timeval timeout = {type == SOCK_STREAM ? 5 : 1, 0}; /* a connection waits for floods before it */
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) < 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        status = err_errno(e, "socket at %s", end->address);
        if (fd >= 0)
            close(fd);
        return status;
    }
    if (type == SOCK_DGRAM)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    return fd;
}

/* --- TCP ------------------------------------------------------------------------------------------------- */

struct tcp_sender {
    int fd;
    struct sockaddr_in to;
    struct simtime until;
};

static void *send_tcp(void *argument)
{
    struct tcp_sender *sender = argument;
    static const char bytes[1 << 18];
    if (connect(sender->fd, (struct sockaddr *)&sender->to, sizeof sender->to) == 0)
        while (simtime_before(clock_monotonic(), sender->until) &&
               send(sender->fd, bytes, sizeof bytes, MSG_NOSIGNAL) > 0)
            ;
    shutdown(sender->fd, SHUT_RDWR);
    return NULL;
}

static double receive_tcp(int fd, struct simtime from, struct simtime until)
{
    autofree char *bytes = mem_alloc(1 << 20);
    double sum = 0;
    struct simtime first = SIMTIME_NEVER, now = clock_monotonic();
    ssize_t got;
    while (simtime_before(now, until) && (got = recv(fd, bytes, 1 << 20, 0)) > 0) {
        now = clock_monotonic();
        if (first.ns != INT64_MAX)
            sum += (double)got;
        else if (!simtime_before(now, from))
            first = now;
    }
    return first.ns == INT64_MAX ? 0 : sum * 8 / 1e6 / simtime_seconds(simtime_sub(now, first));
}

int traffic_tcp(const struct traffic_end *from, const struct traffic_end *to, double seconds, double *mbit,
                struct err *e)
{
    autoclose int fd = open_at(from, SOCK_STREAM, 0, e);
    autoclose int listening = fd < 0 ? -1 : open_at(to, SOCK_STREAM, PORT, e);
    if (fd < 0 || listening < 0)
        return e ? -e->code : -EIO;
    struct simtime start = clock_monotonic(), until = simtime_add(start, simtime_from_seconds(seconds));
    struct tcp_sender sender = {fd, address_of(to), until};
    pthread_t thread;
    if (listen(listening, 1) < 0 || pthread_create(&thread, NULL, send_tcp, &sender) != 0)
        return err_errno(e, "TCP");
    autoclose int accepted = accept(listening, NULL, NULL);
    if (accepted >= 0)
        *mbit = receive_tcp(accepted, simtime_add(start, simtime_from_seconds(seconds / 3)), until);
    int status = accepted < 0 ? err_errno(e, "TCP from %s to %s", from->address, to->address) : 0;
    shutdown(accepted, SHUT_RDWR);
    pthread_join(thread, NULL);
    return status;
}

/* --- small datagrams ------------------------------------------------------------------------------------- */

struct small_receiver {
    int fd;
    atomic_bool stopping;
    _Atomic uint64_t count;
};

static void set_batch(struct mmsghdr messages[BATCH], struct iovec parts[BATCH], char *bytes)
{
    for (int i = 0; i < BATCH; i++) {
        parts[i] = (struct iovec){bytes + (size_t)i * SMALL_PAYLOAD, SMALL_PAYLOAD};
        messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &parts[i], .msg_iovlen = 1}};
    }
}

static void *receive_small(void *argument)
{
    struct small_receiver *receiver = argument;
    char bytes[BATCH * SMALL_PAYLOAD];
    struct iovec parts[BATCH];
    struct mmsghdr messages[BATCH];
    set_batch(messages, parts, bytes);
    while (!atomic_load(&receiver->stopping)) {
        int got = recvmmsg(receiver->fd, messages, BATCH, MSG_WAITFORONE, NULL);
        if (got > 0)
            atomic_fetch_add(&receiver->count, (uint64_t)got);
    }
    return NULL;
}

static void send_small(int fd, struct simtime until)
{
    char bytes[BATCH * SMALL_PAYLOAD] = {0};
    struct iovec parts[BATCH];
    struct mmsghdr messages[BATCH];
    set_batch(messages, parts, bytes);
    while (simtime_before(clock_monotonic(), until))
        (void)!sendmmsg(fd, messages, BATCH, 0);
}

int traffic_small(const struct traffic_end *from, const struct traffic_end *to, double seconds,
                  double *per_second, struct err *e)
{
    struct sockaddr_in address = address_of(to);
    autoclose int fd = open_at(from, SOCK_DGRAM, PORT, e);
    autoclose int there = fd < 0 ? -1 : open_at(to, SOCK_DGRAM, PORT, e);
    if (fd < 0 || there < 0)
        return e ? -e->code : -EIO;
    struct small_receiver receiver = {.fd = there};
    pthread_t thread;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        pthread_create(&thread, NULL, receive_small, &receiver) != 0)
        return err_errno(e, "UDP");
    struct simtime start = clock_monotonic();
    send_small(fd, simtime_add(start, simtime_from_seconds(seconds)));
    *per_second =
        (double)atomic_load(&receiver.count) / simtime_seconds(simtime_sub(clock_monotonic(), start));
    atomic_store(&receiver.stopping, true);
    pthread_join(thread, NULL);
    return 0;
}

/* --- delays ---------------------------------------------------------------------------------------------- */

/* Times are calendar times: the kernel stamps arrivals with them. */
struct stamped {
    uint32_t number;
    int64_t sent_ns;
};

struct delay_receiver {
    int fd, count;
    struct simtime delay;
    double *errors_us, *read_errors_us; /* of each packet, NAN = not arrived */
};

static int64_t calendar_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* When the kernel took the packet from the link; 0 = it does not say. */
static int64_t arrival_ns(struct msghdr *message)
{
    struct cmsghdr *control = CMSG_FIRSTHDR(message);
    if (!control || control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_TIMESTAMPNS)
        return 0;
    struct timespec at;
    memcpy(&at, CMSG_DATA(control), sizeof at);
    return at.tv_sec * 1000000000LL + at.tv_nsec;
}

/* False when none comes any more. */
static bool receive_stamped(int fd, struct stamped *packet, int64_t *arrived_ns)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(struct timespec))];
    } control;
    struct iovec part = {packet, sizeof *packet};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    if (recvmsg(fd, &message, 0) != sizeof *packet)
        return false;
    *arrived_ns = arrival_ns(&message);
    return *arrived_ns != 0;
}

static void *receive_delays(void *argument)
{
    struct delay_receiver *receiver = argument;
    struct sched_param priority = {.sched_priority = PRIORITY};
    pthread_setschedparam(pthread_self(), SCHED_FIFO, &priority);
    struct stamped packet = {0};
    int64_t arrived_ns = 0;
    int left = receiver->count;
    while (left > 0 && receive_stamped(receiver->fd, &packet, &arrived_ns)) {
        int64_t read_ns = calendar_ns(), due_ns = packet.sent_ns + receiver->delay.ns;
        if (packet.number < (uint32_t)receiver->count && isnan(receiver->errors_us[packet.number])) {
            receiver->errors_us[packet.number] = (double)(arrived_ns - due_ns) / 1e3;
            receiver->read_errors_us[packet.number] = (double)(read_ns - due_ns) / 1e3;
            left--;
        }
    }
    return NULL;
}

/* At random times (RFC 2330, 11.1.1): at regular ones, packets whose delay is a multiple of the interval would always
 * arrive while the next one is being sent. */
static void send_delays(int fd, const struct delay_receiver *receiver, struct simtime apart)
{
    int64_t next_ns = clock_monotonic().ns;
    struct rng rng;
    rng_init(&rng, 1, "bench delays", 0);
    prctl(PR_SET_TIMERSLACK, 1);
    for (int i = 0; i < receiver->count; i++) {
        next_ns += (int64_t)rng_exponential(&rng, (double)apart.ns);
        struct timespec at = {next_ns / 1000000000, next_ns % 1000000000};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
        struct stamped packet = {.number = (uint32_t)i, .sent_ns = calendar_ns()};
        (void)!send(fd, &packet, sizeof packet, 0);
    }
}

static int compare(const void *a, const void *b)
{
    double x = fabs(*(const double *)a), y = fabs(*(const double *)b);
    return (x > y) - (x < y);
}

/* Sorts the errors of those that have arrived to the front; how many they are. */
static int sort_arrived(double *errors_us, int count)
{
    int arrived = 0;
    for (int i = 0; i < count; i++)
        if (!isnan(errors_us[i]))
            errors_us[arrived++] = errors_us[i];
    qsort(errors_us, (size_t)arrived, sizeof errors_us[0], compare);
    return arrived;
}

static void summarise(const struct delay_receiver *receiver, struct traffic_errors *errors)
{
    int count = sort_arrived(receiver->errors_us, receiver->count);
    sort_arrived(receiver->read_errors_us, receiver->count);
    *errors = (struct traffic_errors){.lost = 1 - (double)count / receiver->count};
    if (count == 0)
        return;
    errors->p50_us = fabs(receiver->errors_us[count / 2]);
    errors->p99_us = fabs(receiver->errors_us[(size_t)count * 99 / 100]);
    errors->p999_us = fabs(receiver->errors_us[(size_t)count * 999 / 1000]);
    errors->read_p99_us = fabs(receiver->read_errors_us[(size_t)count * 99 / 100]);
}

int traffic_delay(const struct traffic_end *from, const struct traffic_end *to, int count,
                  struct simtime apart, struct simtime delay, struct traffic_errors *errors, struct err *e)
{
    struct sockaddr_in address = address_of(to);
    int one = 1;
    autoclose int fd = open_at(from, SOCK_DGRAM, PORT, e);
    autoclose int there = fd < 0 ? -1 : open_at(to, SOCK_DGRAM, PORT, e);
    if (fd < 0 || there < 0)
        return e ? -e->code : -EIO;
    autofree double *values = mem_alloc_array(2 * (size_t)count, sizeof *values);
    for (int i = 0; i < 2 * count; i++)
        values[i] = NAN;
    struct delay_receiver receiver = {there, count, delay, values, values + count};
    pthread_t thread;
    if (setsockopt(there, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one) < 0 ||
        connect(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        pthread_create(&thread, NULL, receive_delays, &receiver) != 0)
        return err_errno(e, "UDP");
    send_delays(fd, &receiver, apart);
    pthread_join(thread, NULL);
    summarise(&receiver, errors);
    return 0;
}
