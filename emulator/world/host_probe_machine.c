/* Namespaces, timers, disk space, gnuplot. */
#include "host_probe.h"
#include "driver.h"
#include "lateness.h"
#include "loop.h"
#include "mem.h"
#include "nfs_client.h"
#include "process.h"
#include "testbed.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* --- two hosts and a link between them ----------------------------------------------------------------------------------------------- */

int host_probe_namespaces(const struct host_probe *probe, const struct host_probe_subject *subject,
                          char *found, size_t size, struct err *e)
{
    (void)probe, (void)subject;
    const struct in_addr addresses[] = {{htonl(0xc612fffd)},
                                        {htonl(0xc612fffe)}}; /* 198.18.255.253 and .254 */
    const struct testbed_host hosts[] = {{.name = "left", .addresses = &addresses[0], .address_count = 1},
                                         {.name = "right", .addresses = &addresses[1], .address_count = 1}};
    const struct testbed_link link = {.between = {0, 1}};
    const struct testbed_plan plan = {.hosts = hosts, .links = &link, .host_count = 2, .link_count = 1};
    struct journal *journal = host_probe_journal(e);
    if (!journal)
        return -e->code;
    struct testbed *testbed = testbed_build(&plan, &link_driver_userspace, journal, e);
    int status = testbed ? 0 : -e->code;
    testbed_free(testbed);
    snprintf(found, size, "made two, joined them by a veth pair, removed them");
    return host_probe_end(journal, status, "run it on the machine itself, not in a container", e);
}

/* --- timers ------------------------------------------------------------------------------------------------------------------------------ */

enum { TIMERS = 200, EVERY_US = 1000 };

struct ticking {
    struct loop *loop;
    struct timer timer;
    int left;
};

static void tick(struct timer *timer)
{
    struct ticking *t = container_of(timer, struct ticking, timer);
    if (--t->left > 0)
        loop_arm_after(t->loop, timer, simtime_us(EVERY_US));
    else
        loop_stop(t->loop);
}

int host_probe_clock(const struct host_probe *probe, const struct host_probe_subject *subject, char *found,
                     size_t size, struct err *e)
{
    (void)probe;
    struct simtime bound = subject->scenario ? subject->scenario->drift_max : simtime_ms(SCENARIO_DRIFT_MS);
    struct clock clock = clock_wall(clock_monotonic());
    struct ticking t = {.loop = loop_new(&clock, e), .timer.fire = tick, .left = TIMERS};
    if (!t.loop)
        return -e->code;
    loop_arm_after(t.loop, &t.timer, simtime_us(EVERY_US));
    loop_run(t.loop);
    struct lateness late = loop_lateness(t.loop);
    loop_free(t.loop);
    double p50 = simtime_seconds(late.p50) * 1e3, p99 = simtime_seconds(late.p99) * 1e3;
    snprintf(found, size, "timers are %.3g ms late (median), %.3g ms (99 of 100)", p50, p99);
    if (!simtime_before(bound, late.p99))
        return 0;
    err_set(e, ETIME, "%s: runs will be judged invalid above %g ms", found, simtime_to_ms(bound));
    return err_hint(e, "end other work on this machine: top");
}

/* --- disk ---------------------------------------------------------------------------------------------------------------------------------- */

enum { ANY_RUN_MB = 1000, WORKING_MB = 200, FILE_COPIES = 4 };

/* Archives of a whole image lie at both ends, and once more where an Engine packs or unpacks one; of its layers, sent one by one, those that the
 * target has not loaded yet, and the few that are under way. */
static int image_copies(const struct strategy *strategy)
{
    return strategy_has(strategy, OP_SAVE) ? 3 : strategy_has(strategy, OP_LOAD_BASE) ? 2 : 0;
}

/* What a device's container takes on its way: checkpoint and files at both ends, packed and not, and the image if it goes along. A registry that
 * carries them keeps them. */
static double moving_mb(const struct scenario *s)
{
    const struct scenario_service *service = &s->service;
    int images = image_copies(s->migration.strategy), kept = strcmp(s->migration.carrier, "registry") == 0;
    return (FILE_COPIES + kept) * (service->memory_mb + service->layer_mb + service->volume_mb) +
           (images ? images + kept : 0) * (service->base_mb + service->layer_mb);
}

/* The image in the cache, at each edge and in registries; once more at each edge while it is installed, which is over when the first container moves. */
double host_probe_disk_mb(const struct scenario *s)
{
    if (!s)
        return ANY_RUN_MB;
    int places = 1 + s->edge_count;
    for (int i = 0; i < s->registry_count; i++)
        places += s->registries[i].has_image || s->registries[i].keeps;
    return WORKING_MB + s->service.base_mb * places + fmax(s->service.base_mb * s->edge_count, s->mud_count * moving_mb(s));
}

int host_probe_disk(const struct host_probe *probe, const struct host_probe_subject *subject, char *found,
                    size_t size, struct err *e)
{
    (void)probe;
    struct statvfs fs;
    if (statvfs("/var/lib/roamlab", &fs) < 0 && statvfs("/var/lib", &fs) < 0) /* nothing has run here yet */
        return err_errno(e, "/var/lib");
    double free_mb = (double)fs.f_bavail * (double)fs.f_frsize / 1e6, needed = host_probe_disk_mb(subject->scenario);
    snprintf(found, size, "%.0f MB free in /var/lib/roamlab", free_mb);
    if (free_mb >= needed)
        return 0;
    err_set(e, ENOSPC, "/var/lib/roamlab has %.0f MB free, a run needs %.0f MB", free_mb, needed);
    return err_hint(e, "make room there, or rm -r /var/lib/roamlab/cache");
}

/* --- NFS client ---------------------------------------------------------------------------------------------------------------------------- */

int host_probe_nfs_client(const struct host_probe *probe, const struct host_probe_subject *subject, char *found,
                          size_t size, struct err *e)
{
    (void)probe;
    snprintf(found, size, "the kernel's own, by which carrier nfs mounts");
    if (nfs_client_kernel.attempt(e) == 0)
        return 0;
    return subject->scenario ? err_wrap(e, "migration.nfs_client") : -e->code;
}

/* --- figures ------------------------------------------------------------------------------------------------------------------------------- */

int host_probe_figures(const struct host_probe *probe, const struct host_probe_subject *subject, char *found,
                       size_t size, struct err *e)
{
    (void)probe, (void)subject;
    struct process_options options = PROCESS_OPTIONS_INIT;
    options.argv = (const char *[]){
        "gnuplot", "-e", "set terminal svg; set output '/dev/null'; plot x; print GPVAL_VERSION", NULL};
    options.interruptible = true;
    autofree char *output = NULL;
    if (process_run(&options, &output, e) < 0) {
        err_wrap(e, "results have no figures");
        return err_hint(e, "apt-get install gnuplot-nox");
    }
    snprintf(found, size, "gnuplot %.*s drew one", (int)strcspn(output, "\n"), output);
    return 0;
}
