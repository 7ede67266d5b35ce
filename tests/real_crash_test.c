/* Real runs that are interrupted in every phase, or lose their controller, an agent or a dockerd: the exit status, the words, and what is
 * left, which is nothing. */
#include "real_fixture.h"

#include <sqlite3.h>

/* Nobody moves, for a second. */
#define STILL "--set", "muds.m1.visits=[{\"ap\": \"ap1\", \"at_s\": 0}]", "--set", "duration_s=1", QUICK
#define ARGUMENTS(...) ((const char *const[]){"--world", "real", __VA_ARGS__, NULL})

static void assert_repository_whole(const struct fixture_run *run)
{
    autofree char *path = mem_printf("%s/events.db", run->folder);
    sqlite3 *db;
    sqlite3_stmt *check;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &check, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(check), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(check, 0), "ok");
    sqlite3_finalize(check);
    sqlite3_close(db);
}

/* --- interrupted --------------------------------------------------------------------------------------------- */

static const struct {
    const char *phase, *said, *logged;
    int signal, delay_ms;
} interruptions[] = {
    {"checking", NULL, NULL, SIGINT, 200},
    {"building", "preparing the service's image", NULL, SIGINT, 300},
    {"preparing", "starting 4 hosts", NULL, SIGINT, 500},
    {"connecting", "connecting", NULL, SIGINT, 100},
    {"playing", "playing", "SVCR", SIGTERM, 0},
    {"migrating", "playing", "migr begins", SIGINT, 300},
    {"ending", "taking the testbed down", NULL, SIGINT, 0},
};

static void each_phase_can_be_interrupted(void **state)
{
    (void)state;
    NEED_REAL_WORLD();
    for (size_t i = 0; i < ARRAY_LEN(interruptions); i++) {
        struct fixture_run run;
        autofree char *before = fixture_machine();
        bool still = !strcmp(interruptions[i].phase, "ending");
        fixture_start(&run, interruptions[i].phase, still ? ARGUMENTS(STILL) : ARGUMENTS(SHORT));
        if (interruptions[i].said)
            fixture_until_said(&run, interruptions[i].said);
        if (interruptions[i].logged)
            fixture_until_logged(&run, interruptions[i].logged);
        usleep((useconds_t)interruptions[i].delay_ms * 1000);
        kill(-run.pid, interruptions[i].signal);
        double asked = fixture_seconds();
        assert_exit(&run, 20, 128 + interruptions[i].signal);
        printf("%s: %.1f s until the end\n", interruptions[i].phase, fixture_seconds() - asked);
        assert_non_null(strstr(buf_text(&run.said), "interrupted"));
        if (access(run.folder, F_OK) == 0)
            assert_repository_whole(&run);
        assert_machine_as(before);
        fixture_run_free(&run);
    }
}

/* --- the controller is killed ------------------------------------------------------------------------------ */

/* What is not roamlab's, in the places where it works. */
struct foreign {
    char *name, *before; /* the machine with it, before any run */
};

static void make_foreign(struct foreign *f)
{
    f->name = mem_printf("foreign%d", getpid());
    free(shell("ip netns add %s && iptables -A INPUT -s 198.19.255.254 -m comment --comment %s -j ACCEPT &&"
               " mkdir -p /var/lib/roamlab/runs/Foreign.%s && touch /var/lib/roamlab/runs/Foreign.%s/file",
               f->name, f->name, f->name, f->name));
    f->before = fixture_machine();
}

static void remove_foreign(struct foreign *f)
{
    free(shell("rm /var/lib/roamlab/runs/Foreign.%s/file && rmdir /var/lib/roamlab/runs/Foreign.%s;"
               " iptables -D INPUT -s 198.19.255.254 -m comment --comment %s -j ACCEPT; ip netns del %s",
               f->name, f->name, f->name, f->name));
    free(f->name);
    free(f->before);
}

/* True once no program of a run is left that was not there before. */
static bool agents_roll_back(const char *processes_before, double seconds)
{
    for (double end = fixture_seconds() + seconds; fixture_seconds() < end; usleep(200000)) {
        autofree char *now = fixture_processes();
        if (!strcmp(now, processes_before))
            return true;
    }
    autofree char *now = fixture_processes();
    print_error("before:\n%s\nnow:\n%s\n", processes_before, now);
    return false;
}

static void assert_clean_says(const char *arguments, const char *expected)
{
    autofree char *said = shell("%s clean %s 2>&1; echo exit $?", fixture_program, arguments);
    if (!strstr(said, expected))
        fail_msg("clean %s: %s instead of %s", arguments, said, expected);
}

