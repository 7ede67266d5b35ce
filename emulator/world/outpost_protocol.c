#include "outpost_protocol.h"
#include "files.h"
#include "mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fts.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FILE_MAX = 1 << 20 };

static void add_text(struct json_object *line, const char *key, const char *text)
{
    if (text)
        json_object_object_add(line, key, json_object_new_string(text));
}

static void add_int(struct json_object *line, const char *key, int64_t value)
{
    json_object_object_add(line, key, json_object_new_int64(value));
}

static void add_address(struct json_object *object, const char *key, struct in_addr address)
{
    char text[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &address, text, sizeof text);
    if (key)
        add_text(object, key, text);
    else
        json_object_array_add(object, json_object_new_string(text));
}

/* --- reading: the first field that is missing or of another type is the error ------------------------------------- */

static struct json_object *field(struct json_object *line, const char *key, enum json_type type,
                                 const char **missing)
{
    struct json_object *value = NULL;
    if (!json_object_object_get_ex(line, key, &value) || !json_object_is_type(value, type)) {
        *missing = *missing ? *missing : key;
        return NULL;
    }
    return value;
}

static const char *text_of(struct json_object *line, const char *key, const char **missing)
{
    return json_object_get_string(field(line, key, json_type_string, missing));
}

static int64_t int_of(struct json_object *line, const char *key, const char **missing)
{
    return json_object_get_int64(field(line, key, json_type_int, missing));
}

static int judge(struct json_object *line, const char *missing, struct err *e)
{
    return missing ? err_set(e, EPROTO, "outpost's line \"%s\": no usable \"%s\"", agent_word(line), missing)
                   : 0;
}

/* --- hello ---------------------------------------------------------------------------------------------------------- */

/* A network of its own makes a machine. */
static void add_machine(struct json_object *line)
{
    struct buf boot = BUF_INIT;
    struct stat network;
    if (files_read("/proc/sys/kernel/random/boot_id", 0, &boot, NULL) == 0 && stat("/proc/self/ns/net", &network) == 0) {
        autofree char *text = mem_printf("%.36s/%ju", buf_text(&boot), (uintmax_t)network.st_ino);
        add_text(line, "machine", text);
    }
    buf_free(&boot);
}

struct json_object *outpost_say_hello(const char *version)
{
    struct json_object *line = agent_say("hello"), *addresses = json_object_new_object();
    struct ifaddrs *all = NULL;
    if (getifaddrs(&all) < 0)
        all = NULL;
    for (struct ifaddrs *i = all; i; i = i->ifa_next)
        if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET &&
            !json_object_object_get_ex(addresses, i->ifa_name, NULL))
            add_address(addresses, i->ifa_name, ((struct sockaddr_in *)(void *)i->ifa_addr)->sin_addr);
    freeifaddrs(all);
    add_text(line, "version", version);
    add_machine(line);
    json_object_object_add(line, "addresses", addresses);
    return line;
}

int outpost_read_hello(struct json_object *line, struct outpost_hello *hello, struct err *e)
{
    const char *missing = NULL, *unknown = NULL;
    hello->machine = text_of(line, "machine", &unknown);
    hello->version = text_of(line, "version", &missing);
    hello->addresses = field(line, "addresses", json_type_object, &missing);
    return judge(line, missing, e);
}

int outpost_address_of(const struct outpost_hello *hello, const char *interface, struct in_addr *address,
                       struct err *e)
{
    struct json_object *value = NULL;
    if (json_object_object_get_ex(hello->addresses, interface, &value) &&
        json_object_is_type(value, json_type_string) &&
        inet_pton(AF_INET, json_object_get_string(value), address) == 1)
        return 0;
    struct buf known = BUF_INIT;
    json_object_object_foreach(hello->addresses, name, other)
    {
        buf_printf(&known, "%s%s %s", known.len ? ", " : "", name, json_object_get_string(other));
    }
    err_set(e, ENODEV, "has no interface %s with an IPv4 address (it has %.300s)", interface,
            buf_text(&known));
    buf_free(&known);
    return -ENODEV;
}

