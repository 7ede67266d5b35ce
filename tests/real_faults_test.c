/* Faults strike real migrations: agents die, the target's disk is full, the link is cut. The user is served by exactly one container, or
 * the loss is declared; nothing is answered twice or wrongly; what is left is nothing.
 *
 * REAL_FAULTS=N: besides, N runs each of which loses its controller, an agent, an Engine or a container at a random moment (REAL_FAULTS_SEED=S:
 * others), and the link is cut for 30 s. */
#include "database.h"
#include "real_blows.h"

#include <sys/mount.h>

/* --- what is struck ----------------------------------------------------------------------------------------- */

/* What serves the pages of the container that has left that host. */
static bool kill_page_server(const struct fixture_run *run, int host)
{
    autofree char *name = parts_name(run);
    autofree char *pids = shell(
        "ps -eo pid=,args= | awk '$2 == \"runc\" && /--lazy-pages/ && /\\/runs\\/%s\\/d%d\\// {print $1}'",
        name, host);
    pid_t group = (pid_t)atoi(pids);
    return group > 1 && kill(-group, SIGKILL) == 0;
}

/* The source's and the target's; both or none. */
static bool kill_agents(struct fixture_run *run)
{
    pid_t source = fixture_agent(run, 0), target = fixture_agent(run, 1);
    return source > 1 && target > 1 && kill(source, SIGKILL) == 0 && kill(target, SIGKILL) == 0;
}

/* Programs that are started from now on give the data of the second host's Engine a disk of so many megabytes, before that Engine starts. */
static void give_small_disk(int megabytes)
{
    autofree char *real = shell("command -v containerd"),
                  *programs = mem_printf("%s/programs", fixture_folder);
    autofree char *script = mem_printf(
        "#!/bin/sh\n"
        "root=${2%%/*}\n"
        "case $root in */d1) mkdir -p $root/data && mount -t tmpfs -o size=%dm none $root/data || exit ;; esac\n"
        "exec %.*s \"$@\"\n",
        megabytes, (int)strcspn(real, "\n"), real);
    autofree char *path = mem_printf("%s:%s", programs, getenv("PATH"));
    mkdir(programs, 0700);
    folder_write(programs, "containerd", script);
    free(shell("chmod 700 %s/containerd", programs));
    setenv("PATH", path, 1);
}

static bool fill_disk(const struct fixture_run *run, int host)
{
    autofree char *name = parts_name(run);
    free(shell("head -c 1G /dev/zero >" JOURNAL_ROOT "/%s/d%d/data/full 2>/dev/null; true", name, host));
    return true;
}

/* Programs that are started from now on see a calendar that jumps by 288 s forth and back, every second. */
static void make_clock_jump(void)
{
    static const char source[] = "#define _GNU_SOURCE\n"
                                 "#include <sys/syscall.h>\n"
                                 "#include <sys/time.h>\n"
                                 "#include <time.h>\n"
                                 "#include <unistd.h>\n"
                                 "int clock_gettime(clockid_t id, struct timespec *t)\n"
                                 "{\n"
                                 "    int status = (int)syscall(SYS_clock_gettime, id, t);\n"
                                 "    if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)\n"
                                 "        t->tv_sec += t->tv_sec & 1 ? 288 : -288;\n"
                                 "    return status;\n"
                                 "}\n"
                                 "int gettimeofday(struct timeval *restrict t, void *restrict zone)\n"
                                 "{\n"
                                 "    struct timespec now;\n"
                                 "    (void)zone;\n"
                                 "    clock_gettime(CLOCK_REALTIME, &now);\n"
                                 "    *t = (struct timeval){now.tv_sec, now.tv_nsec / 1000};\n"
                                 "    return 0;\n"
                                 "}\n"
                                 "time_t time(time_t *out)\n"
                                 "{\n"
                                 "    struct timespec now;\n"
                                 "    clock_gettime(CLOCK_REALTIME, &now);\n"
                                 "    if (out)\n"
                                 "        *out = now.tv_sec;\n"
                                 "    return now.tv_sec;\n"
                                 "}\n";
    autofree char *library = mem_printf("%s/jump.so", fixture_folder);
    folder_write(fixture_folder, "jump.c", source);
    free(shell("cc -shared -fPIC -o %s %s/jump.c", library, fixture_folder));
    setenv("LD_PRELOAD", library, 1);
}

/* --- the verdict -------------------------------------------------------------------------------------------- */

/* After the run. */
static bool judge(const struct fixture_run *run)
{
    bool declared = false;
    autofree char *wrong = blow_verdict(run, &declared);
    if (wrong)
        fail_msg("%s", wrong);
    return declared;
}