static const struct {
    const char *name, *said, *logged;
    int delay_ms;
    bool wait; /* for the agents to roll back, before the cleaning */
} killings[] = {
    {"killed-building", "preparing the service's image", NULL, 400, true},
    {"killed-preparing", "starting 4 hosts", NULL, 700, false},
    {"killed-playing", "playing", "SVCR", 0, true},
    {"killed-migrating", "playing", "migr begins", 1000, false},
};

static void kill_and_clean(const struct foreign *f, size_t row)
{
    struct fixture_run run;
    autofree char *processes = fixture_processes();
    fixture_start(&run, killings[row].name, ARGUMENTS(SHORT));
    fixture_until_said(&run, killings[row].said);
    if (killings[row].logged)
        fixture_until_logged(&run, killings[row].logged);
    usleep((useconds_t)killings[row].delay_ms * 1000);
    autofree char *name = fixture_run_name(&run);
    if (name)
        assert_clean_says(name, "is alive"); /* and is left alone */
    kill(run.pid, SIGKILL);
    assert_exit(&run, 5, 128 + SIGKILL);
    if (killings[row].wait && !agents_roll_back(processes, 30))
        fail_msg("%s: the agents have left processes", killings[row].name);
    assert_clean_says("", "exit 0\n");
    if (name)
        assert_clean_says(name, "exit 2\n");
    assert_machine_as(f->before);
    if (access(run.folder, F_OK) == 0)
        assert_repository_whole(&run);
    fixture_run_free(&run);
}

static void a_killed_controller_is_cleaned_up_after(void **state)
{
    (void)state;
    NEED_REAL_WORLD();
    struct foreign foreign;
    make_foreign(&foreign);
    for (size_t i = 0; i < ARRAY_LEN(killings); i++)
        kill_and_clean(&foreign, i);
    remove_foreign(&foreign);
}

/* --- an agent, a dockerd is killed ------------------------------------------------------------------------- */

enum victim { AGENT, DOCKERD, CONTAINERD };

static const struct {
    const char *name;
    enum victim victim;
    int index;
    const char *said, *logged, *blamed, *kept; /* kept: in agents.log */
} losses[] = {
    {"agent-preparing", AGENT, 0, "starting 4 hosts", NULL, "host pc1: its agent ended unexpectedly", NULL},
    {"agent-playing", AGENT, 1, "playing", "SVCR", "host pc2: its agent ended unexpectedly", NULL},
    {"agent-migrating", AGENT, 0, "playing", "migr begins", "host pc1: its agent ended unexpectedly", NULL},
    {"dockerd-playing", DOCKERD, 0, "playing", "SVCR", "pc1: dockerd was ended by signal 9",
     "dockerd.log:\n"},
    {"containerd-playing", CONTAINERD, 1, "playing", "SVCR", "pc2: containerd was ended by signal 9",
     "containerd.log:\n"},
};

static pid_t find_victim(const struct fixture_run *run, enum victim victim, int host)
{
    return victim == AGENT ? fixture_agent(run, host)
                           : fixture_engine(run, victim == DOCKERD ? "dockerd" : "containerd", host);
}

static void assert_kept(struct fixture_run *run, const char *text)
{
    autofree char *log = folder_read(run->folder, "agents.log");
    if (!strstr(buf_text(&run->said), "agents.log") || !log || !strstr(log, text))
        fail_msg("agents.log: %s", log ? log : "absent");
}

static void a_lost_part_ends_the_run(void **state)
{
    (void)state;
    NEED_REAL_WORLD();
    for (size_t i = 0; i < ARRAY_LEN(losses); i++) {
        struct fixture_run run;
        autofree char *before = fixture_machine();
        fixture_start(&run, losses[i].name, ARGUMENTS(SHORT));
        fixture_until_said(&run, losses[i].said);
        if (losses[i].logged)
            fixture_until_logged(&run, losses[i].logged);
        usleep(300000);
        pid_t pid = find_victim(&run, losses[i].victim, losses[i].index);
        assert_true(pid > 1);
        kill(pid, SIGKILL);
        assert_exit(&run, 30, 4);
        if (!strstr(buf_text(&run.said), losses[i].blamed))
            fail_msg("%s: %s", losses[i].name, buf_text(&run.said));
        if (losses[i].kept)
            assert_kept(&run, losses[i].kept);
        assert_repository_whole(&run);
        assert_machine_as(before);
        fixture_run_free(&run);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_phase_can_be_interrupted),
        cmocka_unit_test(a_killed_controller_is_cleaned_up_after),
        cmocka_unit_test(a_lost_part_ends_the_run),
    };
    return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
