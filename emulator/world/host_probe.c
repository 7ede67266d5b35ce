#include "host_probe.h"
#include "certificate.h"
#include "dirty_tracking.h"
#include "driver.h"
#include "interrupt.h"
#include "mem.h"
#include "nfs_client.h"
#include "privileges.h"
#include "transfer.h"
#include "variation.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>

struct journal *host_probe_journal(struct err *e)
{
    uint32_t number;
    if (getrandom(&number, sizeof number, 0) < 0)
        number = (uint32_t)clock_monotonic().ns;
    autofree char *name = mem_printf("probe-%08x", number);
    return journal_open(NULL, name, world_real_kinds, e);
}

int host_probe_end(struct journal *journal, int status, const char *mend, struct err *e)
{
    struct err left = ERR_INIT;
    if (!journal)
        return status;
    if (status < 0 && strstr(e->hint, journal_folder(journal)))
        e->hint[0] = '\0';
    if (journal_close(journal, &left) < 0 && status == 0) {
        *e = left;
        return -left.code;
    }
    if (status < 0)
        err_hint(e, "%s", mend);
    return status;
}

struct interruption {
    struct watch watch;
    struct loop *loop;
};

static void interrupted(struct watch *watch, uint32_t epoll_events)
{
    (void)epoll_events;
    loop_stop(container_of(watch, struct interruption, watch)->loop);
}

int host_probe_play(struct loop *loop, struct err *e)
{
    struct interruption i = {{interrupted, interrupt_fd()}, loop};
    int status = i.watch.fd < 0 ? 0 : loop_watch(loop, &i.watch, EPOLLIN, e);
    if (status < 0)
        return status;
    loop_run(loop);
    loop_unwatch(loop, &i.watch);
    return interrupt_signal() ? err_set(e, EINTR, "interrupted") : 0;
}

static int privileges(const struct host_probe *probe, const struct host_probe_subject *subject, char *found,
                      size_t size, struct err *e)
{
    (void)probe, (void)subject;
    snprintf(found, size, "for namespaces, links, control groups, checkpoints");
    return privileges_check(e);
}

static int checkpoint(const struct host_probe *probe, const struct host_probe_subject *subject, char *found,
                      size_t size, struct err *e)
{
    (void)probe;
    struct runtime *r = &subject->facts->runtime;
    struct journal *journal = host_probe_journal(e);
    if (!journal)
        return -e->code;
    int status = journal_record(journal, "trial", journal_folder(journal), e);
    if (status == 0)
        status = runtime_find(NULL, subject->program, journal_folder(journal), r, e);
    status = host_probe_end(journal, status, "as root: tools/setup run", e);
    if (status == 0)
        snprintf(found, size, "CRIU %s (%s) dumped and restored a program with a socket; Docker %s, runc %s",
                 r->criu_version, *r->criu_folder ? r->criu_folder : "of PATH", r->docker_version,
                 r->runc_version);
    return status;
}

static int dirty_tracking(const struct host_probe *probe, const struct host_probe_subject *subject, char *found,
                          size_t size, struct err *e)
{
    (void)probe, (void)subject;
    snprintf(found, size, "the kernel tracks written pages: pre-copy dumps and sends those alone");
    return dirty_tracking_try(e) < 0 ? err_hint(e, "a kernel with CONFIG_MEM_SOFT_DIRTY, such as Debian's") : 0;
}

/* Every link has both its ends on this machine. */
static int links(const struct host_probe *probe, const struct host_probe_subject *subject, char *found,
                 size_t size, struct err *e)
{
    (void)probe;
    const struct scenario *s = subject->scenario;
    int count = s ? s->link_count * 2 : 0;
    autofree struct link_need *needs = mem_alloc_array((size_t)count + 1, sizeof *needs);
    for (int i = 0; i < count; i++) {
        const struct scenario_link *link = &s->links[i / 2];
        needs[i] = (struct link_need){.link = i / 2,
                                      .back = i % 2,
                                      .ends = {.from_interface = "here", .to_interface = "there"},
                                      .params = variation_at(link, i % 2, SIMTIME_ZERO, s->seed)};
        needs[i].ends.varies = link->schedules[i % 2].count > 0;
    }
    const struct link_driver *driver = link_driver_choose(subject->driver, needs, count, e);
    if (!driver)
        return -e->code;
    snprintf(subject->facts->link_driver, sizeof subject->facts->link_driver, "%s", driver->name);
    snprintf(found, size, "shaped by %s: %s", driver->name, driver->summary);
    return 0;
}

static int link_driver(const struct host_probe *probe, const struct host_probe_subject *subject, char *found,
                       size_t size, struct err *e)
{
    (void)subject;
    const struct link_driver *driver = link_driver_named(probe->argument);
    snprintf(found, size, "%s", driver->summary);
    return driver->probe(e);
}

static bool is_lazy(const struct host_probe *probe, const struct scenario *s)
{
    (void)probe;
    return strategy_is_lazy(s->migration.strategy);
}

