/* The few statistics that results use. NAN says "there is nothing to tell". */
#ifndef ROAMLAB_STATISTICS_H
#define ROAMLAB_STATISTICS_H

#include <stddef.h>

double statistics_mean(const double *values, size_t count); /* NAN of none */
/* Half the width of the 95 % confidence interval of the mean, by Student's t; NAN of fewer than two
 * values. */
double statistics_ci95(const double *values, size_t count);
/* The same from the sums of the values and of their squares. */
double statistics_ci95_of_sums(size_t count, double sum, double squares);
/* The two-sided 97.5 % quantile of Student's t with so many degrees of freedom. */
double statistics_student_t(size_t freedom);
void statistics_sort(double *values, size_t count);
/* The smallest value that at least `share` of all do not exceed (nearest rank: always one that was
 * measured). */
double statistics_percentile(const double *sorted, size_t count, double share);

#endif