/* --- a selection ------------------------------------------------------------------------------------------ */

enum blow { KILL_AGENTS, KILL_PAGE_SERVER, FILL_DISK, JUMPING_CLOCK, NOTHING_MORE };

/* They play at the same time: each hands off 8 requests (1.6 s) later than the one before. */
static const struct {
    const char *name;
    enum blow blow;
    const char *sign; /* said or logged: from then on */
    int delay_ms;     /* until the blow falls */
    const char *setting;
    const char *strategy;
    int exit;
    bool fails;        /* the migration */
    const char *cause; /* named on the terminal */
} strikes[] = {
    {"disk-full", FILL_DISK, "playing", 0, "duration_s=8", "p-migr", 1, true, "no space left on device"},
    {"link-cut", NOTHING_MORE, "playing", 0,
     "links.0.schedule=[{\"at_s\": 4.8, \"loss\": 1}, {\"at_s\": 8.8, \"loss\": 0}]", "p-migr", 0, false,
     NULL},
    {"clock-jumps", JUMPING_CLOCK, "playing", 0, "duration_s=12", "p-migr", 0, false, NULL},
    /* While pages are served; the target is told when the layer has been sent, and until then nothing can be committed. */
    {"agents-die-lazy", KILL_AGENTS, "migr begins", 600,
     "faults=[{\"effect\":\"slow\",\"operation\":\"send layer\",\"edge\":\"es1\",\"delay_ms\":3000}]",
     "post-copy", 1, true, "host pc1: its agent ended unexpectedly"},
    {"pages-stop", KILL_PAGE_SERVER, "migr finished", 0, "service.memory_mb=64", "post-copy", 1, false, NULL},
};

enum { FIRST_HANDOFF = 10, APART = 8, SMALL_DISK_MB = 120 };

static void start_strike(struct fixture_run *run, size_t i)
{
    autofree char *visit = mem_printf("muds.m1.visits.1.at_request=%zu", FIRST_HANDOFF + APART * i),
                  *strategy = mem_printf("migration.strategy=%s", strikes[i].strategy),
                  *path = mem_copy_string(getenv("PATH"));
    const char *const arguments[] = {"--world", "real",
                                     "--set",   visit,
                                     "--set",   "duration_s=16",
                                     "--set",   "timeouts.drain_ms=60000",
                                     "--set",   "timeouts.operation_ms=30000",
                                     "--set",   "expect.5.max=30",
                                     "--set",   strikes[i].setting,
                                     "--set",   strategy,
                                     QUICK,     NULL};
    if (strikes[i].blow == JUMPING_CLOCK)
        make_clock_jump();
    if (strikes[i].blow == FILL_DISK)
        give_small_disk(SMALL_DISK_MB);
    fixture_start(run, strikes[i].name, arguments);
    unsetenv("LD_PRELOAD");
    setenv("PATH", path, 1);
}

/* Has the blow fallen? What it is to hit may not be there yet. */
static bool strike(struct fixture_run *run, enum blow blow)
{
    switch (blow) {
    case KILL_AGENTS:
        return kill_agents(run);
    case KILL_PAGE_SERVER:
        return kill_page_server(run, 0);
    case FILL_DISK:
        return fill_disk(run, 1);
    default:
        return true;
    }
}

static bool shows(struct fixture_run *run, const char *sign)
{
    return strstr(buf_text(&run->said), sign) || fixture_logged(run, sign);
}

/* Looks at the runs in turn, so that one that is slow lets no blow to another come late. Of those that end first, the test says so itself. */
static void strike_each(struct fixture_run *runs, size_t total)
{
    double due[ARRAY_LEN(strikes)] = {0};
    bool struck[ARRAY_LEN(strikes)] = {false};
    size_t left = total;
    for (double end = fixture_seconds() + FIXTURE_PATIENCE_S; left > 0 && fixture_seconds() < end;
         usleep(5000))
        for (size_t i = 0; i < total; i++) {
            fixture_listen(&runs[i]);
            if (struck[i])
                continue;
            if (due[i] == 0 && shows(&runs[i], strikes[i].sign))
                due[i] = fixture_seconds() + strikes[i].delay_ms / 1e3;
            bool now = due[i] > 0 && fixture_seconds() >= due[i];
            struck[i] = (now && strike(&runs[i], strikes[i].blow)) || fixture_ended(&runs[i]);
            left -= struck[i];
        }
}

#define OF_THE_FIRST "FROM event WHERE migration = (SELECT min(migration) FROM event WHERE text = 'migr begins') AND reporter = 'ES-1' AND "

