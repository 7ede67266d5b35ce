#include "link_set.h"
#include "files.h"
#include "interrupt.h"
#include "journal.h"
#include "link_set_internal.h"
#include "mem.h"
#include "netlink.h"
#include "segmentation.h"
#include "variation.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { COUNT_EVERY_MS = 1000, CLEAR_WAIT_MS = 10000, CLEAR_POLL_MS = 50 };

struct link_set {
    const struct links_file *file;
    const struct link_driver *driver;
    struct journal *journal;
    struct link_drive *drive;
    struct link_shaper *(*shapers)[2]; /* owned array; the drive's shapers */
    struct clock clock;
    struct loop *loop;
    struct variation variation;
    struct watch signal;
    struct timer count;
    struct err err; /* that ended the play */
};

/* --- what the journal takes back --- */

/* "DRIVER NAMESPACE INTERFACE"; - is the present namespace. What is gone with its namespace needs no clearing. */
static int undo_shaping(const char *argument, struct err *e)
{
    char driver_name[32], namespace[4096], interface[64];
    if (sscanf(argument, "%31s %4095s %63s", driver_name, namespace, interface) != 3)
        return err_set(e, EINVAL, "\"%.200s\" names no shaping", argument);
    const struct link_driver *driver = link_driver_named(driver_name);
    bool here = strcmp(namespace, "-") == 0;
    struct err why = ERR_INIT;
    if (!driver)
        return err_set(e, EINVAL, "there is no link driver %s", driver_name);
    if (!here && access(namespace, F_OK) < 0)
        return 0;
    int status = driver->clear(here ? NULL : namespace, interface, &why);
    if (status == -ENODEV || status == -ENOENT)
        return 0;
    if (status < 0 && e)
        *e = why;
    return status;
}

/* "FEATURES NAMESPACE INTERFACE": what was on before. */
static int undo_offload(const char *argument, struct err *e)
{
    char namespace[4096], interface[64];
    unsigned on;
    if (sscanf(argument, "%u %4095s %63s", &on, namespace, interface) != 3)
        return err_set(e, EINVAL, "\"%.200s\" names no offload", argument);
    bool here = strcmp(namespace, "-") == 0;
    struct err why = ERR_INIT;
    int status = !here && access(namespace, F_OK) < 0
                     ? 0
                     : segmentation_set(here ? NULL : namespace, interface, on, &why);
    if (status == 0 || status == -ENODEV || status == -ENOENT)
        return 0;
    if (e)
        *e = why;
    return status;
}

static const struct journal_kind kinds[] = {
    {"shaping", undo_shaping},
    {"offload", undo_offload},
    {NULL, NULL},
};

/* iptables takes rules for interfaces that do not exist. */
static int check_end(const struct links_end *end, struct err *e)
{
    if (!end->interface)
        return 0;
    struct netlink *netlink = netlink_open(end->namespace, e);
    int index = netlink ? netlink_interface(netlink, end->interface, e) : -EIO;
    netlink_free(netlink);
    if (index < 0)
        return err_wrap(e, "%s", end->namespace ? end->namespace : "the present namespace");
    autofree char *other = link_set_of(end);
    if (!other)
        return 0;
    err_set(e, EBUSY, "%s is shaped by the set %s", end->interface, other);
    return err_hint(e, "roamlab link clear %s", other);
}

static int check_ends(const struct link_set *set, int i, struct err *e)
{
    for (int k = 0; k < 2; k++)
        if (check_end(&set->file->entries[i].ends[k], e) < 0)
            return err_wrap(e, "links.%d.%s", i, k ? "there" : "here");
    return 0;
}

static int record_end(struct link_set *set, const struct links_end *end, struct err *e)
{
    unsigned on;
    if (!end->interface)
        return 0;
    int status = segmentation_read(end->namespace, end->interface, &on, e);
    if (status < 0)
        return status;
    const char *namespace = end->namespace ? end->namespace : "-";
    autofree char *shaping = mem_printf("%s %s %s", set->driver->name, namespace, end->interface),
                  *offload = mem_printf("%u %s %s", on, namespace, end->interface);
    status = journal_record(set->journal, "shaping", shaping, e);
    return status == 0 ? journal_record(set->journal, "offload", offload, e) : status;
}

/* --- shaping --- */

bool link_set_needs_process(const struct links_file *file, const struct link_driver *driver)
{
    bool varies = false;
    for (int i = 0; i < file->links.link_count; i++)
        for (int direction = 0; direction < 2; direction++)
            varies |= file->links.links[i].schedules[direction].count > 0;
    return varies || driver != &link_driver_kernel;
}

