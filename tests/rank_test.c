/* Which of many processes this one is, by what starts them: MPI, Slurm, a Slurm array. */
#include "mem.h"
#include "rank.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const rank_variables[] = {
    "OMPI_COMM_WORLD_RANK",
    "OMPI_COMM_WORLD_SIZE",
    "MV2_COMM_WORLD_RANK",
    "MV2_COMM_WORLD_SIZE",
    "PMI_RANK",
    "PMI_SIZE",
    "SLURM_PROCID",
    "SLURM_STEP_NUM_TASKS",
    "SLURM_NTASKS",
    "SLURM_ARRAY_TASK_ID",
    "SLURM_ARRAY_TASK_MIN",
    "SLURM_ARRAY_TASK_MAX",
    "SLURM_ARRAY_TASK_STEP",
    "SLURM_ARRAY_TASK_COUNT",
};

static const struct {
    const char *environment;
    int rank, size; /* size 0 = refused */
} ranks[] = {
    {"", 0, 1},
    {"OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=4", 1, 4},
    {"PMI_RANK=2 PMI_SIZE=3", 2, 3},
    {"SLURM_PROCID=5 SLURM_STEP_NUM_TASKS=8", 5, 8},
    {"SLURM_PROCID=0 SLURM_NTASKS=8", 0, 1}, /* a batch script, of which there is one */
    {"OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=4 SLURM_PROCID=0 SLURM_STEP_NUM_TASKS=2", 1, 4},
    {"SLURM_ARRAY_TASK_ID=3 SLURM_ARRAY_TASK_MIN=0 SLURM_ARRAY_TASK_MAX=9 SLURM_ARRAY_TASK_COUNT=10", 3, 10},
    {"SLURM_ARRAY_TASK_ID=5 SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_MAX=9 SLURM_ARRAY_TASK_STEP=4 "
     "SLURM_ARRAY_TASK_COUNT=3",
     1, 3},
    {"SLURM_ARRAY_TASK_ID=5", 0, 1},
    {"SLURM_ARRAY_TASK_ID=2 SLURM_ARRAY_TASK_MIN=0 SLURM_ARRAY_TASK_MAX=3 SLURM_PROCID=1 SLURM_STEP_NUM_TASKS=4",
     9, 16},
    {"SLURM_ARRAY_TASK_ID=3 SLURM_ARRAY_TASK_MIN=0 SLURM_ARRAY_TASK_MAX=7 SLURM_ARRAY_TASK_COUNT=3", 0, 0},
    {"OMPI_COMM_WORLD_RANK=4 OMPI_COMM_WORLD_SIZE=4", 0, 0},
    {"PMI_RANK=x PMI_SIZE=4", 0, 0},
    {"PMI_RANK=-1 PMI_SIZE=4", 0, 0},
};

static void test_rank_from_environment(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ranks); i++) {
        struct rank rank;
        struct err e = ERR_INIT;
        autofree char *environment = mem_copy_string(ranks[i].environment);
        for (size_t k = 0; k < ARRAY_LEN(rank_variables); k++)
            unsetenv(rank_variables[k]);
        for (char *rest, *pair = strtok_r(environment, " ", &rest); pair; pair = strtok_r(NULL, " ", &rest)) {
            *strchr(pair, '=') = '\0';
            setenv(pair, pair + strlen(pair) + 1, 1);
        }
        assert_int_equal(rank_read(&rank, &e), ranks[i].size ? 0 : -EINVAL);
        if (ranks[i].size && (rank.rank != ranks[i].rank || rank.size != ranks[i].size))
            fail_msg("%s: %d of %d", ranks[i].environment, rank.rank, rank.size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rank_from_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