/* --- wire, wired ---------------------------------------------------------------------------------------------------- */

struct json_object *outpost_say_wire(const struct outpost_orders *o)
{
    struct json_object *line = agent_say("wire"), *here = json_object_new_array(),
                       *machines = json_object_new_array();
    for (int i = 0; i < o->hosts; i++) {
        json_object_array_add(here, json_object_new_boolean(o->here[i]));
        add_address(machines, NULL, o->machines[i]);
    }
    add_text(line, "scenario", o->scenario);
    add_text(line, "path", o->path);
    json_object_object_add(line, "seed", json_object_new_uint64(o->seed));
    add_text(line, "run", o->run);
    add_text(line, "driver", o->driver);
    json_object_object_add(line, "captures", json_object_new_boolean(o->captures));
    json_object_object_add(line, "here", here);
    json_object_object_add(line, "machines", machines);
    return line;
}

static void read_hosts(struct outpost_orders *o, struct json_object *here, struct json_object *machines,
                       const char **missing)
{
    o->hosts = (int)json_object_array_length(here);
    o->here = mem_alloc_array((size_t)o->hosts + 1, sizeof *o->here);
    o->machines = mem_alloc_array((size_t)o->hosts + 1, sizeof *o->machines);
    if (json_object_array_length(machines) != (size_t)o->hosts)
        *missing = "machines";
    for (int i = 0; i < o->hosts && !*missing; i++) {
        const char *address = json_object_get_string(json_object_array_get_idx(machines, (size_t)i));
        o->here[i] = json_object_get_boolean(json_object_array_get_idx(here, (size_t)i));
        if (!address || inet_pton(AF_INET, address, &o->machines[i]) != 1)
            *missing = "machines";
    }
}

int outpost_read_wire(struct json_object *line, struct outpost_orders *o, struct err *e)
{
    const char *missing = NULL;
    struct json_object *driver = NULL;
    *o = (struct outpost_orders){.scenario = text_of(line, "scenario", &missing),
                                 .path = text_of(line, "path", &missing),
                                 .seed = json_object_get_uint64(field(line, "seed", json_type_int, &missing)),
                                 .run = text_of(line, "run", &missing),
                                 .captures = json_object_get_boolean(field(line, "captures", json_type_boolean, &missing))};
    struct json_object *here = field(line, "here", json_type_array, &missing),
                       *machines = field(line, "machines", json_type_array, &missing);
    if (json_object_object_get_ex(line, "driver", &driver))
        o->driver = json_object_get_string(driver);
    if (here && machines)
        read_hosts(o, here, machines, &missing);
    return judge(line, missing, e);
}

void outpost_orders_free(struct outpost_orders *o)
{
    free(steal(o->here));
    free(steal(o->machines));
}

struct json_object *outpost_say_wired(const struct world_real_facts *f, const char *image)
{
    struct json_object *line = agent_say("wired");
    add_text(line, "image", image);
    add_text(line, "docker", f->runtime.docker_version);
    add_text(line, "runc", f->runtime.runc_version);
    add_text(line, "criu", f->runtime.criu_version);
    add_text(line, "dirty_tracking", f->runtime.dirty_tracking);
    add_text(line, "link_driver", f->link_driver);
    json_object_object_add(line, "base_ratio", json_object_new_double(f->base_ratio));
    return line;
}

static void take_text(char *into, size_t size, struct json_object *line, const char *key,
                      const char **missing)
{
    const char *text = text_of(line, key, missing);
    snprintf(into, size, "%s", text ? text : "");
}

