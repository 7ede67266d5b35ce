#include "bench_links.h"
#include "clock.h"
#include "mem.h"
#include "testbed.h"
#include "uml.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* What else the machine does only makes figures worse: the best of some tries says most about the driver. */
enum { TRIES = 3, DELAY_PACKETS = 1000, LOADS_MAX = 64 };

static const char *const addresses[2] = {"198.18.0.1", "198.18.0.2"};

/* --- a testbed of one link ------------------------------------------------------------------------------- */

struct bench {
    const struct link_driver *driver; /* NULL = plain route */
    struct journal *journal;
    struct testbed *testbed;
    struct traffic_end a, b;
};

static int bench_open(struct bench *bench, struct err *e)
{
    struct in_addr ips[2];
    for (int i = 0; i < 2; i++)
        inet_pton(AF_INET, addresses[i], &ips[i]);
    struct testbed_host hosts[2] = {{"a", &ips[0], 1}, {"b", &ips[1], 1}};
    struct testbed_link link = {.between = {0, 1}, .varies = bench->driver != NULL};
    struct testbed_plan plan = {.hosts = hosts, .links = &link, .host_count = 2, .link_count = 1};
    autofree char *name = mem_printf("bench-%d", getpid());
    bench->journal = journal_open(uml_inside() ? "/run/runs" : NULL, name, NULL, e);
    if (!bench->journal)
        return e ? -e->code : -EIO;
    bench->testbed =
        testbed_build(&plan, bench->driver ? bench->driver : &link_driver_userspace, bench->journal, e);
    if (!bench->testbed)
        return e ? -e->code : -EIO;
    bench->a = (struct traffic_end){testbed_namespace(bench->testbed, 0), addresses[0]};
    bench->b = (struct traffic_end){testbed_namespace(bench->testbed, 1), addresses[1]};
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

/* --- one way --------------------------------------------------------------------------------------------- */

/* Of the try with the least p99. */
static int measure_errors(struct bench *bench, struct simtime delay, double us[3], struct err *e)
{
    for (int i = 0; i < TRIES; i++) {
        struct traffic_errors errors;
        int status = traffic_delay(&bench->a, &bench->b, DELAY_PACKETS, simtime_ms(1), delay, &errors, e);
        if (status < 0)
            return status;
        if (i > 0 && errors.p99_us >= us[1])
            continue;
        us[0] = errors.p50_us;
        us[1] = errors.p99_us;
        us[2] = errors.p999_us;
    }
    return 0;
}

static int measure_tcp(struct bench *bench, double *best, struct err *e)
{
    double mbit = 0;
    int status = traffic_tcp(&bench->a, &bench->b, 1.5, &mbit, e);
    *best = fmax(*best, mbit);
    return status;
}

static int measure_small(struct bench *bench, double *best, struct err *e)
{
    double per_second = 0;
    int status = traffic_small(&bench->a, &bench->b, 0.7, &per_second, e);
    *best = fmax(*best, per_second);
    return status;
}

static int measure_throughput(struct bench *bench, struct bench_links_figures *f, struct err *e)
{
    int status = 0;
    for (int i = 0; i < TRIES && status == 0; i++) {
        status = measure_tcp(bench, &f->tcp_mbit, e);
        if (status == 0)
            status = measure_small(bench, &f->small_per_second, e);
    }
    return status;
}

static int measure_delayed(struct bench *bench, struct bench_links_figures *f, struct err *e)
{
    int status = bench->driver ? set(bench, &(struct link_params){.delay = simtime_ms(1)}, e) : 0;
    for (int i = 0; i < TRIES && status == 0 && bench->driver; i++)
        status = measure_tcp(bench, &f->tcp_delayed_mbit, e);
    return status;
}

static int measure_delays(struct bench *bench, struct bench_links_figures *f, struct err *e)
{
    pid_t loads[LOADS_MAX];
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
    if (status < 0)
        return status;
    int count = start_loads(loads);
    status = measure_errors(bench, delay, f->loaded_us, e);
    end_loads(loads, count);
    return status;
}

static int measure_tcp80(struct bench *bench, struct bench_links_figures *f, struct err *e)
{
    if (!bench->driver)
        return 0;
    int status =
        set(bench,
            &(struct link_params){.delay = simtime_ms(100), .rate_bps = 80000000, .queue_packets = 2000}, e);
    return status < 0 ? status : traffic_tcp(&bench->a, &bench->b, 9, &f->tcp80_mbit, e);
}

static int measure(const struct link_driver *driver, struct bench_links_figures *f, struct err *e)
{
    struct bench bench = {.driver = driver};
    int status = bench_open(&bench, e);
    if (status == 0)
        status = measure_throughput(&bench, f, e);
    if (status == 0)
        status = measure_delayed(&bench, f, e);
    if (status == 0)
        status = measure_delays(&bench, f, e);
    if (status == 0)
        status = measure_tcp80(&bench, f, e);
    int closed = bench_close(&bench, e);
    return status < 0 ? status : closed;
}

/* --- User Mode Linux ------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *unit;
    size_t offset;
    bool of_plain;         /* the target is a share of the plain route's */
    double least, at_most; /* of our own driver; 0 = no target */
} figures[] = {
#define FIGURE(name, unit, member, of_plain, least, most)                                                    \
    {                                                                                                        \
        name, unit, offsetof(struct bench_links_figures, member), of_plain, least, most                      \
    }
    FIGURE("one TCP flow, unshaped", "Mbit/s", tcp_mbit, true, 0.7, 0),
    FIGURE("one TCP flow, 1 ms of delay", "Mbit/s", tcp_delayed_mbit, false, 0, 0),
    FIGURE("64-byte packets", "1/s", small_per_second, false, 150000, 0),
    FIGURE("delay error, idle, p50", "us", idle_us[0], false, 0, 0),
    FIGURE("delay error, idle, p99", "us", idle_us[1], false, 0, 60),
    FIGURE("delay error, idle, p99.9", "us", idle_us[2], false, 0, 0),
    FIGURE("delay error, all processors busy, p50", "us", loaded_us[0], false, 0, 0),
    FIGURE("delay error, all processors busy, p99", "us", loaded_us[1], false, 0, 250),
    FIGURE("delay error, all processors busy, p99.9", "us", loaded_us[2], false, 0, 0),
    FIGURE("the driver's thread at 1000 packets/s", "% CPU", cpu_percent, false, 0, 0),
    FIGURE("one TCP flow over 80 Mbit/s, 200 ms", "Mbit/s", tcp80_mbit, false, 75, 0),
#undef FIGURE
};

