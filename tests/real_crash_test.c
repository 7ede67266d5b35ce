/* Real runs that are interrupted in every phase, or lose their controller, an agent or a dockerd: the exit status, the words, and what is
 * left, which is nothing. */
#include "database.h"
#include "real_fixture.h"

#define ARGUMENTS(...)                                                                                       \
    {                                                                                                        \
        "--world", "real", __VA_ARGS__, NULL                                                                 \
    }

/* Not over before it is struck. */
static const char *const long_run[] = ARGUMENTS("--set", "duration_s=100", "--set", "muds.m1.visits.1.at_request=10", QUICK);
/* Nobody moves, for a second. */
static const char *const still_run[] =
    ARGUMENTS("--set", "muds.m1.visits=[{\"ap\": \"ap1\", \"at_s\": 0}]", "--set", "duration_s=1", QUICK);
/* An image that no cache holds, and that takes long. */
static const char *const large_run[] = ARGUMENTS("--set", "service.base_mb=1801", QUICK);

static void assert_repository_whole(const struct fixture_run *run)
{
    sqlite3 *db = database_open(run->folder);
    database_assert_whole(db);
    sqlite3_close(db);
}

/* --- interrupted --------------------------------------------------------------------------------------------- */

static const struct {
    const char *phase, *const *arguments, *said, *logged;
    int signal, delay_ms;
    bool last; /* its end may be sooner */
} interruptions[] = {
    {"checking", long_run, NULL, NULL, SIGINT, 200, false},
    {"making the image", large_run, "preparing the service's image", NULL, SIGINT, 300, false},
    {"building", long_run, "preparing the service's image", NULL, SIGINT, 300, false},
    {"preparing", long_run, "starting 4 hosts", NULL, SIGINT, 500, false},
    {"connecting", long_run, "connecting", NULL, SIGINT, 100, false},
    {"playing", long_run, "playing", "SVCR", SIGTERM, 0, false},
    {"migrating", long_run, "playing", "migr begins", SIGINT, 300, false},
    {"ending", still_run, "taking the testbed down", NULL, SIGINT, 0, true},
};

/* Before that a signal would end it without a word. */
static void until_it_heeds_signals(const struct fixture_run *run)
{
    for (bool heeds = false; !heeds && !fixture_ended(run); usleep(5000)) {
        autofree char *lines = shell("grep -c '^SigCgt:.*[2367abef]$' /proc/%d/status; true", run->pid); /* SIGINT is bit 1 */
        heeds = lines[0] == '1';
    }
}

/* A quiet machine is cleaned within 5 s. */
enum { BUSY_S = 10 };

static void each_phase_can_be_interrupted(void **state)
{
    (void)state;
    NEED_REAL_WORLD();
    for (size_t i = 0; i < ARRAY_LEN(interruptions); i++) {
        struct fixture_run run;
        autofree char *before = fixture_machine();
        fixture_start(&run, interruptions[i].phase, interruptions[i].arguments);
        if (interruptions[i].said)
            fixture_until_said(&run, interruptions[i].said);
        if (interruptions[i].logged)
            fixture_until_logged(&run, interruptions[i].logged);
        until_it_heeds_signals(&run);
        usleep((useconds_t)interruptions[i].delay_ms * 1000);
        kill(-run.pid, interruptions[i].signal);
        double asked = fixture_seconds();
        int status = fixture_wait(&run), expected = 128 + interruptions[i].signal;
        double took = fixture_seconds() - asked;
        bool sooner = interruptions[i].last && (status == 0 || status == 1);
        printf("%s: %.1f s until the end%s\n", interruptions[i].phase, took, sooner ? ", which was sooner" : "");
        if (!sooner && (status != expected || !strstr(buf_text(&run.said), "interrupted")))
            fixture_unexpected(&run, status, expected);
        assert_true(took < BUSY_S);
        if (access(run.folder, F_OK) == 0)
            assert_repository_whole(&run);
        assert_machine_as(before);
        fixture_run_free(&run);
    }
}

/* --- the controller is killed ------------------------------------------------------------------------------ */

/* What is not roamlab's, in the places where it works: a namespace with a shaped link, a rule, a folder beside the runs, and what a container is
 * made of (a process in a control group, an overlay mount). */
struct foreign {
    char *name, *before; /* the machine with it, before any run */
    pid_t process;
};

