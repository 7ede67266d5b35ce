/* `roamlab sweep` as its users start it: by one process, by several, by mpirun, as tasks of a Slurm array, interrupted and begun
 * again. However the runs were made, table and figures have the same bytes. Runs from the project's root, with ./roamlab. */
#include "folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <time.h>

/* Four points of three seeds; chance has its say by the jitter. */
enum { RUNS = 12 };
#define GRID                                                                                                 \
    "sweep --vary links.0.rtt_ms=20,60 --vary migration.strategy=p-migr,c-migr --seeds 3 "                   \
    "--set links.0.jitter_ms=5 --set 'expect=[{\"metric\":\"requests.lost\",\"max\":0}]' "                   \
    "--metric migration_s.mean --metric response_ms.mean scenarios/kim22-quick.json "
#define ARRAY "SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_MAX=2 SLURM_ARRAY_TASK_COUNT=2 SLURM_ARRAY_TASK_ID="
#define MPIRUN "mpirun -n 2 --allow-run-as-root --oversubscribe "

static const char *const same[] = {
    "sweep.json",
    "table.csv",
    "table.json",
    "stages.csv",
    "figures/stages.dat",
    "figures/stages.gp",
    "figures/migration_s.mean.dat",
    "figures/migration_s.mean.gp",
    "figures/response_ms.mean.dat",
    "figures/response_ms.mean.gp",
};

/* Exit status of PREFIX ./roamlab ARGUMENTS SUFFIX; what it says is in FOLDER/log. */
static int command(const char *folder, const char *prefix, const char *arguments, const char *suffix)
{
    autofree char *line =
        mem_printf("%s ./roamlab %s %s >%s/log 2>&1 </dev/null", prefix, arguments, suffix, folder);
    int status = system(line);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void expect_said(const char *folder, const char *words)
{
    autofree char *log = folder_read(folder, "log");
    if (!strstr(log, words))
        fail_msg("\"%s\" is not in what was said: %s", words, log);
}

static void good_sweep(const char *folder, const char *prefix, const char *options, const char *into)
{
    autofree char *suffix = mem_printf("%s -o %s/%s", options, folder, into);
    if (command(folder, prefix, GRID, suffix) == 0)
        return;
    autofree char *log = folder_read(folder, "log");
    fail_msg("%s … %s: %s", prefix, suffix, log);
}

static void expect_same(const char *folder, const char *one, const char *other)
{
    autofree char *a = mem_printf("%s/%s", folder, one), *b = mem_printf("%s/%s", folder, other);
    for (size_t i = 0; i < ARRAY_LEN(same); i++) {
        autofree char *expected = folder_read(a, same[i]), *found = folder_read(b, same[i]);
        assert_non_null(expected);
        assert_non_null(found);
        assert_string_equal(found, expected);
    }
}

/* --- however they are run ------------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *prefix, *options;
    const char *then; /* a second command, or NULL */
} ways[] = {
    {"two processes", "", "--jobs 2", NULL},
    {"more processes than runs", "", "--jobs 50", NULL},
    {"array", ARRAY "1", "", ARRAY "2"},
    {"lost rank", "OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=3", "", ""},
    {"all there already", "", "", ""},
};

static void test_same_bytes_however_they_are_run(void **state)
{
    good_sweep(*state, "", "--jobs 1", "reference");
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        autofree char *into = mem_printf("way-%zu", i);
        good_sweep(*state, ways[i].prefix, ways[i].options, into);
        if (ways[i].then)
            good_sweep(*state, ways[i].then, ways[i].options, into);
        expect_same(*state, "reference", into);
    }
}

static void test_same_bytes_by_mpirun(void **state)
{
    if (system(MPIRUN "true >/dev/null 2>&1") != 0) {
        puts("skip: mpirun does not run here (package openmpi-bin)");
        skip();
    }
    good_sweep(*state, "", "--jobs 1", "reference");
    good_sweep(*state, MPIRUN, "", "mpi");
    expect_same(*state, "reference", "mpi");
    good_sweep(*state, MPIRUN, "", "mpi");
    expect_same(*state, "reference", "mpi");
}