static int try_lazy_pages(const struct host_probe_subject *subject, const char *folder, struct err *e)
{
    const char *criu_folder = subject->facts->runtime.criu_folder;
    autofree char *keys = mem_printf("%s/pages", folder),
                  *criu = mem_printf("%s%scriu", criu_folder, *criu_folder ? "/" : "");
    int status = certificate_make_own(keys, "roamlab probe", NULL, e);
    return status < 0 ? status : runtime_probe_lazy_pages(criu, subject->program, folder, keys, e);
}

/* An Engine's restore knows lazy pages only by a runtime that its configuration names, and the user's is not changed. */
static int lazy_pages(const struct host_probe *probe, const struct host_probe_subject *subject, char *found, size_t size,
                      struct err *e)
{
    (void)probe;
    if (subject->scenario && scenario_names_engines(subject->scenario)) {
        err_set(e, EOPNOTSUPP, "an Engine of yours (hosts.NAME.docker) restores no container whose memory comes page by page");
        return err_hint(e, "leave hosts.NAME.docker out, or take another strategy, such as pre-copy");
    }
    struct journal *journal = host_probe_journal(e);
    if (!journal)
        return -e->code;
    int status = journal_record(journal, "trial", journal_folder(journal), e);
    if (status == 0)
        status = try_lazy_pages(subject, journal_folder(journal), e);
    status = host_probe_end(journal, status, "take another strategy, such as pre-copy", e);
    snprintf(found, size, "CRIU restored a program whose memory came page by page, by TLS: post-copy, hybrid-copy");
    return status < 0 ? err_wrap(e, "lazy pages") : 0;
}

static bool names_engines(const struct host_probe *probe, const struct scenario *s)
{
    (void)probe;
    return scenario_names_engines(s);
}

static bool mounts_by_kernel(const struct host_probe *probe, const struct scenario *s)
{
    (void)probe;
    return s->migration.nfs_host >= 0 && s->migration.nfs_client == &nfs_client_kernel;
}

static const struct host_probe probes[] = {
    {.name = "privileges", .use = PROBE_EVERY_RUN, .attempt = privileges},
    {.name = "disk", .use = PROBE_EVERY_RUN, .attempt = host_probe_disk},
    {.name = "namespaces", .use = PROBE_ITSELF, .attempt = host_probe_namespaces},
    {.name = "links", .use = PROBE_EVERY_RUN, .attempt = links},
    {.name = "netem", .use = PROBE_COMFORT, .attempt = link_driver, .argument = "kernel"},
    {.name = "NFQUEUE", .use = PROBE_COMFORT, .attempt = link_driver, .argument = "userspace"},
    {.name = "checkpoint", .use = PROBE_EVERY_RUN, .attempt = checkpoint},
    {.name = "dirty tracking", .use = PROBE_COMFORT, .attempt = dirty_tracking},
    {.name = "freezer", .use = PROBE_EVERY_RUN, .attempt = host_probe_freezer},
    {.name = "Engine", .use = PROBE_ITSELF, .attempt = host_probe_engine},
    {.name = "your Engine", .use = PROBE_SOME_RUNS, .needed = names_engines, .attempt = host_probe_users_engine},
    {.name = "lazy pages", .use = PROBE_SOME_RUNS, .needed = is_lazy, .attempt = lazy_pages},
    {.name = "clock", .use = PROBE_COMFORT, .attempt = host_probe_clock},
    {.name = "NFS client", .use = PROBE_SOME_RUNS, .needed = mounts_by_kernel, .attempt = host_probe_nfs_client},
    {.name = "figures", .use = PROBE_COMFORT, .attempt = host_probe_figures},
};

static bool is_scenarios_carrier(const struct host_probe *probe, const struct scenario *s)
{
    return !strcmp(s->migration.carrier, probe->argument);
}

void host_probe_each(bool (*visit)(const struct host_probe *probe, void *context), void *context)
{
    for (size_t i = 0; i < ARRAY_LEN(probes); i++)
        if (!visit(&probes[i], context))
            return;
    for (int i = 0; carrier_at(i); i++) {
        const struct host_probe probe = {.name = carrier_at(i)->name,
                                         .use = PROBE_SOME_RUNS,
                                         .needed = is_scenarios_carrier,
                                         .attempt = host_probe_carrier,
                                         .argument = carrier_at(i)->name};
        if (!visit(&probe, context))
            return;
    }
}

bool host_probe_is_needed(const struct host_probe *probe)
{
    return probe->use == PROBE_EVERY_RUN || probe->use == PROBE_ITSELF;
}

struct check {
    const struct host_probe_subject *subject;
    int status;
    struct err *e;
};

static bool check_one(const struct host_probe *probe, void *context)
{
    struct check *c = context;
    char found[256];
    const struct scenario *s = c->subject->scenario;
    bool some = probe->use == PROBE_SOME_RUNS && s && probe->needed(probe, s);
    if (probe->use == PROBE_EVERY_RUN || some)
        c->status = probe->attempt(probe, c->subject, found, sizeof found, c->e);
    if (interrupt_signal()) /* whatever the probe makes of it */
        c->status = err_set(c->e, EINTR, "interrupted");
    return c->status == 0;
}

int host_probe_check(const struct host_probe_subject *subject, struct err *e)
{
    struct err unheard = ERR_INIT;
    struct check c = {subject, 0, e ? e : &unheard};
    host_probe_each(check_one, &c);
    return c.status;
}
