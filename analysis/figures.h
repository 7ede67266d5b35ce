/* Figures of results, drawn by gnuplot: for each, NAME.dat and NAME.gp (which can be edited and run again in
 * its folder) and NAME.svg and NAME.png. The same result gives the same bytes.
 *
 *   response-time     response time per request number; mean, minimum and maximum over repetitions, devices
 *   stages[-K]        bars of the K-th migration's stages, means over the repetitions
 *   whereabouts       which edge server has whose container when, with handoffs, outages and migrations; of several
 *                     devices, the first 40
 *   cpu               what programs used of the CPUs around the first transfer of a real run
 *   migration-time    migration time of several results side by side
 *   response-overlay  response times of several results over the run's time, with the link changes of the first
 *
 * Without gnuplot the .dat and .gp files are written, and the error is -ENOENT with the package's name as
 * hint. */
#ifndef ROAMLAB_FIGURES_H
#define ROAMLAB_FIGURES_H

#include "err.h"

/* Draws response-time, stages, whereabouts and cpu of the result in FOLDER into FOLDER/figures. */
int figures_of_result(const char *folder, struct err *e);
/* Draws response-overlay and migration-time of `count` results into OUT, which is created. */
int figures_of_comparison(const char *const *folders, int count, const char *out, struct err *e);

#endif