static void test_repetitions_of_a_run_too(void **state)
{
    static const char repeat[] =
        "run --quiet --repeat 4 --set links.0.jitter_ms=5 scenarios/kim22-quick.json";
    autofree char *one = mem_printf("-o %s/one", (char *)*state),
                  *some = mem_printf("--jobs 3 -o %s/some", (char *)*state);
    autofree char *compare = mem_printf("diff -r %s/one %s/some", (char *)*state, (char *)*state);
    assert_int_equal(command(*state, "", repeat, one), 0);
    assert_int_equal(command(*state, "", repeat, some), 0);
    assert_int_equal(system(compare), 0);
}

/* What the command line leaves open is the scenario's; another sweep key does not make the runs others. */
static void test_the_scenario_may_say_what_to_sweep(void **state)
{
    autofree char *text = folder_read("scenarios", "kim22-quick.json");
    autofree char *own = mem_printf("{\"sweep\": {\"vary\": [\"links.0.rtt_ms=20,60\"], "
                                    "\"metrics\": [\"requests.sent\"]},%s",
                                    strchr(text, '{') + 1);
    autofree char *mine =
        mem_printf("sweep --quiet --set repeat=2 -o %s/x %s/own.json", (char *)*state, (char *)*state);
    folder_write(*state, "own.json", own);
    assert_int_equal(command(*state, "", mine, ""), 0);
    autofree char *table = folder_read(*state, "x/table.csv");
    assert_non_null(strstr(table, "point,links.0.rtt_ms,runs,bad_runs,requests.sent n,"));
    assert_non_null(strstr(table, "\n1,60,2,0,2,"));
    assert_int_equal(command(*state, "", mine, "--set 'sweep.metrics=[\"requests.lost\"]'"), 2);
    assert_int_equal(command(*state, "", mine, "--metric requests.lost"), 0);
    assert_int_equal(command(*state, "", mine, "--vary links.0.rtt_ms=20"), 2);
    expect_said(*state, "other values of --vary");
}

/* What is found again belongs to the sweep by its hash, which covers the tracks. */
static void test_tracks_are_swept_too(void **state)
{
    autofree char *copy = mem_printf("cp scenarios/tunnel.* %s", (char *)*state),
                  *sweep = mem_printf("sweep --vary migration.strategy=p-migr,cold -o %s/x %s/tunnel.json",
                                      (char *)*state, (char *)*state);
    assert_int_equal(system(copy), 0);
    assert_int_equal(command(*state, "", sweep, ""), 0);
    expect_said(*state, "2 points, 2 runs");
    assert_int_equal(command(*state, "", sweep, ""), 0);
    folder_write(*state, "tunnel.csv", "t,id,x,y\n0,tram,0,0\n");
    assert_int_equal(command(*state, "", sweep, ""), 2);
    expect_said(*state, "as it was before a change");
}

/* --- begun again ----------------------------------------------------------------------------------------------------- */

static int count_files(const char *folder)
{
    DIR *list = opendir(folder);
    int count = 0;
    for (struct dirent *entry; list && (entry = readdir(list));)
        count += entry->d_name[0] != '.' && !strstr(entry->d_name, ".tmp");
    if (list)
        closedir(list);
    return count;
}

/* Ends a sweep by the signal when its first result is there; its exit status, or -1 for a violent end. False if it was over before. */
static bool cut_short(const char *folder, const char *into, int signal, int *status)
{
    autofree char *line =
        mem_printf("exec ./roamlab " GRID " --jobs 2 -o %s/%s >%s/log 2>&1", folder, into, folder);
    autofree char *runs = mem_printf("%s/%s/runs", folder, into);
    pid_t pid = fork();
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", line, NULL);
        _exit(127);
    }
    for (siginfo_t ended = {0}; count_files(runs) == 0 && !ended.si_pid;) {
        waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOHANG | WNOWAIT);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    kill(pid, signal);
    waitpid(pid, status, 0);
    assert_true(count_files(runs) > 0);
    *status = WIFEXITED(*status) ? WEXITSTATUS(*status) : -1;
    return count_files(runs) < RUNS;
}