#define MAKE_FOREIGN                                                                                         \
    "set -e; f=%s; ip netns add $f; ip -n $f link add shaped type veth peer name other;"                     \
    "ip netns exec $f tc qdisc add dev shaped root tbf rate 1mbit burst 10k latency 100ms;"                  \
    "iptables -A INPUT -s 198.19.255.254 -m comment --comment $f -j ACCEPT;"                                 \
    "mkdir -p /var/lib/roamlab/runs/Foreign.$f; touch /var/lib/roamlab/runs/Foreign.$f/file;"                \
    "d=/var/lib/roamlab/$f; mkdir -p $d/lower $d/upper $d/work $d/merged;"                                   \
    "mount -t overlay -o lowerdir=$d/lower,upperdir=$d/upper,workdir=$d/work overlay $d/merged;"             \
    "c=/sys/fs/cgroup/freezer; test -d $c || c=/sys/fs/cgroup; mkdir $c/roamlab-$f; echo %d >$c/roamlab-$f/cgroup.procs"
#define REMOVE_FOREIGN                                                                                       \
    "f=%s; umount /var/lib/roamlab/$f/merged; rm -r /var/lib/roamlab/$f /var/lib/roamlab/runs/Foreign.$f;"   \
    "iptables -D INPUT -s 198.19.255.254 -m comment --comment $f -j ACCEPT; ip netns del $f;"                \
    "c=/sys/fs/cgroup/freezer; test -d $c || c=/sys/fs/cgroup; rmdir $c/roamlab-$f"

/* The machine, and what fixture_machine() does not show. */
static char *machine_with(const struct foreign *f)
{
    autofree char *machine = fixture_machine();
    autofree char *more =
        shell("ip netns exec %s tc qdisc; ls -l /var/lib/roamlab/runs/Foreign.%s; cat /proc/%d/cgroup",
              f->name, f->name, f->process);
    return mem_printf("%s%s", machine, more);
}

static int make_foreign(void **state)
{
    struct foreign *f = *state = mem_alloc(sizeof *f);
    f->name = mem_printf("foreign%d", getpid());
    if (!fixture_program)
        return 0;
    f->process = fork();
    if (f->process == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            pause();
    }
    free(shell(MAKE_FOREIGN, f->name, f->process));
    f->before = machine_with(f);
    return 0;
}

static int remove_foreign(void **state)
{
    struct foreign *f = *state;
    if (fixture_program) {
        kill(f->process, SIGKILL);
        waitpid(f->process, NULL, 0);
        free(shell(REMOVE_FOREIGN, f->name));
    }
    free(f->name);
    free(f->before);
    free(f);
    return 0;
}

