/* Which part of a job that runs many times at once this process is: read from the environment that MPI launchers and Slurm
 * set. Processes share nothing but files; nobody talks to anybody. */
#ifndef ROAMLAB_RANK_H
#define ROAMLAB_RANK_H

#include "err.h"

#include <stdbool.h>

struct rank {
    int rank, size;       /* rank < size; 0 of 1 when nothing was launched */
    const char *launcher; /* "Open MPI", …, or NULL */
    bool
        one_a_processor; /* mpirun, srun: others run beside it; false: it has the machine, or a Slurm task, to itself */
};

/* Tasks of a Slurm array, and within each the processes of mpirun or srun: rank = task × processes + process. An array with
 * gaps or half a pair of variables is an error (-EINVAL). */
int rank_read(struct rank *rank, struct err *e);

#endif
