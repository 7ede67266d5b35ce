/* How good the link drivers are on this machine: a plain route, our own driver and the kernel's netem side by side. The
 * kernel's is measured inside User Mode Linux where this kernel has none, beside the plain route in there. */
#ifndef ROAMLAB_BENCH_LINKS_H
#define ROAMLAB_BENCH_LINKS_H

#include "bench_traffic.h"

#include <stdbool.h>
#include <stdio.h>

enum bench_links_way { BENCH_PLAIN, BENCH_OWN, BENCH_UML_PLAIN, BENCH_KERNEL, BENCH_WAYS };

/* Of one way; negative = not measured. Errors are those of a one-way delay of 20 ms (plain: 0 ms). */
struct bench_links_figures {
    double tcp_mbit, tcp_share; /* one flow, without delay or rate; in per cent of the plain route's */
    double tcp_delayed_mbit, tcp_delayed_share; /* one flow over 1 ms and back, without a rate */
    double small_per_second;                    /* 64-byte packets over 1 ms (plain: 0 ms) */
    /* Delay error when packets arrive, p50, p99, p99.9, and p99 when the receiving program has them. */
    double idle_us[4], loaded_us[4];
    double cpu_percent;              /* of the driver's thread at 1000 packets a second, of one processor */
    double tcp80_mbit;               /* one flow over 80 Mbit/s and 200 ms */
};

enum { BENCH_TRIES = 5, BENCH_FIGURES = 15 };
/* Figure number i, and the middle one of the tries in which it was measured. */
double *bench_figure(struct bench_links_figures *f, int i);
double bench_figure_median(struct bench_links_figures tries[BENCH_TRIES], int i);

struct bench_links_result {
    struct bench_links_figures ways[BENCH_WAYS];
    char remark[320]; /* why a way was not measured, "" if all were */
};

/* Measures them all; some two minutes. `arguments` (NULL-terminated) make this program call bench_links_inside, as it
 * is booted in User Mode Linux with them. */
int bench_links(const char *const *arguments, struct bench_links_result *result, struct err *e);
/* To be called by that program as soon as uml_inside() says so: does not return. */
void bench_links_inside(void) __attribute__((noreturn));

/* The table, with the targets beside it. True if our own driver meets them all. */
bool bench_links_print(const struct bench_links_result *result, FILE *out);

#endif