int outpost_read_wired(struct json_object *line, struct world_real_facts *f, const char **image,
                       struct err *e)
{
    const char *missing = NULL;
    struct runtime *r = &f->runtime;
    *image = text_of(line, "image", &missing);
    take_text(r->docker_version, sizeof r->docker_version, line, "docker", &missing);
    take_text(r->runc_version, sizeof r->runc_version, line, "runc", &missing);
    take_text(r->criu_version, sizeof r->criu_version, line, "criu", &missing);
    take_text(r->dirty_tracking, sizeof r->dirty_tracking, line, "dirty_tracking", &missing);
    take_text(f->link_driver, sizeof f->link_driver, line, "link_driver", &missing);
    f->base_ratio = json_object_get_double(field(line, "base_ratio", json_type_double, &missing));
    return judge(line, missing, e);
}

/* --- prepare: files in base64 (RFC 4648) ----------------------------------------------------------------------------- */

static int add_file(struct json_object *files, const char *folder, const char *name, struct err *e)
{
    autofree char *path = mem_printf("%s/%s", folder, name);
    struct buf contents = BUF_INIT;
    int status = files_read(path, 0, &contents, e);
    if (status == 0 && contents.len > FILE_MAX)
        status = err_set(e, EFBIG, "%s: too large to be sent to other machines", path);
    if (status == 0) {
        autofree char *text = mem_alloc(contents.len * 4 / 3 + 8);
        EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)contents.data, (int)contents.len);
        add_text(files, name, text);
    }
    buf_free(&contents);
    return status;
}

struct json_object *outpost_say_prepare(const char *folder, struct err *e)
{
    struct json_object *line = agent_say("prepare"), *files = json_object_new_object();
    char *const roots[] = {(char *)(uintptr_t)folder, NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    int status = tree ? 0 : err_errno(e, "%s", folder);
    json_object_object_add(line, "files", files);
    for (FTSENT *entry; status == 0 && (entry = fts_read(tree));) {
        const char *name = entry->fts_path + strlen(folder);
        name += *name == '/';
        if (entry->fts_info == FTS_D && *name)
            json_object_object_add(files, name, NULL);
        else if (entry->fts_info == FTS_F)
            status = add_file(files, folder, name, e);
    }
    if (tree)
        fts_close(tree);
    if (status == 0)
        return line;
    json_object_put(line);
    return NULL;
}

/* Nothing from the other side gets out of the folder. */
static bool is_inside(const char *name)
{
    if (!*name || *name == '/')
        return false;
    for (const char *part = name; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL)
        if (*part == '.' || *part == '/' || !*part)
            return false;
    return true;
}

static int write_file(const char *folder, const char *name, const char *text, struct err *e)
{
    size_t len = strlen(text),
           pad = len && text[len - 1] == '=' ? (len > 1 && text[len - 2] == '=' ? 2 : 1) : 0;
    autofree unsigned char *bytes = mem_alloc(len * 3 / 4 + 4);
    autofree char *path = mem_printf("%s/%s", folder, name);
    int got = EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)len);
    if (got < 0 || len > FILE_MAX * 2)
        return err_set(e, EPROTO, "outpost's line \"prepare\": no usable file \"%.64s\"", name);
    autofclose FILE *file = fopen(path, "wxe");
    if (!file || fchmod(fileno(file), 0600) < 0 ||
        fwrite(bytes, 1, (size_t)got - pad, file) != (size_t)got - pad)
        return err_errno(e, "%s", path);
    return 0;
}

int outpost_read_prepare(struct json_object *line, const char *folder, struct err *e)
{
    const char *missing = NULL;
    struct json_object *files = field(line, "files", json_type_object, &missing);
    if (!files)
        return judge(line, missing, e);
    int status = mkdir(folder, 0700) < 0 ? err_errno(e, "%s", folder) : 0; /* nobody's links wait in a new one */
    json_object_object_foreach(files, name, value)
    {
        autofree char *path = mem_printf("%s/%s", folder, name);
        if (status == 0 && !is_inside(name))
            status = err_set(e, EPROTO, "outpost's line \"prepare\": no usable name \"%.64s\"", name);
        else if (status == 0)
            status = value ? write_file(folder, name, json_object_get_string(value), e)
                           : files_make_folder(path, 0700, e);
    }
    return status;
}