/* The source writes down that the layer has been sent before it tells the target. */
static bool target_may_be_told(const struct fixture_run *run)
{
    sqlite3 *db = database_open(run->folder);
    bool sent = database_number(db, "SELECT count(*) " OF_THE_FIRST "kind = 'stage' AND text = 'send layer'") > 0;
    sqlite3_close(db);
    return sent;
}

#define RESTARTED "migration failed: the edge server restarted"
#define GIVEN_UP_BEFORE                                                                                                             \
    "text LIKE 'migration failed: %' AND text != '" RESTARTED "' AND at_ns < (SELECT min(begin_ns) FROM event"                       \
    " WHERE text LIKE '%it was away for%')"

/* The access points know that they have been away, and ask the edge servers whose the device is. The source knows that the target was not told,
 * and undoes what it began, unless it had before its blow. */
static void assert_recovered(const struct fixture_run *run, bool told)
{
    sqlite3 *db = database_open(run->folder);
    bool claimed = database_number(db, "SELECT count(*) FROM event WHERE kind = 'claim'") > 0,
         undone = database_number(db, "SELECT count(*) " OF_THE_FIRST "text = '" RESTARTED "'") == 1,
         before = database_number(db, "SELECT count(*) " OF_THE_FIRST GIVEN_UP_BEFORE) > 0;
    sqlite3_close(db);
    assert_true(claimed);
    assert_true(told || undone || before);
}

static bool pages_came(json_object *result)
{
    json_object *stages = fixture_at(result, "/migrations/0/stages"), *error;
    for (size_t i = 0; i < json_object_array_length(stages); i++) {
        json_object *stage = json_object_array_get_idx(stages, i);
        if (!strcmp(fixture_text(stage, "/name"), "fetch pages"))
            return !json_object_object_get_ex(stage, "error", &error);
    }
    return false;
}

/* A cut may fall into any stage, of which the switch waits for nobody long; agents that die behind the commit undo nothing. */
static bool may_end_either_way(size_t i, bool failed, bool told)
{
    return strikes[i].blow == NOTHING_MORE || (strikes[i].blow == KILL_AGENTS && told && !failed);
}

/* `lacks`: behind the commit, some of its memory. With who serves it this is lost, with who fetches it unless he has just got it. */
static bool is_rightly_declared(size_t i, bool declared, bool lacks)
{
    return strikes[i].blow == KILL_PAGE_SERVER ? declared == lacks
                                               : !declared || (strikes[i].blow == KILL_AGENTS && lacks);
}

static void assert_cause(struct fixture_run *run, size_t i)
{
    autofree char *printed = mem_printf("%s.out", run->folder), *out = folder_read("/", printed + 1);
    if (strikes[i].cause && !strcasestr(out, strikes[i].cause) &&
        !strstr(buf_text(&run->said), strikes[i].cause))
        fail_msg("%s: %s%s", strikes[i].name, buf_text(&run->said), out);
}

static void assert_struck(struct fixture_run *run, size_t i)
{
    int status = fixture_wait(run);
    bool declared = judge(run);
    json_object *result = fixture_result(run);
    const char *outcome = fixture_text(result, "/migrations/0/outcome");
    bool failed = !strcmp(outcome, "failed"), lacks = !failed && !pages_came(result), told = target_may_be_told(run),
         either = may_end_either_way(i, failed, told);
    if (either)
        assert_in_range(status, 0, 1);
    else
        assert_exited(run, status, strikes[i].blow == KILL_PAGE_SERVER ? lacks : strikes[i].exit);
    if (!is_rightly_declared(i, declared, lacks) || (!either && failed != strikes[i].fails))
        fail_msg("%s: %s, %s", strikes[i].name, declared ? "declared" : "not declared", outcome);
    json_object_put(result);
    if (failed)
        assert_cause(run, i);
    if (strikes[i].blow == KILL_AGENTS && failed)
        assert_recovered(run, told);
}

static void faults_are_tolerated_or_declared(void **state)
{
    (void)state;
    NEED_REAL_WORLD();
    struct fixture_run runs[ARRAY_LEN(strikes)];
    autofree char *before = fixture_machine();
    size_t total = ARRAY_LEN(strikes) - (fixture_pages_can_come() ? 0 : 2); /* the last two need them */
    for (size_t i = 0; i < total; i++)
        start_strike(&runs[i], i);
    strike_each(runs, total);
    for (size_t i = 0; i < total; i++) {
        assert_struck(&runs[i], i);
        fixture_run_free(&runs[i]);
    }
    assert_machine_as(before);
}

/* --- random moments --------------------------------------------------------------------------------------- */

static int counts[PARTS][256]; /* by exit status */

