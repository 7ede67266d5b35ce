#include "bench_links.h"
#include "clock.h"
#include "mem.h"
#include "testbed.h"
#include "uml.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* A machine that does something else too is slow for seconds at a time: every try measures all ways one right after the
 * other, a share is that of one try, and the median of the tries counts. */
enum { DELAY_PACKETS = 1000, LOADS_MAX = 64, WAYS_MAX = 3 };

enum { A, B, BEYOND, HOSTS };
static const char *const addresses[HOSTS] = {"198.18.0.1", "198.18.0.2", "198.18.0.3"};

/* --- a testbed of one link, from A to B ------------------------------------------------------------------ */

/* The kernel stamps a packet as soon as it is at B, where our own driver begins to delay it. Its delay is over for
 * certain when it arrives beyond B: delays are measured from there, over a plain route more. */
struct bench {
    const struct link_driver *driver; /* NULL = plain route */
    struct journal *journal;
    struct testbed *testbed;
    struct traffic_end ends[HOSTS];
};

static int bench_open(struct bench *bench, struct err *e)
{
    static const char *const names[HOSTS] = {"a", "b", "beyond"};
    struct in_addr ips[HOSTS];
    struct testbed_host hosts[HOSTS] = {0};
    for (int i = 0; i < HOSTS; i++) {
        inet_pton(AF_INET, addresses[i], &ips[i]);
        hosts[i] = (struct testbed_host){.name = names[i], .addresses = &ips[i], .address_count = 1};
    }
    struct testbed_link links[] = {{.between = {A, B}, .varies = bench->driver != NULL},
                                   {.between = {B, BEYOND}}};
    struct testbed_route routes[] = {{A, ips[BEYOND], 0}, {BEYOND, ips[A], 1}};
    struct testbed_plan plan = {hosts, links, routes, HOSTS, ARRAY_LEN(links), ARRAY_LEN(routes)};
    autofree char *name = mem_printf("bench-%d-%s", getpid(), bench->driver ? bench->driver->name : "plain");
    bench->journal = journal_open(uml_inside() ? "/run/runs" : NULL, name, NULL, e);
    if (!bench->journal)
        return e ? -e->code : -EIO;
    bench->testbed =
        testbed_build(&plan, bench->driver ? bench->driver : &link_driver_userspace, bench->journal, e);
    if (!bench->testbed)
        return e ? -e->code : -EIO;
    for (int i = 0; i < HOSTS; i++)
        bench->ends[i] = (struct traffic_end){testbed_namespace(bench->testbed, i), addresses[i]};
    return 0;
}

static int bench_close(struct bench *bench, struct err *e)
{
    testbed_free(bench->testbed);
    return bench->journal ? journal_close(bench->journal, e) : 0;
}

static int set(struct bench *bench, const struct link_params *params, struct err *e)
{
    int status = 0;
    for (int direction = 0; direction < 2 && status == 0 && bench->driver; direction++)
        status = testbed_change(bench->testbed, 0, direction, params, e);
    return status;
}

/* --- load and its cost ----------------------------------------------------------------------------------- */

static int start_loads(pid_t loads[LOADS_MAX])
{
    int count = (int)sysconf(_SC_NPROCESSORS_ONLN);
    count = count > LOADS_MAX ? LOADS_MAX : count;
    for (int i = 0; i < count; i++)
        if ((loads[i] = fork()) == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            for (volatile unsigned long spins = 0;; spins++)
                ;
        }
    return count;
}

static void end_loads(const pid_t *loads, int count)
{
    for (int i = 0; i < count; i++)
        if (loads[i] > 0) {
            kill(loads[i], SIGKILL);
            waitpid(loads[i], NULL, 0);
        }
}

static double thread_seconds(const char *task)
{
    autofree char *name_path = mem_printf("/proc/self/task/%s/comm", task),
                  *time_path = mem_printf("/proc/self/task/%s/schedstat", task);
    autofclose FILE *name = fopen(name_path, "re"), *time = fopen(time_path, "re");
    char text[32] = "";
    unsigned long long ns = 0;
    if (!name || !time || !fgets(text, sizeof text, name) || strcmp(text, "roamlab-links\n") != 0 ||
        fscanf(time, "%llu", &ns) != 1)
        return 0;
    return (double)ns / 1e9;
}

/* Processor time that the emulator's threads of this process have used. */
static double driver_seconds(void)
{
    double sum = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *task; tasks && (task = readdir(tasks));)
        if (task->d_name[0] != '.')
            sum += thread_seconds(task->d_name);
    if (tasks)
        closedir(tasks);
    return sum;
}

