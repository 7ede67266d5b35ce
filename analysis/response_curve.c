#include "response_curve.h"
#include "mem.h"
#include "statistics.h"

#include <math.h>
#include <stdlib.h>

/* A number far beyond all others (an imported log may hold anything) would only make an empty figure of great width. */
enum { NUMBERS_MAX = 10000000 };

static void add_response(struct response_curve *curve, int32_t number, double sent, double ms)
{
    size_t needed = (size_t)number + 1;
    if (needed > curve->count) {
        size_t larger = needed < curve->count * 2 ? curve->count * 2 : needed;
        curve->points = mem_resize(curve->points, larger * sizeof *curve->points);
        for (size_t i = curve->count; i < larger; i++)
            curve->points[i] = (struct response_point){0};
        curve->count = larger;
    }
    struct response_point *p = &curve->points[number];
    p->ms_min = p->count == 0 || ms < p->ms_min ? ms : p->ms_min;
    p->ms_max = p->count == 0 || ms > p->ms_max ? ms : p->ms_max;
    p->ms_sum += ms;
    p->ms_squares += ms * ms;
    p->sent_sum += sent;
    p->count++;
}

void response_curve_add(struct response_curve *curve, const struct run_record *record)
{
    for (size_t i = 0; i < record->mud_count; i++)
        for (size_t k = 0; k < record->muds[i].request_count; k++) {
            const struct run_request *q = &record->muds[i].requests[k];
            if (q->number >= 0 && q->number < NUMBERS_MAX)
                add_response(curve, q->number, simtime_seconds(q->sent),
                             simtime_to_ms(simtime_sub(q->answered, q->sent)));
        }
}

int response_curve_read(const char *folder, int repetitions, struct response_curve *curve,
                        struct run_record *first, struct err *e)
{
    int status = 0;
    for (int i = 0; i < (repetitions ? repetitions : 1) && status == 0; i++) {
        struct run_record record = RUN_RECORD_INIT;
        autofree char *one = repetitions ? mem_printf("%s/rep-%d", folder, i + 1) : mem_copy_string(folder);
        status = run_record_read(one, &record, e);
        response_curve_add(curve, &record);
        if (i == 0 && first)
            *first = record;
        else
            run_record_free(&record);
    }
    return status;
}

void response_curve_free(struct response_curve *curve)
{
    free(curve->points);
    *curve = (struct response_curve)RESPONSE_CURVE_INIT;
}

struct response_difference response_curve_compare(const struct response_curve *a,
                                                  const struct response_curve *b)
{
    size_t both = a->count < b->count ? a->count : b->count, count = 0;
    autofree double *distance = mem_alloc_array(both + 1, sizeof *distance);
    autofree double *relative = mem_alloc_array(both + 1, sizeof *relative);
    double sum = 0;
    for (size_t i = 0; i < both; i++) {
        const struct response_point *p = &a->points[i], *q = &b->points[i];
        if (!p->count || !q->count)
            continue;
        double x = p->ms_sum / (double)p->count, y = q->ms_sum / (double)q->count;
        sum += y - x;
        distance[count] = fabs(y - x);
        relative[count++] = x > 0 ? fabs(y - x) / x : 0;
    }
    statistics_sort(distance, count);
    statistics_sort(relative, count);
    return (struct response_difference){.count = count,
                                        .mean = count ? sum / (double)count : NAN,
                                        .p50 = statistics_percentile(distance, count, 0.50),
                                        .p95 = statistics_percentile(distance, count, 0.95),
                                        .max = statistics_percentile(distance, count, 1),
                                        .relative_p50 = statistics_percentile(relative, count, 0.50)};
}
