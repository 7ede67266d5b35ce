#include "packet_check.h"
#include "canary.h"
#include "codec.h"
#include "iapp.h"
#include "json_file.h"
#include "layout.h"
#include "mem.h"
#include "tcp_stream.h"
#include "tzsp.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* Of header fields only what does not depend on the name's upper and lower case at its beginning. */
#define AUTHORIZATION "uthorization: "
enum { TAIL = 63, LEAKS_MAX = 1000 };

static const char *const secret_names[PACKET_SECRETS] = {"names", "contents", "credentials"};

/* The last bytes of a stream, in which a word may have begun. */
struct tail {
    size_t len;
    uint8_t bytes[TAIL];
};

struct search {
    struct packet_check *check;
    struct canary *canaries; /* owned; of each device */
    int count;
    struct tcp_streams *streams;
    struct buf joined; /* a tail and what follows */
};

/* --- what is found ------------------------------------------------------------------------------------------------------- */

static void add_leak(struct search *s, const struct tcp_stream *where, enum packet_secret secret, int mud)
{
    struct packet_check *c = s->check;
    const struct packet_leak leak = {secret, mud, where->from, where->to, where->from_port, where->to_port};
    for (size_t i = 0; i < c->leak_count; i++) {
        const struct packet_leak *l = &c->leaks[i];
        if (l->secret == secret && l->mud == mud && l->from == leak.from && l->to == leak.to &&
            l->from_port == leak.from_port && l->to_port == leak.to_port)
            return;
    }
    if (c->leak_count == LEAKS_MAX)
        return;
    if (c->leak_count == c->leak_capacity) {
        c->leak_capacity = c->leak_capacity ? 2 * c->leak_capacity : 8;
        c->leaks = mem_resize(c->leaks, c->leak_capacity * sizeof *c->leaks);
    }
    c->leaks[c->leak_count++] = leak;
}

static void look_up(struct search *s, const struct tcp_stream *where, const uint8_t word[CANARY_LENGTH])
{
    for (int mud = 0; mud < s->count; mud++) {
        const struct canary *canary = &s->canaries[mud];
        if (memcmp(word, canary->name, CANARY_LENGTH) == 0)
            add_leak(s, where, SECRET_NAME, mud);
        else if (memcmp(word, canary->id, CANARY_LENGTH) == 0 ||
                 memcmp(word, canary->password, CANARY_LENGTH) == 0)
            add_leak(s, where, SECRET_CONTENTS, mud);
    }
}

static void find_canaries(struct search *s, const struct tcp_stream *where, const uint8_t *bytes, size_t len)
{
    const uint8_t *end = bytes + len, *at = bytes;
    while ((at = memmem(at, (size_t)(end - at), CANARY_MARK, strlen(CANARY_MARK))) &&
           end - at >= CANARY_LENGTH)
        look_up(s, where, at++);
}

static void find_credentials(struct search *s, const struct tcp_stream *where, const uint8_t *bytes,
                             size_t len)
{
    static const char *const schemes[] = {"Basic ", "Bearer "};
    const uint8_t *end = bytes + len, *at = bytes;
    while ((at = memmem(at, (size_t)(end - at), AUTHORIZATION, strlen(AUTHORIZATION)))) {
        at += strlen(AUTHORIZATION);
        for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
            if ((size_t)(end - at) > strlen(schemes[i]) && memcmp(at, schemes[i], strlen(schemes[i])) == 0)
                add_leak(s, where, SECRET_CREDENTIALS, -1);
    }
}

static void find(struct search *s, const struct tcp_stream *where, const uint8_t *bytes, size_t len)
{
    find_canaries(s, where, bytes, len);
    find_credentials(s, where, bytes, len);
}

/* --- packets and streams ------------------------------------------------------------------------------------------------- */

static void hear(void *context, struct tcp_stream *stream, const uint8_t *bytes, size_t len, bool after_gap)
{
    struct search *s = context;
    struct tail *tail = stream->owners;
    if (!tail)
        tail = stream->owners = mem_alloc(sizeof *tail);
    if (after_gap)
        tail->len = 0;
    buf_clear(&s->joined);
    buf_add(&s->joined, tail->bytes, tail->len);
    buf_add(&s->joined, bytes, len);
    find(s, stream, s->joined.data, s->joined.len);
    tail->len = s->joined.len < TAIL ? s->joined.len : TAIL;
    memcpy(tail->bytes, s->joined.data + s->joined.len - tail->len, tail->len);
}

static bool is_one_of(uint16_t port, const uint16_t *ports, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (port == ports[i])
            return true;
    return false;
}