struct link_need link_set_need(const struct links_file *file, int i, int direction)
{
    const struct links_entry *entry = &file->entries[i];
    const struct links_end *from = &entry->ends[direction], *to = &entry->ends[!direction];
    const struct scenario_link *link = &file->links.links[i];
    return (struct link_need){.link = i,
                              .back = direction,
                              .ends = {.from_namespace = from->namespace,
                                       .from_interface = from->interface,
                                       .to_namespace = to->namespace,
                                       .to_interface = to->interface,
                                       .from_peer = entry->peer,
                                       .to_peer = entry->peer,
                                       .peer_prefix = entry->peer_prefix,
                                       .varies = link->schedules[direction].count > 0},
                              .params = variation_at(link, direction, SIMTIME_ZERO, (uint64_t)i + 1)};
}

const struct link_driver *link_set_driver(const struct links_file *file, const char *wanted, struct err *e)
{
    int count = file->links.link_count * 2;
    autofree struct link_need *needs = mem_alloc_array((size_t)count, sizeof *needs);
    for (int i = 0; i < count; i++)
        needs[i] = link_set_need(file, i / 2, i % 2);
    return link_driver_choose(wanted, needs, count, e);
}

static int shape(struct link_set *set, int i, int direction, struct err *e)
{
    struct link_need need = link_set_need(set->file, i, direction);
    int status = link_shape(set->drive, &need.ends, &need.params, &set->shapers[i][direction], e);
    return status < 0 ? err_wrap(e, "links.%d, %s", i, direction ? "back" : "forward") : 0;
}

static int shape_all(struct link_set *set, struct err *e)
{
    int status = 0;
    for (int i = 0; i < set->file->links.link_count && status == 0; i++)
        status = check_ends(set, i, e);
    for (int i = 0; i < set->file->links.link_count && status == 0; i++)
        for (int k = 0; k < 2 && status == 0; k++)
            status = record_end(set, &set->file->entries[i].ends[k], e);
    for (int i = 0; i < set->file->links.link_count && status == 0; i++)
        for (int direction = 0; direction < 2 && status == 0; direction++)
            status = shape(set, i, direction, e);
    return status;
}

/* What `show` and `clear` of other processes read. */
static int describe(struct link_set *set, struct err *e)
{
    const char *folder = journal_folder(set->journal);
    autofree char *links = mem_printf("%s/links.json", folder), *driver = mem_printf("%s/driver", folder),
                  *pid = mem_printf("%s/pid", folder);
    autofree char *number = mem_printf("%d\n", getpid());
    int status = files_replace(links, set->file->text, e);
    if (status == 0)
        status = files_replace(driver, set->driver->name, e);
    return status == 0 && link_set_needs_process(set->file, set->driver) ? files_replace(pid, number, e)
                                                                         : status;
}

static void release(struct link_set *set)
{
    variation_stop(&set->variation);
    link_drive_stop(set->drive);
    loop_free(set->loop);
    free(set->shapers);
    free(set);
}

/* The journal speaks of runs. */
static void set_is_there(const struct err *why, const char *name, struct err *e)
{
    if (why->code == EEXIST) {
        err_set(e, EEXIST, "a set \"%s\" is applied already", name);
        err_hint(e, "roamlab link clear %s takes it away; --name gives this one another name", name);
    } else if (e) {
        *e = *why;
    }
}

struct link_set *link_set_apply(const struct links_file *file, const struct link_driver *driver,
                                const char *name, struct err *e)
{
    struct err why = ERR_INIT;
    struct journal *journal = journal_open(LINK_SETS, name, kinds, &why);
    if (!journal) {
        set_is_there(&why, name, e);
        return NULL;
    }
    struct link_set *set = mem_alloc(sizeof *set);
    set->file = file;
    set->driver = driver;
    set->journal = journal;
    set->clock = clock_wall(clock_monotonic());
    set->shapers = mem_alloc_array((size_t)file->links.link_count, sizeof *set->shapers);
    int status = (set->loop = loop_new(&set->clock, e)) ? describe(set, e) : -EIO;
    if (status == 0 && !(set->drive = link_drive_start(driver, e)))
        status = -EIO;
    if (status == 0)
        status = shape_all(set, e);
    if (status == 0)
        return set;
    link_set_remove(set, NULL);
    return NULL;
}

/* The emulator stops first, so that its links carry nothing instead of everything while their rules are removed. */
int link_set_remove(struct link_set *set, struct err *e)
{
    if (!set)
        return 0;
    struct journal *journal = set->journal;
    release(set);
    return journal_close(journal, e);
}