static const struct {
    int signal, status;
} ends[] = {{SIGINT, 130}, {SIGTERM, 143}, {SIGKILL, -1}};

static void test_finished_runs_are_kept_and_the_others_done(void **state)
{
    autofree char *scratch = mem_printf("%s/scratch", (char *)*state);
    good_sweep(*state, "", "--jobs 1", "reference");
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        autofree char *into = mem_printf("cut-%d", ends[i].signal), *table = mem_printf("%s/table.csv", into);
        autofree char *make = mem_printf("rm -rf %s %s/%s; mkdir %s", scratch, (char *)*state, into, scratch);
        int status;
        setenv("TMPDIR", scratch, 1);
        do
            assert_int_equal(system(make), 0);
        while (!cut_short(*state, into, ends[i].signal, &status));
        unsetenv("TMPDIR");
        assert_int_equal(status, ends[i].status);
        if (status > 0)
            assert_int_equal(count_files(scratch), 0);
        assert_null(folder_read(*state, table));
        good_sweep(*state, "", "", into);
        expect_same(*state, "reference", into);
    }
}

static void test_a_damaged_result_is_made_again(void **state)
{
    good_sweep(*state, "", "--jobs 1", "reference");
    good_sweep(*state, "", "--jobs 1", "damaged");
    folder_write(*state, "damaged/runs/00002-seed-2.json", "{\"seed\": 2");
    good_sweep(*state, "", "--jobs 1", "damaged");
    expect_same(*state, "reference", "damaged");
}

/* 3 is the want of gnuplot: data and scripts are there all the same. */
static void test_plot_draws_it_anew(void **state)
{
    autofree char *plot = mem_printf("plot %s/drawn", (char *)*state);
    autofree char *drop = mem_printf("rm -r %s/drawn/figures", (char *)*state);
    good_sweep(*state, "", "", "reference");
    good_sweep(*state, "", "", "drawn");
    assert_int_equal(system(drop), 0);
    int status = command(*state, "", plot, "");
    assert_true(status == 0 || status == 3);
    expect_same(*state, "reference", "drawn");
}

/* --- what is refused ---------------------------------------------------------------------------------------------------- */

#define QUICK " scenarios/kim22-quick.json"

static const struct {
    const char *arguments, *said;
} refused[] = {
    {"--vary links.0.rate_mbit=80,0" QUICK,
     "point 1 (links.0.rate_mbit=0): scenarios/kim22-quick.json: links.0.rate_mbit: is 0, must be"},
    {"--vary links.0.rate=80" QUICK, "links.0.rate: there is no such key"},
    {"--vary seed=1,2" QUICK, "--vary seed=1,2: is no axis: every point has the same seeds (sweep --seed N"},
    {"--vary links.0.rate_mbit" QUICK, "--vary links.0.rate_mbit: is not an axis"},
    {"--metric response_ms.men" QUICK, "there is no metric: response_ms.men"},
    {"--seeds 0" QUICK, "--seeds wants a number"},
    {"--world real --jobs 2" QUICK, "one at a time"},
    {"--set x" QUICK, "--set wants PATH=VALUE"},
    {"", "no scenario given"},
    {"nowhere.json", "nowhere.json"},
};

static void test_bad_input_creates_nothing(void **state)
{
    autofree char *made = mem_printf("%s/x", (char *)*state), *suffix = mem_printf("-o %s", made);
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        autofree char *arguments = mem_printf("sweep %s", refused[i].arguments);
        assert_int_equal(command(*state, "", arguments, suffix), 2);
        expect_said(*state, refused[i].said);
        assert_int_equal(access(made, F_OK), -1);
    }
}

