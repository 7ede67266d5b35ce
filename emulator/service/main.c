/* The offloading service that runs in every user's container: it answers offload messages over UDP.
 *
 *     service --address A [--port 7000] [--seed N] [--mud N] [--memory-pages N] [--layer-pages N]
 *             [--volume-pages N] [--volume /volume] [--work-us N] [--reply-bytes N] [--window N] [--file /state/pages]
 *
 *     service --join NAMESPACE
 *
 * Every setting may come from the environment instead: ROAMLAB_ADDRESS, ROAMLAB_MEMORY_PAGES and so on;
 * arguments win. It is ready when it answers a PROBE of number 0. It ends with status 1 and one line on
 * stderr if its state cannot be kept, and never otherwise. With --join it serves nobody: it enters the network
 * namespace and waits, so that other containers can be given its own. */
#include "mem.h"
#include "sequencer.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum setting {
    ADDRESS,
    PORT,
    SEED,
    MUD,
    MEMORY_PAGES,
    LAYER_PAGES,
    VOLUME_PAGES,
    WORK_US,
    REPLY_BYTES,
    WINDOW,
    STATE_FILE,
    VOLUME,
    SETTINGS
};

static struct {
    const char *name, *value;
    uint64_t max; /* 0 = not a number */
} settings[SETTINGS] = {
    [ADDRESS] = {"address", NULL, 0},
    [PORT] = {"port", "7000", 65535},
    [SEED] = {"seed", "1", UINT64_MAX},
    [MUD] = {"mud", "0", UINT32_MAX},
    [MEMORY_PAGES] = {"memory-pages", "256", UINT32_MAX},
    [LAYER_PAGES] = {"layer-pages", "64", UINT32_MAX},
    [VOLUME_PAGES] = {"volume-pages", "0", UINT32_MAX},
    [WORK_US] = {"work-us", "0", UINT32_MAX},
    [REPLY_BYTES] = {"reply-bytes", "1000", OFFLOAD_PAYLOAD_MAX},
    [WINDOW] = {"window", "16", 65536},
    [STATE_FILE] = {"file", "/state/pages", 0},
    [VOLUME] = {"volume", "/volume", 0},
};

struct service {
    struct sequencer sequencer;
    struct service_state state;
    int socket;
    struct timespec work;
    struct buf out;
};

static void settings_from_environment(void)
{
    for (int i = 0; i < SETTINGS; i++) {
        char name[64];
        size_t len = (size_t)snprintf(name, sizeof name, "ROAMLAB_%s", settings[i].name);
        for (size_t c = 0; c < len; c++)
            name[c] = name[c] == '-' ? '_' : (char)toupper((unsigned char)name[c]);
        const char *value = getenv(name);
        if (value)
            settings[i].value = value;
    }
}

static int settings_from_arguments(int argc, char **argv, struct err *e)
{
    for (int i = 1; i < argc; i += 2) {
        int which = 0;
        while (which < SETTINGS && (strncmp(argv[i], "--", 2) || strcmp(argv[i] + 2, settings[which].name)))
            which++;
        if (which == SETTINGS)
            return err_set(e, EINVAL, "unknown argument %s", argv[i]);
        if (i + 1 == argc)
            return err_set(e, EINVAL, "%s needs a value", argv[i]);
        settings[which].value = argv[i + 1];
    }
    return 0;
}

static int check_settings(struct err *e)
{
    for (int i = 0; i < SETTINGS; i++) {
        const char *value = settings[i].value;
        if (!value)
            return err_set(e, EINVAL, "--%s is missing", settings[i].name);
        if (!settings[i].max)
            continue;
        char *end;
        errno = 0;
        unsigned long long number = strtoull(value, &end, 10);
        if (!isdigit((unsigned char)value[0]) || *end || errno || number > settings[i].max)
            return err_set(e, EINVAL, "--%s: %s is not a number up to %llu", settings[i].name, value,
                           (unsigned long long)settings[i].max);
    }
    return strcmp(settings[WINDOW].value, "0") ? 0 : err_set(e, EINVAL, "--window: must not be 0");
}

