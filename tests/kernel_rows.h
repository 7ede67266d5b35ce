/* What only the kernel's driver does: many peers on one interface, beside other people's queueing disciplines.
 * Included by conformance_test.c, once. */
#ifndef ROAMLAB_KERNEL_ROWS_H
#define ROAMLAB_KERNEL_ROWS_H

static bool says(const char *what, int status, int expected, const struct err *e, const char *text)
{
    bool good = status == expected && (!text || strstr(e->text, text));
    printf("guest: %s: %s%s\n", what, status < 0 ? e->text : "done", good ? "" : ": FAILED");
    return good;
}

static bool takes(const struct link_ends *ends, const char *name, struct link_params params, int expected,
                  const char *text)
{
    struct err e = ERR_INIT;
    struct link_shaper *shaper;
    struct link_drive *drive = link_drive_start(&link_driver_kernel, &e);
    int status = link_shape(drive, ends, &params, &shaper, &e);
    bool good = says(name, status, expected, &e, text);
    link_drive_stop(drive);
    must(link_driver_kernel.clear(ends->from_namespace, ends->from_interface, &e) == 0, e.text);
    return good;
}

static int tc(const char *namespace, const char *const *argv)
{
    struct process_options options = PROCESS_OPTIONS_INIT;
    struct err e = ERR_INIT;
    options.argv = argv;
    options.net_namespace = namespace;
    int status = process_run(&options, NULL, &e);
    if (status < 0)
        printf("guest: tc: %s\n", e.text);
    return status;
}

/* Each of two addresses of b has its own delay, a third none. */
static bool peers(struct bed *bed, const struct link_ends *ends)
{
    static const double delays_ms[] = {0, 20, 50};
    struct err e = ERR_INIT;
    struct link_shaper *shapers[3] = {NULL};
    struct link_drive *drive = link_drive_start(&link_driver_kernel, &e);
    bool good = true;
    for (uint32_t i = 0; i < 3; i++) {
        struct in_addr address = {htonl(0xc6120100 + i)};
        must(testbed_address_add(bed->testbed, 1, address, &e) == 0, e.text);
        must(testbed_route_set(bed->testbed, &(struct testbed_route){0, address, 0}, &e) == 0, e.text);
        struct link_ends peer = *ends;
        peer.to_peer = address;
        peer.peer_prefix = 32;
        struct link_params params = {.delay = simtime_from_ms(delays_ms[i])};
        must(link_shape(drive, &peer, &params, &shapers[i], &e) == 0, e.text);
    }
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 3; i++) {
            autofree char *text = mem_printf("198.18.1.%d", i);
            double expected = delays_ms[i] + (round && i == 2 ? 25 : 0);
            double ms = round_trip_ms(&bed->a, &(struct place){bed->b.namespace, text}, 5);
            printf("guest: peer %d: round trip %.3f ms, expected %.0f\n", i, ms, expected);
            good = good && ms >= expected && ms < expected + 8;
            if (!round && i == 2)
                must(link_change(shapers[2], &(struct link_params){.delay = simtime_ms(75)}, &e) == 0,
                     e.text);
        }
    link_drive_stop(drive);
    good &= takes(ends, "as a whole after peers", (struct link_params){.delay = simtime_ms(1)}, -EBUSY,
                  "peer by peer");
    return good;
}

static int kernel_rows_fail(void)
{
    struct bed bed;
    bed_build(&bed, &link_driver_kernel);
    struct err e = ERR_INIT;
    struct link_ends ends = {.from_namespace = bed.a.namespace, .from_interface = "link0"};
    must(link_driver_kernel.clear(ends.from_namespace, ends.from_interface, &e) == 0, e.text);
    int failed = !peers(&bed, &ends);
    failed += !takes(&ends, "40 Gbit/s and 1500 s",
                     (struct link_params){.delay = simtime_s(1500), .rate_bps = 40000000000}, 0, NULL);
    failed += !takes(&ends, "bytes", (struct link_params){.rate_bps = 8000000, .queue_bytes = 1}, -EOPNOTSUPP,
                     "queue_bytes");
    failed += !takes(&ends, "loss of 2", (struct link_params){.loss = 2}, -EINVAL, "loss: 2");
    static const char *const add[] = {"tc",  "qdisc", "add",   "dev",     "link0", "root",  "handle", "7:",
                                      "tbf", "rate",  "1gbit", "latency", "50ms",  "burst", "100k",   NULL},
                             *const list[] = {"sh", "-c", "tc qdisc show dev link0 | grep -q 'tbf 7:'", NULL};
    must(tc(ends.from_namespace, add) == 0, "tc");
    failed += !takes(&ends, "on somebody else's tbf", (struct link_params){.delay = simtime_ms(1)}, -EBUSY,
                     "tbf 7:");
    failed += tc(ends.from_namespace, list) < 0; /* still there after both the attempt and the clearing */
    bed_free(&bed);
    return failed;
}

#endif
