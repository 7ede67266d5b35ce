#include "statistics.h"
#include "mem.h"

#include <math.h>
#include <stdlib.h>

double statistics_mean(const double *values, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += values[i];
    return count ? sum / (double)count : NAN;
}

double statistics_student_t(size_t freedom)
{
    static const double table[] = {12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060,
                                   2.2622,  2.2281, 2.2010, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199,
                                   2.1098,  2.1009, 2.0930, 2.0860, 2.0796, 2.0739, 2.0687, 2.0639,
                                   2.0595,  2.0555, 2.0518, 2.0484, 2.0452, 2.0423};
    if (freedom == 0)
        return NAN;
    if (freedom <= ARRAY_LEN(table))
        return table[freedom - 1];
    /* Cornish–Fisher expansion around the normal quantile (Abramowitz and Stegun 26.7.5). */
    double z = 1.959964, n = (double)freedom, z3 = z * z * z, z5 = z3 * z * z;
    return z + (z3 + z) / (4 * n) + (5 * z5 + 16 * z3 + 3 * z) / (96 * n * n);
}

/* `squares`: of the distances from the mean, summed. */
static double half_width(size_t count, double squares)
{
    if (count < 2)
        return NAN;
    double deviation = sqrt(squares / (double)(count - 1));
    return statistics_student_t(count - 1) * deviation / sqrt((double)count);
}

double statistics_ci95(const double *values, size_t count)
{
    double mean = statistics_mean(values, count), squares = 0;
    for (size_t i = 0; i < count; i++)
        squares += (values[i] - mean) * (values[i] - mean);
    return half_width(count, squares);
}

double statistics_ci95_of_sums(size_t count, double sum, double squares)
{
    double distances = squares - sum * sum / (double)count;
    return half_width(count, distances > 0 ? distances : 0); /* alike values may differ by rounding */
}

static int ascending(const void *a_, const void *b_)
{
    double a = *(const double *)a_, b = *(const double *)b_;
    return (a > b) - (a < b);
}

void statistics_sort(double *values, size_t count)
{
    if (count)
        qsort(values, count, sizeof *values, ascending);
}

double statistics_percentile(const double *sorted, size_t count, double share)
{
    if (count == 0)
        return NAN;
    double rank = ceil(share * (double)count);
    size_t index = rank < 1 ? 0 : (size_t)rank - 1;
    return sorted[index < count ? index : count - 1];
}
