#include "bench_links.h"
#include "mem.h"

#include <stddef.h>
#include <stdlib.h>

static const struct {
    const char *name, *unit;
    size_t offset;
    double least, at_most; /* of our own driver; 0 = no target */
} figures[BENCH_FIGURES] = {
#define FIGURE(name, unit, member, least, most)                                                              \
    {                                                                                                        \
        name, unit, offsetof(struct bench_links_figures, member), least, most                                \
    }
    FIGURE("one TCP flow, unshaped", "Mbit/s", tcp_mbit, 0, 0),
    FIGURE("  of the plain route's", "%", tcp_share, 70, 0),
    FIGURE("one TCP flow, 1 ms of delay", "Mbit/s", tcp_delayed_mbit, 0, 0),
    FIGURE("  of the plain route's", "%", tcp_delayed_share, 0, 0),
    FIGURE("64-byte packets, 1 ms of delay", "1/s", small_per_second, 150000, 0),
    FIGURE("delay error, idle, p50", "us", idle_us[0], 0, 0),
    FIGURE("delay error, idle, p99", "us", idle_us[1], 0, 60),
    FIGURE("delay error, idle, p99.9", "us", idle_us[2], 0, 0),
    FIGURE("  p99 when the receiver has woken up", "us", idle_us[3], 0, 0),
    FIGURE("delay error, all processors busy, p50", "us", loaded_us[0], 0, 0),
    FIGURE("delay error, all processors busy, p99", "us", loaded_us[1], 0, 250),
    FIGURE("delay error, all processors busy, p99.9", "us", loaded_us[2], 0, 0),
    FIGURE("  p99 when the receiver has woken up", "us", loaded_us[3], 0, 0),
    FIGURE("the driver's thread at 1000 packets/s", "% CPU", cpu_percent, 0, 0),
    FIGURE("one TCP flow over 80 Mbit/s, 200 ms", "Mbit/s", tcp80_mbit, 75, 0),
#undef FIGURE
};

double *bench_figure(struct bench_links_figures *f, int i)
{
    return (double *)(void *)((char *)f + figures[i].offset);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_figure_median(struct bench_links_figures tries[BENCH_TRIES], int i)
{
    double values[BENCH_TRIES] = {0};
    size_t count = 0;
    for (int try = 0; try < BENCH_TRIES; try++)
        if (*bench_figure(&tries[try], i) >= 0)
            values[count++] = *bench_figure(&tries[try], i);
    qsort(values, count, sizeof values[0], compare);
    return count ? values[count / 2] : -1;
}

static void print_value(double value, FILE *out)
{
    if (value < 0)
        fprintf(out, " %12s", "-");
    else
        fprintf(out, value < 100 ? " %12.1f" : " %12.0f", value);
}

static bool meets(int i, double value)
{
    return value >= 0 && value >= figures[i].least &&
           (figures[i].at_most <= 0 || value <= figures[i].at_most);
}

static bool print_target(int i, double own, double plain, FILE *out)
{
    double least = figures[i].least, most = figures[i].at_most;
    if (least <= 0 && most <= 0)
        return true;
    bool met = meets(i, own), unfit = !met && plain >= 0 && !meets(i, plain);
    fprintf(out, "   %s %.0f: %s", least > 0 ? ">=" : "<=", least > 0 ? least : most,
            met     ? "met"
            : unfit ? "MISSED, by the plain route too: this machine is busy"
                    : "MISSED");
    return met;
}

bool bench_links_print(const struct bench_links_result *result, FILE *out)
{
    bool met = true;
    struct bench_links_result r = *result;
    fprintf(out, "%-41s %-6s %12s %12s %12s %12s   %s\n", "", "", "plain", "own", "plain, UML", "netem, UML",
            "target of own");
    for (int i = 0; i < BENCH_FIGURES; i++) {
        fprintf(out, "%-41s %-6s", figures[i].name, figures[i].unit);
        for (int way = 0; way < BENCH_WAYS; way++)
            print_value(*bench_figure(&r.ways[way], i), out);
        met &= print_target(i, *bench_figure(&r.ways[BENCH_OWN], i), *bench_figure(&r.ways[BENCH_PLAIN], i),
                            out);
        fputc('\n', out);
    }
    fprintf(
        out,
        "Each is the median of %d tries (the last: of one); a try measures the ways in turn, a share is that of one try.\n"
        "A delay lasts from before the sender's call until the kernel at the other end has the packet; the plain route has\n"
        "none: its delay error is that of the measuring. Unshaped, packets pass our own driver's queue by; with a delay\n"
        "they go through it. Idle: while packets are about to be due, our own driver has idle processors poll, which its\n"
        "share of the processor leaves out.\n",
        BENCH_TRIES);
    if (r.remark[0])
        fprintf(out, "%s\n", r.remark);
    return met;
}