void link_set_leave(struct link_set *set)
{
    journal_abandon(set->journal);
    release(set);
}

/* --- the process that stays --- */

static void put_counters(struct link_set *set, struct buf *out, int i, int direction)
{
    struct link_counters c = {0};
    const char *names[] = {set->file->links.hosts[2 * i + direction].name,
                           set->file->links.hosts[2 * i + !direction].name};
    if (!set->shapers[i][direction] || link_count(set->shapers[i][direction], &c, NULL) < 0)
        return;
    buf_printf(
        out,
        "%s → %s: %llu packets, %llu bytes, %llu dropped by the queue, %llu lost, late by %.0f µs (99 %%)\n",
        names[0], names[1], (unsigned long long)c.packets, (unsigned long long)c.bytes,
        (unsigned long long)c.dropped, (unsigned long long)c.lost, (double)c.lateness.p99.ns / 1e3);
}

/* What cannot be written now is written a second later. */
static void count(struct timer *timer)
{
    struct link_set *set = container_of(timer, struct link_set, count);
    struct buf text = BUF_INIT;
    autofree char *path = mem_printf("%s/counters", journal_folder(set->journal));
    for (int i = 0; i < set->file->links.link_count; i++)
        for (int direction = 0; direction < 2; direction++)
            put_counters(set, &text, i, direction);
    files_replace(path, buf_text(&text), NULL);
    buf_free(&text);
    loop_arm_after(set->loop, &set->count, simtime_ms(COUNT_EVERY_MS));
}

static int change(struct variation *v, int link, int direction, const struct link_params *params,
                  struct err *e)
{
    struct link_set *set = container_of(v, struct link_set, variation);
    struct link_params own = *params;
    own.seed = (uint64_t)link + 1;
    return set->shapers[link][direction] ? link_change(set->shapers[link][direction], &own, e) : 0;
}

static void say(struct variation *v, const struct event *event)
{
    (void)v;
    printf("%.3f s  %s\n", simtime_seconds(event->at), event->text);
    fflush(stdout);
}

static void stop_failed(struct variation *v, const struct err *e)
{
    struct link_set *set = container_of(v, struct link_set, variation);
    set->err = *e;
    loop_stop(set->loop);
}

static void signal_came(struct watch *watch, uint32_t events)
{
    struct link_set *set = container_of(watch, struct link_set, signal);
    (void)events;
    loop_unwatch(set->loop, watch);
    loop_stop(set->loop);
}

int link_set_play(struct link_set *set, struct err *e)
{
    set->signal = (struct watch){signal_came, interrupt_fd()};
    set->count.fire = count;
    set->variation.apply = change;
    set->variation.record = say;
    set->variation.failed = stop_failed;
    int status = loop_watch(set->loop, &set->signal, EPOLLIN, e);
    if (status < 0)
        return status;
    variation_start(&set->variation, &set->file->links, set->loop, loop_now(set->loop), 0);
    count(&set->count);
    loop_run(set->loop);
    variation_stop(&set->variation);
    loop_cancel(set->loop, &set->count);
    if (e && set->err.code)
        *e = set->err;
    return -set->err.code;
}

/* --- sets of other processes --- */

static pid_t holder_of(const char *name)
{
    struct buf text = BUF_INIT;
    autofree char *path = mem_printf("%s/%s/pid", LINK_SETS, name);
    pid_t pid = files_read(path, 32, &text, NULL) == 0 ? (pid_t)strtol(buf_text(&text), NULL, 10) : 0;
    buf_free(&text);
    return pid;
}

/* The holder of a set that is alive has its number in the folder that it has locked; it takes the set away itself. */
int link_set_clear_one(const char *name, struct err *e)
{
    bool asked = false;
    for (int waited = 0; waited < CLEAR_WAIT_MS; waited += CLEAR_POLL_MS) {
        struct err why = ERR_INIT;
        int status = journal_clean(LINK_SETS, name, kinds, NULL, &why);
        if (status == 0 || (status == -ENOENT && asked))
            return 0;
        if (status == -ENOENT)
            return err_set(e, ENOENT, "no set \"%s\" is applied", name);
        if (status != -EBUSY) {
            if (e)
                *e = why;
            return status;
        }
        pid_t pid = holder_of(name);
        if (!asked && pid > 1)
            asked = kill(pid, SIGTERM) == 0;
        nanosleep(&(struct timespec){0, CLEAR_POLL_MS * 1000000L}, NULL);
    }
    return err_set(e, EBUSY, "set %s: its process %d does not end", name, (int)holder_of(name));
}