/* --- agents' lines ---------------------------------------------------------------------------------------------------- */

struct json_object *outpost_say_tell(struct json_object *inner)
{
    struct json_object *line = agent_say("tell");
    json_object_object_add(line, "line", inner);
    return line;
}

struct json_object *outpost_read_tell(struct json_object *line)
{
    struct json_object *inner = NULL;
    json_object_object_get_ex(line, "line", &inner);
    return inner;
}

char *outpost_say_from(int host, const char *text)
{
    return mem_printf("{\"say\":\"from\",\"host\":%d,\"line\":%s}", host, text);
}

int outpost_read_from(struct json_object *line, int *host, struct json_object **inner, struct err *e)
{
    const char *missing = NULL;
    *host = (int)int_of(line, "host", &missing);
    *inner = field(line, "line", json_type_object, &missing);
    return judge(line, missing, e);
}

struct json_object *outpost_say_silent(int host, uint64_t events)
{
    struct json_object *line = agent_say("silent");
    add_int(line, "host", host);
    add_int(line, "events", (int64_t)events);
    return line;
}

int outpost_read_silent(struct json_object *line, int *host, uint64_t *events, struct err *e)
{
    const char *missing = NULL;
    *host = (int)int_of(line, "host", &missing);
    *events = (uint64_t)int_of(line, "events", &missing);
    return judge(line, missing, e);
}

/* --- links, clocks ---------------------------------------------------------------------------------------------------- */

struct json_object *outpost_say_carried(int link, int direction, const struct link_counters *c)
{
    struct json_object *line = agent_say("carried");
    const int64_t numbers[] = {link,
                               direction,
                               (int64_t)c->packets,
                               (int64_t)c->bytes,
                               (int64_t)c->dropped,
                               (int64_t)c->lost,
                               c->seeded,
                               (int64_t)c->lateness.count,
                               c->lateness.p50.ns,
                               c->lateness.p99.ns,
                               c->lateness.max.ns};
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        json_object_array_add(list, json_object_new_int64(numbers[i]));
    json_object_object_add(line, "numbers", list);
    return line;
}

int outpost_read_carried(struct json_object *line, int *link, int *direction, struct link_counters *c,
                         struct err *e)
{
    enum { NUMBERS = 11 };
    const char *missing = NULL;
    struct json_object *list = field(line, "numbers", json_type_array, &missing);
    int64_t n[NUMBERS] = {0};
    if (list && json_object_array_length(list) != NUMBERS)
        missing = "numbers";
    for (size_t i = 0; list && i < NUMBERS; i++)
        n[i] = json_object_get_int64(json_object_array_get_idx(list, i));
    *link = (int)n[0];
    *direction = (int)n[1];
    *c = (struct link_counters){.packets = (uint64_t)n[2],
                                .bytes = (uint64_t)n[3],
                                .dropped = (uint64_t)n[4],
                                .lost = (uint64_t)n[5],
                                .seeded = n[6] != 0,
                                .lateness = {(uint64_t)n[7], {n[8]}, {n[9]}, {n[10]}}};
    return judge(line, missing, e);
}

struct json_object *outpost_say_time(const char *word, struct simtime asked, struct simtime clock)
{
    struct json_object *line = agent_say(word);
    add_int(line, "asked_ns", asked.ns);
    add_int(line, "clock_ns", clock.ns);
    return line;
}

static struct simtime time_of(struct json_object *line, const char *key, const char **missing)
{
    int64_t ns = int_of(line, key, missing);
    if (ns < -AGENT_TIME_MAX || ns > AGENT_TIME_MAX)
        *missing = key;
    return simtime_ns(ns);
}

int outpost_read_time(struct json_object *line, struct simtime *asked, struct simtime *clock, struct err *e)
{
    const char *missing = NULL;
    *asked = time_of(line, "asked_ns", &missing);
    *clock = time_of(line, "clock_ns", &missing);
    return judge(line, missing, e);
}