/* Files of tracks are as much input as the scenario, also those that only a later point reads. */
static void test_bad_tracks_create_nothing(void **state)
{
    static const struct {
        const char *command, *name, *said;
    } rows[] = {
        {"check %s/tunnel.json", "tunnel.csv", "mobility.line-1: %s/tunnel.csv:3: x: \"x\" is not"},
        {"sweep %s/tunnel.json --vary migration.strategy=p-migr,cold", "tunnel.csv", "%s/tunnel.csv:3: x"},
        {"sweep %s/tunnel.json --vary mobility.line-1.tracks=tunnel.csv,b.csv", "b.csv", "%s/b.csv:3: x"},
    };
    const char *folder = *state;
    autofree char *made = mem_printf("%s/x", folder), *suffix = mem_printf("-o %s", made);
    autofree char *copy = mem_printf("cp scenarios/tunnel.* %s", folder);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        autofree char *line = mem_printf(rows[i].command, folder), *said = mem_printf(rows[i].said, folder);
        assert_int_equal(system(copy), 0);
        folder_write(folder, rows[i].name, "t,id,x,y\n0,tram,0,0\n1,tram,x,0\n");
        assert_int_equal(command(folder, "", line, strncmp(line, "sweep", 5) ? "" : suffix), 2);
        expect_said(folder, said);
        assert_int_equal(access(made, F_OK), -1);
    }
}

static void test_another_sweep_s_folder_is_refused(void **state)
{
    autofree char *suffix = mem_printf("-o %s/x", (char *)*state);
    assert_int_equal(command(*state, "", "sweep --quiet --vary links.0.rtt_ms=20" QUICK, suffix), 0);
    assert_int_equal(command(*state, "", "sweep --quiet --vary links.0.rtt_ms=30" QUICK, suffix), 2);
    expect_said(*state, "holds a sweep with other values of --vary");
    assert_int_equal(
        command(*state, "", "sweep --quiet --vary links.0.rtt_ms=20 scenarios/three-aps.json", suffix), 2);
    expect_said(*state, "holds a sweep with another scenario: kim22-quick");
}

/* --- what does not hold ---------------------------------------------------------------------------------------------- */

static void test_expectations_that_do_not_hold_are_listed(void **state)
{
    autofree char *suffix = mem_printf("-o %s/x", (char *)*state),
                  *merge = mem_printf("--merge %s/x", (char *)*state);
    assert_int_equal(command(*state, "", "sweep --vary migration.strategy=p-migr,none" QUICK, suffix), 1);
    expect_said(*state, "in 1 of 2 runs an expectation or an invariant does not hold");
    expect_said(*state,
                "point 1 (migration.strategy=none), seed 1: migrations.finished is 0, must be at least 1");
    autofree char *drop = mem_printf("rm %s/x/runs/00000-seed-1.json", (char *)*state);
    assert_int_equal(system(drop), 0);
    assert_int_equal(command(*state, "", "sweep", merge), 4);
    expect_said(*state, "1 of 2 runs are missing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_same_bytes_however_they_are_run),
        IN_FOLDER(test_same_bytes_by_mpirun),
        IN_FOLDER(test_repetitions_of_a_run_too),
        IN_FOLDER(test_the_scenario_may_say_what_to_sweep),
        IN_FOLDER(test_tracks_are_swept_too),
        IN_FOLDER(test_finished_runs_are_kept_and_the_others_done),
        IN_FOLDER(test_a_damaged_result_is_made_again),
        IN_FOLDER(test_plot_draws_it_anew),
        IN_FOLDER(test_bad_input_creates_nothing),
        IN_FOLDER(test_bad_tracks_create_nothing),
        IN_FOLDER(test_another_sweep_s_folder_is_refused),
        IN_FOLDER(test_expectations_that_do_not_hold_are_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