static double *figure(struct bench_links_figures *f, size_t i)
{
    return (double *)((char *)f + figures[i].offset);
}

static void forget(struct bench_links_figures *f)
{
    for (size_t i = 0; i < ARRAY_LEN(figures); i++)
        *figure(f, i) = -1;
}

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
    static const struct link_driver *const drivers[] = {NULL, &link_driver_kernel};
    struct err e = ERR_INIT;
    (void)context;
    for (size_t i = 0; i < ARRAY_LEN(modules); i++)
        if (uml_module(modules[i], &e) < 0)
            printf("failed: %s\n", e.text);
    widen_windows();
    for (size_t way = 0; way < ARRAY_LEN(drivers); way++) {
        struct bench_links_figures f;
        forget(&f);
        if (measure(drivers[way], &f, &e) < 0)
            printf("failed: %s\n", e.text);
        for (size_t i = 0; i < ARRAY_LEN(figures); i++)
            printf("figure %zu %zu %.6g\n", way, i, *figure(&f, i));
    }
}

void bench_links_inside(void)
{
    uml_serve(measure_inside, NULL);
}

static void read_figures(char *output, struct bench_links_result *result)
{
    char *rest;
    for (char *line = strtok_r(output, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        size_t way, i;
        double value;
        if (strncmp(line, "failed: ", 8) == 0)
            snprintf(result->remark, sizeof result->remark, "in User Mode Linux: %s", line + 8);
        if (sscanf(line, "figure %zu %zu %lf", &way, &i, &value) == 3 && way < 2 && i < ARRAY_LEN(figures))
            *figure(&result->ways[BENCH_UML_PLAIN + way], i) = value;
    }
}

static void measure_kernel(const char *const *arguments, struct bench_links_result *result)
{
    struct err e = ERR_INIT;
    autofree char *output = NULL;
    int status = link_driver_kernel.probe(&e) == 0
                     ? measure(&link_driver_kernel, &result->ways[BENCH_KERNEL], &e)
                     : uml_run(arguments, 150, false, &output, &e);
    if (status < 0)
        snprintf(result->remark, sizeof result->remark, "%.200s%s%.100s", e.text, e.hint[0] ? ": " : "",
                 e.hint);
    else if (output)
        read_figures(output, result);
}

int bench_links(const char *const *arguments, struct bench_links_result *result, struct err *e)
{
    *result = (struct bench_links_result){.remark = ""};
    for (int way = 0; way < BENCH_WAYS; way++)
        forget(&result->ways[way]);
    int status = link_driver_userspace.probe(e);
    if (status == 0)
        status = measure(NULL, &result->ways[BENCH_PLAIN], e);
    if (status == 0)
        status = measure(&link_driver_userspace, &result->ways[BENCH_OWN], e);
    if (status < 0)
        return err_wrap(e, "bench links");
    measure_kernel(arguments, result);
    return 0;
}

/* --- the table ------------------------------------------------------------------------------------------- */

static void print_value(double value, FILE *out)
{
    if (value < 0)
        fprintf(out, " %12s", "-");
    else
        fprintf(out, value < 100 ? " %12.1f" : " %12.0f", value);
}

static bool print_target(size_t i, double own, double plain, FILE *out)
{
    double least = figures[i].least * (figures[i].of_plain ? plain : 1), most = figures[i].at_most;
    if (least <= 0 && most <= 0)
        return true;
    bool met = own >= 0 && (least <= 0 || own >= least) && (most <= 0 || own <= most);
    fprintf(out, "   %s %.0f: %s", least > 0 ? ">=" : "<=", least > 0 ? least : most, met ? "met" : "MISSED");
    return met;
}

bool bench_links_print(const struct bench_links_result *result, FILE *out)
{
    bool met = true;
    struct bench_links_result r = *result;
    fprintf(out, "%-41s %-6s %12s %12s %12s %12s   %s\n", "", "", "plain", "own", "plain, UML", "netem, UML",
            "target of own");
    for (size_t i = 0; i < ARRAY_LEN(figures); i++) {
        fprintf(out, "%-41s %-6s", figures[i].name, figures[i].unit);
        for (int way = 0; way < BENCH_WAYS; way++)
            print_value(*figure(&r.ways[way], i), out);
        met &= print_target(i, *figure(&r.ways[BENCH_OWN], i), *figure(&r.ways[BENCH_PLAIN], i), out);
        fputc('\n', out);
    }
    fprintf(out,
            "Each is the best of %d tries (the last: of one). The plain route's delay error is that of the measuring.\n"
            "Unshaped: our own driver's queue is in the way all the same. Idle: while packets are about to be due, it has\n"
            "idle processors poll, which the driver's share of the processor leaves out.\n",
            TRIES);
    if (r.remark[0])
        fprintf(out, "%s\n", r.remark);
    return met;
}
