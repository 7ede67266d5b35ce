/* Lines made of the fields that outposts and controllers know, read as every kind of line: what is accepted is whole, and no file is written
 * outside of the folder that was meant. */
#include "files.h"
#include "fuzz_line.h"
#include "mem.h"
#include "outpost_packets.h"
#include "outpost_protocol.h"

#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char outer[] = "/dev/shm/outpost-fuzz-XXXXXX";

static void remove_outer(void)
{
    files_remove(outer, NULL);
}

static void read_prepare(struct json_object *line)
{
    static char *folder;
    if (!folder) {
        if (!mkdtemp(outer))
            abort();
        folder = mem_printf("%s/in", outer);
        atexit(remove_outer);
    }
    outpost_read_prepare(line, folder, NULL);
    if (files_remove(folder, NULL) < 0 || rmdir(outer) < 0 || files_make_folder(outer, 0700, NULL) < 0)
        abort();
}

static void read_wire(struct json_object *line)
{
    struct outpost_orders orders;
    if (outpost_read_wire(line, &orders, NULL) == 0 &&
        (!orders.scenario || !orders.path || !orders.run || orders.hosts < 0))
        abort();
    outpost_orders_free(&orders);
}

static void read_hello(struct json_object *line)
{
    struct outpost_hello hello;
    struct in_addr address;
    if (outpost_read_hello(line, &hello, NULL) < 0)
        return;
    if (!hello.version)
        abort();
    outpost_address_of(&hello, "eth0", &address, NULL);
}

static void read_the_rest(struct json_object *line)
{
    struct world_real_facts facts = {0};
    struct link_counters counters;
    struct simtime asked, clock;
    const struct clock_offset offset = CLOCK_OFFSET_INIT;
    struct json_object *inner;
    const char *image;
    uint64_t events;
    int host, direction;
    if (outpost_read_wired(line, &facts, &image, NULL) == 0 && !image)
        abort();
    if (outpost_read_from(line, &host, &inner, NULL) == 0 && !inner)
        abort();
    outpost_read_tell(line);
    outpost_read_silent(line, &host, &events, NULL);
    outpost_read_carried(line, &host, &direction, &counters, NULL);
    outpost_read_time(line, &asked, &clock, NULL);
    if (outpost_read_packets(line, &host, NULL) == 0)
        outpost_take_packets(line, &offset, "/dev/null", NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const keys[] = {"version", "addresses",   "scenario",   "path",    "seed",   "run",
                                       "driver",  "here",        "machines",   "image",   "docker", "runc",
                                       "criu",    "link_driver", "base_ratio", "files",   "line",   "host",
                                       "events",  "numbers",     "asked_ns",   "clock_ns", "captures", "bytes", "records"};
    struct json_object *line = fuzz_line(data, size, keys, ARRAY_LEN(keys));
    read_hello(line);
    read_wire(line);
    read_prepare(line);
    read_the_rest(line);
    json_object_put(line);
    return 0;
}