static uint64_t number(enum setting which)
{
    return strtoull(settings[which].value, NULL, 10);
}

static int open_socket(struct service *s, struct err *e)
{
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons((uint16_t)number(PORT))};
    if (inet_pton(AF_INET, settings[ADDRESS].value, &own.sin_addr) != 1)
        return err_set(e, EINVAL, "--address: %s is not an IPv4 address", settings[ADDRESS].value);
    s->socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (s->socket < 0 || bind(s->socket, (struct sockaddr *)&own, sizeof own) < 0)
        return err_errno(e, "bind %s:%s", settings[ADDRESS].value, settings[PORT].value);
    return 0;
}

static void work(struct sequencer *sequencer)
{
    struct service *s = container_of(sequencer, struct service, sequencer);
    struct timespec left = s->work;
    while ((left.tv_sec || left.tv_nsec) && nanosleep(&left, &left) < 0 && errno == EINTR)
        ;
}

static void answer(struct sequencer *sequencer, const struct offload *reply, const struct sockaddr_in *to)
{
    struct service *s = container_of(sequencer, struct service, sequencer);
    buf_clear(&s->out);
    offload_encode(reply, s->state.seed, &s->out);
    /* A reply that cannot be sent is a lost datagram: the asker repeats. */
    (void)!sendto(s->socket, s->out.data, s->out.len, 0, (const struct sockaddr *)to, sizeof *to);
}

static int open_service(struct service *s, struct err *e)
{
    s->state.seed = number(SEED);
    s->state.size.pages[STATE_MEMORY] = (uint32_t)number(MEMORY_PAGES);
    s->state.size.pages[STATE_LAYER] = (uint32_t)number(LAYER_PAGES);
    s->state.size.pages[STATE_VOLUME] = (uint32_t)number(VOLUME_PAGES);
    s->state.volume = settings[VOLUME].value;
    s->state.window = (uint32_t)number(WINDOW);
    s->work.tv_sec = (time_t)(number(WORK_US) / 1000000);
    s->work.tv_nsec = (long)(number(WORK_US) % 1000000 * 1000);
    int status = service_state_open(&s->state, settings[STATE_FILE].value, (uint32_t)number(MUD), e);
    if (status < 0)
        return status;
    s->sequencer.state = &s->state;
    s->sequencer.reply_bytes = (uint32_t)number(REPLY_BYTES);
    s->sequencer.work = work;
    s->sequencer.answer = answer;
    sequencer_init(&s->sequencer);
    return open_socket(s, e);
}

static int serve(struct service *s, struct err *e)
{
    static uint8_t bytes[65536];
    for (;;) {
        struct sockaddr_in from;
        socklen_t from_len = sizeof from;
        struct offload message;
        ssize_t got = recvfrom(s->socket, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &from_len);
        if (got < 0 || from.sin_family != AF_INET || offload_decode(bytes, (size_t)got, &message, NULL) < 0)
            continue;
        int status = sequencer_take(&s->sequencer, &message, &from, e);
        if (status < 0)
            return status;
    }
}

/* An anchor (docker/users_engine.h): holds a network namespace for other containers. */
static int hold(const char *net_namespace, struct err *e)
{
    int fd = open(net_namespace, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
        return err_errno(e, "join %s", net_namespace);
    for (;;)
        pause();
}

int main(int argc, char **argv)
{
    static struct service service;
    struct err e = ERR_INIT;
    if (argc == 3 && !strcmp(argv[1], "--join")) {
        hold(argv[2], &e);
        fprintf(stderr, "roamlab-service: %s\n", e.text);
        return 1;
    }
    settings_from_environment();
    if (settings_from_arguments(argc, argv, &e) < 0 || check_settings(&e) < 0 ||
        open_service(&service, &e) < 0 || serve(&service, &e) < 0)
        fprintf(stderr, "roamlab-service: %s\n", e.text);
    return 1;
}