/* True once no program of a run is left that was not there before. */
static bool agents_roll_back(const char *processes_before)
{
    for (double end = fixture_seconds() + FIXTURE_PATIENCE_S; fixture_seconds() < end; usleep(200000)) {
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
    const char *name, *const *arguments, *said, *logged;
    int delay_ms;
    bool wait; /* for the agents to roll back, before the cleaning */
} killings[] = {
    {"killed-checking", long_run, NULL, NULL, 350, false},
    {"killed-making-the-image", large_run, "preparing the service's image", NULL, 300, false},
    {"killed-building", long_run, "preparing the service's image", NULL, 400, true},
    {"killed-preparing", long_run, "starting 4 hosts", NULL, 700, false},
    {"killed-playing", long_run, "playing", "SVCR", 0, true},
    {"killed-migrating", long_run, "playing", "migr begins", 1000, false},
};

/* Nobody builds what is unfinished in the cache. */
static void assert_cache_is_whole(void)
{
    autofree char *left = shell("cd /var/lib/roamlab/cache && for f in *.tmp; do l=${f%%.tmp}; l=${l%%.tar}.lock;"
                                " [ ! -e \"$l\" ] || flock -n \"$l\" -c \"ls -d $f\" 2>/dev/null; done; true");
    assert_string_equal(left, "");
}

static void kill_and_clean(const struct foreign *f, size_t row)
{
    struct fixture_run run;
    autofree char *processes = fixture_processes();
    fixture_start(&run, killings[row].name, killings[row].arguments);
    if (killings[row].said)
        fixture_until_said(&run, killings[row].said);
    if (killings[row].logged)
        fixture_until_logged(&run, killings[row].logged);
    usleep((useconds_t)killings[row].delay_ms * 1000);
    autofree char *name = fixture_run_name(&run);
    if (name)
        assert_clean_says(name, "is alive"); /* and is left alone */
    kill(run.pid, SIGKILL);
    assert_exit(&run, 128 + SIGKILL);
    bool probes = !name; /* nobody cleans up after them */
    if ((killings[row].wait || probes) && !agents_roll_back(processes))
        fail_msg("%s: the agents have left processes", killings[row].name);
    assert_clean_says("", "exit 0\n");
    if (name)
        assert_clean_says(name, "exit 2\n");
    autofree char *after = machine_with(f);
    assert_cache_is_whole();
    fixture_no_control_groups();
    if (strcmp(f->before, after)) {
        fixture_show_difference(f->before, after);
        fail_msg("%s: something is left, or taken away", killings[row].name);
    }
    if (access(run.folder, F_OK) == 0)
        assert_repository_whole(&run);
    fixture_run_free(&run);
}

static void a_killed_controller_is_cleaned_up_after(void **state)
{
    NEED_REAL_WORLD();
    for (size_t i = 0; i < ARRAY_LEN(killings); i++)
        kill_and_clean(*state, i);
}

/* --- an agent, a dockerd is killed: what is not started again ------------------------------------------------------------------------- */

enum victim { AGENT, DOCKERD, CONTAINERD };

static const struct {
    const char *name;
    enum victim victim;
    int index;
    const char *said, *logged, *blamed, *kept; /* kept: in agents.log */
    bool twice;                                /* the agent that took its place, too */
} losses[] = {
    {"agent-preparing", AGENT, 0, "starting 4 hosts", NULL, "host pc1: its agent ended unexpectedly", NULL, false},
    {"agent-of-device", AGENT, 3, "playing", "SVCR", "host laptop: its agent ended unexpectedly", NULL, false},
    {"agent-migrating", AGENT, 0, "playing", "migr begins", "host pc1: its agent ended unexpectedly", NULL, true},
    {"dockerd-playing", DOCKERD, 0, "playing", "SVCR", "pc1: dockerd was ended by signal 9",
     "dockerd.log:\n", false},
    {"containerd-playing", CONTAINERD, 1, "playing", "SVCR", "pc2: containerd was ended by signal 9",
     "containerd.log:\n", false},
};

static pid_t find_victim(const struct fixture_run *run, enum victim victim, int host)
{
    return victim == AGENT ? fixture_agent(run, host)
                           : fixture_engine(run, victim == DOCKERD ? "dockerd" : "containerd", host);
}

/* The youngest of the agents: whoever dies while the run plays has one. */
static void kill_its_successor(struct fixture_run *run)
{
    enum { HOSTS = 4 };
    bool over = false;
    for (double end = fixture_seconds() + FIXTURE_PATIENCE_S; !over && fixture_seconds() < end; usleep(5000)) {
        over = fixture_ended(run);
        fixture_listen(run);
        if (!strstr(buf_text(&run->said), "it was away for"))
            continue;
        pid_t pid = fixture_agent(run, HOSTS - 1);
        assert_true(pid > 1);
        kill(pid, SIGKILL);
        return;
    }
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
        fixture_start(&run, losses[i].name, long_run);
        fixture_until_said(&run, losses[i].said);
        if (losses[i].logged)
            fixture_until_logged(&run, losses[i].logged);
        usleep(300000);
        pid_t pid = find_victim(&run, losses[i].victim, losses[i].index);
        assert_true(pid > 1);
        kill(pid, SIGKILL);
        if (losses[i].victim == AGENT)
            kill_its_successor(&run);
        assert_exit(&run, 4);
        assert_true(!losses[i].twice || strstr(buf_text(&run.said), "it was away for"));
        if (!strstr(buf_text(&run.said), losses[i].blamed))
            fail_msg("%s: %s", losses[i].name, buf_text(&run.said));
        if (strstr(buf_text(&run.said), "roamlab clean"))
            fail_msg("%s: %s", losses[i].name, buf_text(&run.said));
        if (losses[i].kept)
            assert_kept(&run, losses[i].kept);
        assert_repository_whole(&run);
        assert_machine_as(before);
        fixture_run_free(&run);
    }
}

/* --- the repository is away -------------------------------------------------------------------------------- */

#define FROM_ES1 "FROM event WHERE reporter = 'ES-1'"
#define OUT_OF_ORDER                                                                                                           \
    "SELECT count(*) FROM event a JOIN event b ON b.id = (SELECT min(id) FROM event WHERE id > a.id AND reporter = a.reporter" \
    " AND kind != 'carried') WHERE b.at_ns < a.at_ns"