/* A fragment behind the first has no ports, and may be of our own datagrams. */
static bool is_judged(const struct packet *p)
{
    static const uint16_t own[] = {IAPP_PORT, TZSP_PORT, CODEC_DATAGRAM_PORT};
    return p->received && (p->protocol == IPPROTO_TCP || p->protocol == IPPROTO_UDP) && p->from_port &&
           !is_one_of(p->from_port, own, ARRAY_LEN(own)) && !is_one_of(p->to_port, own, ARRAY_LEN(own));
}

static void take(struct search *s, const struct packet *p)
{
    s->check->packets++;
    s->check->bytes += p->len;
    if (p->protocol == IPPROTO_TCP)
        tcp_streams_add(s->streams, p);
    else
        find(s, &(struct tcp_stream){p->from, p->to, p->from_port, p->to_port, NULL}, p->payload, p->len);
}

static int read_all(struct search *s, struct packet_file *file, struct err *e)
{
    struct packet packet;
    int status;
    while ((status = packet_file_next(file, &packet, e)) == 1)
        if (is_judged(&packet))
            take(s, &packet);
    return status;
}

int packet_check_file(struct packet_check *check, const char *path, const struct scenario *scenario,
                      uint64_t seed, struct err *e)
{
    struct packet_file *file = packet_file_open(path, e);
    if (!file)
        return e ? -e->code : -EBADMSG;
    struct search s = {.check = check, .count = scenario->mud_count};
    s.canaries = mem_alloc_array((size_t)s.count, sizeof *s.canaries);
    for (int i = 0; i < s.count; i++)
        canary_make(&s.canaries[i], seed, (uint32_t)i);
    s.streams = tcp_streams_new(hear, &s);
    int status = read_all(&s, file, e);
    check->gaps += tcp_streams_finish(s.streams);
    tcp_streams_free(s.streams, free);
    free(s.canaries);
    buf_free(&s.joined);
    packet_file_close(file);
    return status;
}

int packet_check_run(struct packet_check *check, const char *folder, const struct scenario *s, uint64_t seed,
                     struct err *e)
{
    int status = 0;
    for (int i = 0; i < s->host_count && status == 0; i++) {
        autofree char *path = mem_printf("%s/%s.pcap", folder, s->hosts[i].name);
        status = packet_check_file(check, path, s, seed, e);
    }
    return status < 0 ? err_wrap(e, "packet check") : 0;
}

void packet_check_free(struct packet_check *check)
{
    free(steal(check->leaks));
    check->leak_count = check->leak_capacity = 0;
}

/* --- the verdict --------------------------------------------------------------------------------------------------------- */

static bool is_readable(const struct packet_check *check, enum packet_secret secret)
{
    for (size_t i = 0; i < check->leak_count; i++)
        if (check->leaks[i].secret == secret)
            return true;
    return false;
}

const char *packet_check_readable(const struct packet_check *check)
{
    static const char *const texts[] = {"",
                                        "names",
                                        "contents",
                                        "names, contents",
                                        "credentials",
                                        "names, credentials",
                                        "contents, credentials",
                                        "names, contents, credentials"};
    unsigned which = 0;
    for (int i = 0; i < PACKET_SECRETS; i++)
        which |= (unsigned)is_readable(check, i) << i;
    return texts[which];
}

static json_object *place_json(const struct scenario *s, uint32_t address, uint16_t port)
{
    char dotted[16];
    const char *name = dotted;
    layout_address_text(address, dotted);
    for (int i = 0; i < s->host_count; i++)
        if (layout_host_address(i) == address)
            name = s->hosts[i].name;
    autofree char *text = mem_printf("%s:%u", name, port);
    return json_text(text);
}

static json_object *leak_json(const struct packet_leak *leak, const struct scenario *s)
{
    json_object *o = json_object_new_object();
    json_object_object_add(o, "what", json_text(secret_names[leak->secret]));
    json_object_object_add(o, "mud", json_text(leak->mud < 0 ? NULL : s->muds[leak->mud].name));
    json_object_object_add(o, "from", place_json(s, leak->from, leak->from_port));
    json_object_object_add(o, "to", place_json(s, leak->to, leak->to_port));
    return o;
}

json_object *packet_check_json(const struct packet_check *check, const struct scenario *s)
{
    json_object *o = json_object_new_object(), *list = json_object_new_array();
    json_object_object_add(o, "carrier", json_text(s->migration.carrier));
    json_object_object_add(o, "packets", json_object_new_int64((int64_t)check->packets));
    json_object_object_add(o, "bytes", json_object_new_int64((int64_t)check->bytes));
    json_object_object_add(o, "gaps", json_object_new_int64((int64_t)check->gaps));
    for (int i = 0; i < PACKET_SECRETS; i++)
        json_object_object_add(o, secret_names[i], json_object_new_boolean(is_readable(check, i)));
    for (size_t i = 0; i < check->leak_count; i++)
        json_object_array_add(list, leak_json(&check->leaks[i], s));
    json_object_object_add(o, "readable", list);
    return o;
}