/* --- one try of one way ---------------------------------------------------------------------------------- */

static int measure_errors(struct bench *bench, struct simtime delay, double us[4], struct err *e)
{
    struct traffic_errors errors;
    int status =
        traffic_delay(&bench->ends[A], &bench->ends[BEYOND], DELAY_PACKETS, simtime_ms(1), delay, &errors, e);
    us[0] = errors.p50_us;
    us[1] = errors.p99_us;
    us[2] = errors.p999_us;
    us[3] = errors.read_p99_us;
    return status;
}

static int measure_unshaped(struct bench *bench, struct bench_links_figures *f, struct err *e)
{
    int status = set(bench, &(struct link_params){.delay = SIMTIME_ZERO}, e);
    return status < 0 ? status : traffic_tcp(&bench->ends[A], &bench->ends[B], 1, &f->tcp_mbit, e);
}

static int measure_delayed(struct bench *bench, struct bench_links_figures *f, struct err *e)
{
    int status = set(bench, &(struct link_params){.delay = simtime_ms(1)}, e);
    return status < 0 || !bench->driver
               ? status
               : traffic_tcp(&bench->ends[A], &bench->ends[B], 1, &f->tcp_delayed_mbit, e);
}

static int measure_small(struct bench *bench, struct bench_links_figures *f, struct err *e)
{
    return traffic_small(&bench->ends[A], &bench->ends[B], 0.5, &f->small_per_second, e);
}

static int measure_idle(struct bench *bench, struct bench_links_figures *f, struct err *e)
{
    struct simtime delay = bench->driver ? simtime_ms(20) : SIMTIME_ZERO;
    int status = set(bench, &(struct link_params){.delay = delay}, e);
    if (status < 0)
        return status;
    double used = driver_seconds();
    struct simtime start = clock_monotonic();
    status = measure_errors(bench, delay, f->idle_us, e);
    if (bench->driver == &link_driver_userspace)
        f->cpu_percent =
            100 * (driver_seconds() - used) / simtime_seconds(simtime_sub(clock_monotonic(), start));
    return status;
}

static int measure_loaded(struct bench *bench, struct bench_links_figures *f, struct err *e)
{
    pid_t loads[LOADS_MAX];
    int count = start_loads(loads);
    int status = measure_errors(bench, bench->driver ? simtime_ms(20) : SIMTIME_ZERO, f->loaded_us, e);
    end_loads(loads, count);
    return status;
}

/* In this order: each leaves the link as the next one finds it. */
static int (*const steps[])(struct bench *bench, struct bench_links_figures *f, struct err *e) = {
    measure_unshaped, measure_delayed, measure_small, measure_idle, measure_loaded};

static int measure_tcp80(struct bench *bench, struct bench_links_figures *f, struct err *e)
{
    if (!bench->driver)
        return 0;
    int status =
        set(bench,
            &(struct link_params){.delay = simtime_ms(100), .rate_bps = 80000000, .queue_packets = 2000}, e);
    return status < 0 ? status : traffic_tcp(&bench->ends[A], &bench->ends[B], 9, &f->tcp80_mbit, e);
}

static void forget(struct bench_links_figures *f)
{
    for (int i = 0; i < BENCH_FIGURES; i++)
        *bench_figure(f, i) = -1;
}

/* --- several ways at once -------------------------------------------------------------------------------- */

struct race {
    struct bench benches[WAYS_MAX]; /* the first is the plain route */
    struct bench_links_figures tries[WAYS_MAX][BENCH_TRIES];
    int count;
};

static void compute_shares(struct race *race, int try)
{
    double plain = race->tries[0][try].tcp_mbit;
    for (int way = 1; way < race->count && plain > 0; way++) {
        struct bench_links_figures *f = &race->tries[way][try];
        f->tcp_share = 100 * f->tcp_mbit / plain;
        f->tcp_delayed_share = 100 * f->tcp_delayed_mbit / plain;
    }
}

static int race_once(struct race *race, int try, struct err *e)
{
    int status = 0;
    for (size_t step = 0; step < ARRAY_LEN(steps); step++)
        for (int way = 0; way < race->count && status == 0; way++)
            status = steps[step](&race->benches[way], &race->tries[way][try], e);
    compute_shares(race, try);
    return status;
}

