#include "rank.h"

#include "mem.h"

#include <errno.h>
#include <stdlib.h>

enum { SIZE_MAX_RANKS = 10000000 };

/* The first pair that is set counts: a launcher may itself run below Slurm's. Slurm's own variables are those of a step
 * (srun), which a batch script does not have. */
static const struct {
    const char *launcher, *rank, *size;
} launchers[] = {
    {"Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
    {"MVAPICH", "MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE"},
    {"MPI", "PMI_RANK", "PMI_SIZE"},
    {"Slurm", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS"},
};

static int read_number(const char *name, int preset, int *number, struct err *e)
{
    const char *text = getenv(name);
    char *end;
    long value = text ? strtol(text, &end, 10) : preset;
    if (text && (*text < '0' || *text > '9' || *end || value > SIZE_MAX_RANKS))
        return err_set(e, EINVAL, "environment: %s=%s is not a number", name, text);
    *number = (int)value;
    return 0;
}

static int read_launcher(struct rank *r, struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(launchers); i++) {
        const char *rank = launchers[i].rank, *size = launchers[i].size;
        if (!getenv(rank) || !getenv(size))
            continue;
        r->launcher = launchers[i].launcher;
        r->one_a_processor = true;
        if (read_number(rank, 0, &r->rank, e) < 0 || read_number(size, 1, &r->size, e) < 0)
            return -EINVAL;
        return r->rank < r->size ? 0
                                 : err_set(e, EINVAL, "environment: %s=%d is not below %s=%d", rank, r->rank,
                                           size, r->size);
    }
    return 0;
}

static int read_array(struct rank *r, struct err *e)
{
    int id, min, max, count, step;
    if (!getenv("SLURM_ARRAY_TASK_ID"))
        return 0;
    if (read_number("SLURM_ARRAY_TASK_ID", 0, &id, e) < 0 ||
        read_number("SLURM_ARRAY_TASK_MIN", id, &min, e) < 0 ||
        read_number("SLURM_ARRAY_TASK_MAX", id, &max, e) < 0 ||
        read_number("SLURM_ARRAY_TASK_STEP", 1, &step, e) < 0)
        return -EINVAL;
    if (step < 1 || read_number("SLURM_ARRAY_TASK_COUNT", (max - min) / step + 1, &count, e) < 0 ||
        id < min || id > max || (max - min) / step + 1 != count) {
        err_set(e, EINVAL, "Slurm's array has gaps");
        return err_hint(e, "use --array=0-N; a lost task alone is good too: --array=5");
    }
    r->rank += (id - min) / step * r->size;
    r->size *= count;
    if (!r->launcher)
        r->launcher = "Slurm's array";
    return 0;
}

int rank_read(struct rank *r, struct err *e)
{
    *r = (struct rank){.size = 1};
    int status = read_launcher(r, e);
    return status < 0 ? status : read_array(r, e);
}
