/* Real runs for calibrate: what their stages took, and what virtual time says about the same scenarios. */
#ifndef ROAMLAB_CALIBRATE_RUNS_H
#define ROAMLAB_CALIBRATE_RUNS_H

#include "calibration.h"

/* The finished migrations of one result folder, or of all its repetitions. */
struct calibrate_runs {
    struct calibrate_run {
        char *folder, *document; /* of one run; the scenario's text, costs and all */
        json_object *result;
    } * list; /* owned */
    size_t count;
};

/* -EINVAL for a folder without a run's scenario and result, or without a finished migration. calibrate_runs_free() in every case. */
int calibrate_runs_read(const char *folder, struct calibrate_runs *runs, struct err *e);
void calibrate_runs_free(struct calibrate_runs *runs);

/* Adds the stages of all finished migrations. */
int calibrate_runs_fit(const struct calibrate_runs *runs, struct calibration *calibration, struct err *e);

/* Predicted beside measured, for the first migration of the runs, which are repetitions of one scenario: medians. */
struct calibrate_prediction {
    char *what; /* owned: strategy, carrier, sizes, link */
    size_t runs;
    double measured_s, predicted_s;
    char *most_off; /* owned: the stage that is farthest off, and by how much */
};
/* `costs`: path of the file of costs, in place of what the scenario says of them; NULL = the defaults. */
int calibrate_runs_predict(const struct calibrate_runs *runs, const char *costs,
                           struct calibrate_prediction *p, struct err *e);
void calibrate_prediction_free(struct calibrate_prediction *p);

#endif