static int race_all(struct race *race, struct err *e)
{
    int status = 0;
    for (int way = 0; way < race->count; way++)
        for (int try = 0; try < BENCH_TRIES; try++)
            forget(&race->tries[way][try]);
    for (int way = 0; way < race->count && status == 0; way++)
        status = bench_open(&race->benches[way], e);
    for (int try = 0; try < BENCH_TRIES && status == 0; try++)
        status = race_once(race, try, e);
    for (int way = 0; way < race->count && status == 0; way++)
        status = measure_tcp80(&race->benches[way], &race->tries[way][0], e);
    return status;
}

/* Measures the plain route and the drivers, up to NULL. */
static int measure(const struct link_driver *const *drivers, struct bench_links_figures *const out[],
                   struct err *e)
{
    struct race race = {.count = 1};
    for (; drivers[race.count - 1]; race.count++)
        race.benches[race.count].driver = drivers[race.count - 1];
    int status = race_all(&race, e);
    for (int way = 0; way < race.count; way++) {
        for (int i = 0; i < BENCH_FIGURES; i++)
            *bench_figure(out[way], i) = bench_figure_median(race.tries[way], i);
        int closed = bench_close(&race.benches[way], status == 0 ? e : NULL);
        status = status < 0 ? status : closed;
    }
    return status;
}

/* --- User Mode Linux ------------------------------------------------------------------------------------- */

/* The little memory in there would keep TCP's windows below what 80 Mbit/s and 200 ms need. */
static void widen_windows(void)
{
    static const char *const limits[] = {"/proc/sys/net/ipv4/tcp_rmem", "/proc/sys/net/ipv4/tcp_wmem"};
    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        autofclose FILE *file = fopen(limits[i], "we");
        if (file)
            fputs("4096 131072 16777216\n", file);
    }
}

static void measure_inside(void *context)
{
    static const char *const modules[] = {"drivers/net/veth", "net/sched/sch_netem"};
    static const struct link_driver *const drivers[] = {&link_driver_kernel, NULL};
    struct bench_links_figures f[2];
    struct err e = ERR_INIT;
    (void)context;
    for (size_t i = 0; i < ARRAY_LEN(modules); i++)
        if (uml_module(modules[i], &e) < 0)
            printf("failed: %s\n", e.text);
    widen_windows();
    if (measure(drivers, (struct bench_links_figures *const[]){&f[0], &f[1]}, &e) < 0)
        printf("failed: %s\n", e.text);
    for (size_t way = 0; way < ARRAY_LEN(f); way++)
        for (int i = 0; i < BENCH_FIGURES; i++)
            printf("figure %zu %d %.6g\n", way, i, *bench_figure(&f[way], i));
}

void bench_links_inside(void)
{
    uml_serve(measure_inside, NULL);
}

static void read_figures(char *output, struct bench_links_result *result)
{
    char *rest;
    for (char *line = strtok_r(output, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        size_t way;
        int i;
        double value;
        if (strncmp(line, "failed: ", 8) == 0)
            snprintf(result->remark, sizeof result->remark, "in User Mode Linux: %s", line + 8);
        if (sscanf(line, "figure %zu %d %lf", &way, &i, &value) == 3 && way < 2 && i >= 0 &&
            i < BENCH_FIGURES)
            *bench_figure(&result->ways[BENCH_UML_PLAIN + way], i) = value;
    }
}

static void measure_in_uml(const char *const *arguments, struct bench_links_result *result)
{
    struct err e = ERR_INIT;
    autofree char *output = NULL;
    if (uml_run(arguments, 180, false, &output, &e) < 0)
        snprintf(result->remark, sizeof result->remark, "%.200s%s%.100s", e.text, e.hint[0] ? ": " : "",
                 e.hint);
    else
        read_figures(output, result);
}

int bench_links(const char *const *arguments, struct bench_links_result *result, struct err *e)
{
    *result = (struct bench_links_result){.remark = ""};
    for (int way = 0; way < BENCH_WAYS; way++)
        forget(&result->ways[way]);
    bool netem = link_driver_kernel.probe(NULL) == 0;
    const struct link_driver *const drivers[] = {&link_driver_userspace, netem ? &link_driver_kernel : NULL,
                                                 NULL};
    struct bench_links_figures *const ways[] = {&result->ways[BENCH_PLAIN], &result->ways[BENCH_OWN],
                                                &result->ways[BENCH_KERNEL]};
    int status = link_driver_userspace.probe(e);
    if (status == 0)
        status = measure(drivers, ways, e);
    if (status < 0)
        return err_wrap(e, "bench links");
    if (!netem)
        measure_in_uml(arguments, result);
    return 0;
}