/* Stages that were under way when the container was seen to have ended. */
#define STRUCK_STAGES                                                                                                       \
    "SELECT group_concat(DISTINCT s.text) FROM event s, event e WHERE s.kind = 'stage' AND e.text LIKE '%ended by itself%'" \
    " AND s.begin_ns <= e.at_ns AND s.at_ns >= e.at_ns"

static void tell_stages(const struct fixture_run *run)
{
    sqlite3 *db = database_open(run->folder);
    sqlite3_stmt *row;
    assert_int_equal(sqlite3_prepare_v2(db, STRUCK_STAGES, -1, &row, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(row), SQLITE_ROW);
    const unsigned char *stages = sqlite3_column_text(row, 0);
    printf("     during %s\n", stages ? (const char *)stages : "no stage");
    sqlite3_finalize(row);
    sqlite3_close(db);
}

enum { MIGRATION_MS = 2500 };

static bool strike_a_part(const struct fixture_run *run, enum part part, int host)
{
    struct parts parts;
    parts_find(&parts, run);
    bool struck = parts_strike(&parts, part, host);
    parts_free(&parts);
    return struck;
}

static void one_at_random(unsigned short seed[3], long round)
{
    struct fixture_run run;
    autofree char *before = fixture_machine(), *name = mem_printf("random-%ld", round);
    enum part part = (enum part)(nrand48(seed) % PARTS);
    int host = (int)(nrand48(seed) % 2), moment_ms = (int)(nrand48(seed) % 14000);
    fixture_start(&run, name,
                  (const char *const[]){"--world", "real", "--set", "timeouts.drain_ms=6000", "--set",
                                        "expect.5.max=30", SHORT, NULL});
    if (part == CONTAINER) { /* while it migrates */
        fixture_until_logged(&run, "migr begins");
        moment_ms %= MIGRATION_MS;
    }
    for (int waited = 0; waited < moment_ms; waited += 20, usleep(20000))
        fixture_listen(&run);
    bool struck = strike_a_part(&run, part, host), declared;
    int status = fixture_wait(&run);
    printf("%3ld: %s of host %d at %.2f s%s: exit %d\n", round, part_names[part], host, moment_ms / 1e3,
           struck ? "" : ", which was not there", status);
    if (status == 4)
        printf("%s", buf_text(&run.said));
    if (part == CONTAINER)
        tell_stages(&run);
    fflush(stdout);
    autofree char *wrong = blow_verdict_by_exit(&run, part, status, &declared);
    if (wrong)
        fail_msg("%s", wrong);
    counts[part][status & 255]++;
    if (part == CONTROLLER)
        free(shell("%s clean", fixture_program));
    assert_machine_as(before);
    fixture_run_free(&run);
}

static void parts_are_lost_at_random_moments(void **state)
{
    (void)state;
    NEED_REAL_WORLD();
    const char *wanted = getenv("REAL_FAULTS"), *seed_text = getenv("REAL_FAULTS_SEED");
    unsigned short seed[3] = {(unsigned short)(seed_text ? atoi(seed_text) : 1)};
    for (long round = 0; wanted && round < atol(wanted); round++)
        one_at_random(seed, round);
    for (int part = 0; wanted && part < PARTS; part++)
        for (int status = 0; status < 256; status++)
            if (counts[part][status])
                printf("%s: exit %d %d times\n", part_names[part], status, counts[part][status]);
}

/* With REAL_FAULTS=N: transfers, requests and control messages find nobody for 30 s. */
static void the_link_is_cut_for_long(void **state)
{
    (void)state;
    NEED_REAL_WORLD();
    const char *wanted = getenv("REAL_FAULTS");
    if (!wanted || atol(wanted) == 0)
        return;
    struct fixture_run run;
    const char *const cut = "links.0.schedule=[{\"at_s\": 3, \"loss\": 1}, {\"at_s\": 33, \"loss\": 0}]";
    autofree char *before = fixture_machine();
    fixture_start(&run, "long-cut",
                  (const char *const[]){"--world", "real", "--set", "muds.m1.visits.1.at_request=10", "--set",
                                        "duration_s=40", "--set", "timeouts.drain_ms=60000", "--set", cut,
                                        QUICK, NULL});
    int status = fixture_wait(&run);
    printf("cut for 30 s: exit %d\n", status);
    assert_true(status == 0 || status == 1);
    assert_false(judge(&run));
    assert_machine_as(before);
    fixture_run_free(&run);
}

int main(int argc, char **argv)
{
    fixture_go_apart(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults_are_tolerated_or_declared),
        cmocka_unit_test(parts_are_lost_at_random_moments),
        cmocka_unit_test(the_link_is_cut_for_long),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
