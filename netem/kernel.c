/* The kernel's own sch_netem on the interface where packets leave: see qdisc.h. */
#include "driver.h"
#include "mem.h"
#include "netlink.h"
#include "netns.h"
#include "qdisc.h"
#include "distribution.h"

#include <errno.h>
#include <stdlib.h>

struct kernel_shaper {
    struct link_shaper base;
    struct netlink *netlink; /* owned */
    int interface;
    struct qdisc place;
    bool had_table; /* there may be one, so uniform must be a table too */
    struct kernel_shaper *next;
};

struct kernel_drive {
    struct link_drive base;
    struct kernel_shaper *shapers; /* owned */
};

static int kernel_probe(struct err *e)
{
    int back;
    int status = netns_enter_private(&back, e);
    if (status < 0)
        return status;
    struct netlink *netlink = netlink_open(NULL, e);
    netns_leave(back);
    if (!netlink)
        return e ? -e->code : -EIO;
    struct link_params params = {
        .delay = simtime_ms(100), .rate_bps = 80000000, .queue_packets = 1000, .loss = 0.01};
    struct netem_settings settings;
    struct qdisc_reading reading;
    struct qdisc place = {.handle = 0};
    bool fresh;
    int loopback = netlink_interface(netlink, "lo", e);
    status = loopback < 0 ? loopback : netem_settings_of(&params, &settings, e);
    if (status == 0)
        status = qdisc_place_root(netlink, loopback, &place, &fresh, e);
    if (status == 0)
        status = qdisc_set_netem(netlink, loopback, &place, &settings, NULL, &reading, e);
    netlink_free(netlink);
    if (status != -ENOENT)
        return status;
    err_set(e, EOPNOTSUPP, "the kernel has no sch_netem");
    return err_hint(e, "modprobe sch_netem");
}

static int kernel_can(const struct link_ends *ends, const struct link_params *params, struct err *e)
{
    struct netem_settings settings;
    if (!ends->from_interface)
        return err_set(e, EOPNOTSUPP, "it shapes packets where they leave, which is not on this machine");
    return netem_settings_of(params, &settings, e);
}

static struct link_drive *kernel_start(struct err *e)
{
    (void)e;
    struct kernel_drive *drive = mem_alloc(sizeof *drive);
    return &drive->base;
}

static void shaper_free(struct kernel_shaper *shaper)
{
    link_shaper_clear(&shaper->base);
    netlink_free(shaper->netlink);
    free(shaper);
}

static void kernel_stop(struct link_drive *base)
{
    struct kernel_drive *drive = container_of(base, struct kernel_drive, base);
    while (drive->shapers) {
        struct kernel_shaper *shaper = drive->shapers;
        drive->shapers = shaper->next;
        shaper_free(shaper);
    }
    free(drive);
}

static int set(struct kernel_shaper *shaper, const struct link_params *params, struct err *e)
{
    struct netem_settings settings;
    struct qdisc_reading reading;
    const struct link_table *table;
    int status = netem_settings_of(params, &settings, e);
    if (status == 0)
        status = table_of(params, &table, e);
    if (status < 0)
        return status;
    if (!table && params->jitter.ns > 0 && shaper->had_table)
        table = netem_uniform_table();
    status =
        qdisc_set_netem(shaper->netlink, shaper->interface, &shaper->place, &settings, table, &reading, e);
    shaper->had_table |= table != NULL;
    return status;
}

static int find_place(struct kernel_shaper *shaper, const struct link_ends *ends, struct err *e)
{
    bool fresh = true;
    int status = ends->peer_prefix
                     ? qdisc_place_peer(shaper->netlink, shaper->interface, ends->to_peer, ends->peer_prefix,
                                        &shaper->place, e)
                     : qdisc_place_root(shaper->netlink, shaper->interface, &shaper->place, &fresh, e);
    shaper->had_table = !fresh;
    return status;
}

static int open_shaper(struct kernel_shaper *shaper, const struct link_ends *ends,
                       const struct link_params *params, struct err *e)
{
    shaper->netlink = netlink_open(ends->from_namespace, e);
    if (!shaper->netlink)
        return e ? -e->code : -EIO;
    shaper->interface = netlink_interface(shaper->netlink, ends->from_interface, e);
    if (shaper->interface < 0)
        return shaper->interface;
    int status = find_place(shaper, ends, e);
    return status < 0 ? status : set(shaper, params, e);
}

static int kernel_shape(struct link_drive *base, const struct link_ends *ends,
                        const struct link_params *params, struct link_shaper **out, struct err *e)
{
    struct kernel_drive *drive = container_of(base, struct kernel_drive, base);
    struct kernel_shaper *shaper = mem_alloc(sizeof *shaper);
    int status = open_shaper(shaper, ends, params, e);
    if (status < 0) {
        shaper_free(shaper);
        return err_wrap(e, "%s", ends->from_interface);
    }
    shaper->next = drive->shapers;
    drive->shapers = shaper;
    *out = &shaper->base;
    return 0;
}

static int kernel_change(struct link_shaper *base, const struct link_params *params, struct err *e)
{
    struct kernel_shaper *shaper = container_of(base, struct kernel_shaper, base);
    int status = set(shaper, params, e);
    if (status < 0)
        set(shaper, &base->params, NULL); /* netem may have taken a part of it */
    return status;
}

static struct link_counters counters_of(const struct qdisc_reading *reading)
{
    uint64_t packets = reading->basic.packets;
    return (struct link_counters){.packets = packets,
                                  .bytes = reading->basic.bytes - packets * LINK_ETHERNET,
                                  .dropped = reading->queue.drops};
}

static int kernel_count(struct link_shaper *base, struct link_counters *counters, struct err *e)
{
    struct kernel_shaper *shaper = container_of(base, struct kernel_shaper, base);
    struct qdisc_reading reading;
    int status = qdisc_read(shaper->netlink, shaper->interface, &shaper->place, &reading, e);
    if (status < 0)
        return status;
    *counters = counters_of(&reading);
    counters->seeded = reading.settings.seed == base->params.seed;
    return 0;
}

static int open_interface(const char *namespace, const char *interface, struct netlink **netlink, struct err *e)
{
    *netlink = netlink_open(namespace, e);
    return *netlink ? netlink_interface(*netlink, interface, e) : e ? -e->code : -EIO;
}

static int kernel_read(const char *namespace, const char *interface, struct link_counters *sum, struct err *e)
{
    struct netlink *netlink;
    struct qdisc_reading reading;
    int index = open_interface(namespace, interface, &netlink, e);
    int status = index < 0 ? index : qdisc_sum(netlink, index, &reading, e);
    if (status == 0)
        *sum = counters_of(&reading);
    netlink_free(netlink);
    return status;
}

static int kernel_clear(const char *namespace, const char *interface, struct err *e)
{
    struct netlink *netlink;
    int index = open_interface(namespace, interface, &netlink, e);
    int status = index < 0 ? index : qdisc_clear(netlink, index, e);
    netlink_free(netlink);
    return status;
}

const struct link_driver link_driver_kernel = {
    .name = "kernel",
    .summary = "the kernel's netem",
    .probe = kernel_probe,
    .can = kernel_can,
    .start = kernel_start,
    .stop = kernel_stop,
    .shape = kernel_shape,
    .change = kernel_change,
    .count = kernel_count,
    .read = kernel_read,
    .clear = kernel_clear,
};
