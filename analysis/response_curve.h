/* Response times by request number, over the repetitions and devices of a result: the curve that figures draw and that
 * two results are compared by. */
#ifndef ROAMLAB_RESPONSE_CURVE_H
#define ROAMLAB_RESPONSE_CURVE_H

#include "run_record.h"

struct response_point {
    double ms_sum, ms_squares, ms_min, ms_max;
    double sent_sum; /* seconds */
    int64_t count;   /* 0: no such request */
};

struct response_curve {
    struct response_point *points; /* owned; by request number */
    size_t count;
};

#define RESPONSE_CURVE_INIT {0}

void response_curve_add(struct response_curve *curve, const struct run_record *record);
/* Every repetition of the result in FOLDER (0 = a single run). *first, if not NULL, gets the record of the first one;
 * run_record_free() it, also after an error. */
int response_curve_read(const char *folder, int repetitions, struct response_curve *curve,
                        struct run_record *first, struct err *e);
void response_curve_free(struct response_curve *curve);

/* How far the second curve lies from the first, request by request, in milliseconds. */
struct response_difference {
    size_t count;         /* requests that both have; 0: the rest is NAN */
    double mean;          /* signed: above 0, the second is slower */
    double p50, p95, max; /* of the distances */
    double relative_p50;  /* median of distance / the first's response time */
};
struct response_difference response_curve_compare(const struct response_curve *a,
                                                  const struct response_curve *b);

#endif