/* What was executed and not yet said when the agent was killed its successor knows in the lump: no more than a window (16) behind the last that
 * was answered before. */
#define ANSWERED_BEFORE                                                                                                        \
    "(SELECT ifnull(max(number), -100) FROM event WHERE kind = 'request' AND"                                                  \
    " at_ns < (SELECT min(begin_ns) FROM event WHERE text LIKE '%it was away for%'))"
#define ANSWERED_AND_NOT_EXECUTED                                                                                              \
    "SELECT count(*) FROM event WHERE kind = 'request' AND number NOT IN (SELECT number FROM event WHERE kind = 'executed')"   \
    " AND number NOT BETWEEN " ANSWERED_BEFORE " + 1 AND " ANSWERED_BEFORE " + 16"

/* Another program holds the database while the container migrates: the run goes on, its events come later. The same of an agent that is killed
 * meanwhile: what it had written down, more than a pipe holds, comes as well. */
static const struct {
    const char *name;
    bool kill_agent; /* then the migration may fail */
} absences[] = {{"held", false}, {"held-and-killed", true}};

static void start_absence(struct fixture_run *run, size_t i)
{
    autofree char *visit = mem_printf("muds.m1.visits.1.at_s=%zu", 2 + 3 * i), *duration = mem_printf("duration_s=%zu", 7 + 4 * i);
    const char *const arguments[] = {"--world", "real",         "--set", "muds.m1.visits.1={\"ap\": \"ap2\"}",
                                     "--set",   visit,          "--set", "muds.m1.requests_per_s=60",
                                     "--set",   duration,       QUICK,   NULL};
    fixture_start(run, absences[i].name, arguments);
}

static sqlite3 *be_absent(struct fixture_run *run, size_t i)
{
    fixture_until_logged(run, "migr begins");
    sqlite3 *db = database_open(run->folder);
    database_hold(db);
    int64_t known = database_number(db, "SELECT count(*) " FROM_ES1);
    fixture_until_said(run, "events wait at the hosts");
    usleep(1500000);
    if (absences[i].kill_agent)
        kill(fixture_agent(run, 0), SIGKILL);
    assert_int_equal(database_number(db, "SELECT count(*) " FROM_ES1), known);
    database_release(db);
    for (int round = 0; database_number(db, "SELECT count(*) " FROM_ES1) <= known + 5; round++, usleep(20000))
        assert_true(round < 50 * FIXTURE_PATIENCE_S);
    return db;
}

static void assert_all_came(struct fixture_run *run, sqlite3 *db, size_t i)
{
    if (absences[i].kill_agent)
        assert_in_range(fixture_wait(run), 0, 1);
    else
        assert_exit(run, 0);
    assert_int_equal(database_number(db, OUT_OF_ORDER), 0);
    assert_int_equal(database_number(db, ANSWERED_AND_NOT_EXECUTED), 0);
    sqlite3_close(db);
    assert_repository_whole(run);
    json_object *result = fixture_result(run);
    assert_true(fixture_number(result, "/events/received") == fixture_number(result, "/events/reported"));
    json_object_put(result);
}

static void events_wait_while_the_repository_is_away(void **state)
{
    (void)state;
    NEED_REAL_WORLD();
    struct fixture_run runs[ARRAY_LEN(absences)];
    sqlite3 *dbs[ARRAY_LEN(absences)];
    autofree char *before = fixture_machine();
    for (size_t i = 0; i < ARRAY_LEN(absences); i++)
        start_absence(&runs[i], i);
    for (size_t i = 0; i < ARRAY_LEN(absences); i++)
        dbs[i] = be_absent(&runs[i], i);
    for (size_t i = 0; i < ARRAY_LEN(absences); i++) {
        assert_all_came(&runs[i], dbs[i], i);
        fixture_run_free(&runs[i]);
    }
    assert_machine_as(before);
}

int main(int argc, char **argv)
{
    fixture_go_apart(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_phase_can_be_interrupted),
        cmocka_unit_test_setup_teardown(a_killed_controller_is_cleaned_up_after, make_foreign,
                                        remove_foreign),
        cmocka_unit_test(a_lost_part_ends_the_run),
        cmocka_unit_test(events_wait_while_the_repository_is_away),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
