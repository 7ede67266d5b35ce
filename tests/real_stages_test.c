/* At every stage of a real migration the controller, an agent, an Engine or a container is killed, as soon as the stage has been seen to begin:
 * the user is served by exactly one container, or the loss is declared; what ends the run is named; what is left is nothing.
 *
 * The test plays a selection, REAL_FAULTS=stages all pairs of a stage and a part that lives then; tests/FAULTS.md has their table. */
#include "agent_protocol.h"
#include "event_spool.h"
#include "real_blows.h"
#include "strategy.h"

/* --- stages and parts ----------------------------------------------------------------------------------------- */

/* In the order in which they come. An operation says when it begins because the scenario makes it slow; one that would be over before the blow
 * is held up before its work. Stages of the access point are seen by its state. */
struct stage_seen {
    enum operation operation;
    int host;           /* whose agent reports it */
    int held_ms;        /* its work begins so much later, */
    int into_ms;        /* and the blow falls so much later, than it */
    const char *enters; /* the access point's state */
};

static const struct stage_seen stages[] = {
    {OP_FREEZE, 0, 200, 0, NULL},
    {OP_DUMP, 0, 0, 60, NULL},
    {OP_TAKE_LAYER, 0, 0, 0, NULL},
    {OP_THAW, 0, 200, 0, NULL},
    {OP_SEND_MEMORY, 0, 0, 150, NULL},
    {OP_SEND_LAYER, 0, 0, 100, NULL},
    {OP_CREATE, 1, 0, 0, NULL},
    {OP_RESTORE, 1, 0, 50, NULL},
    {OP_REPLAY, 1, 0, 0, "-> catching up on"},
    {OP_SWITCH, 1, 0, 0, "-> switching on"},
    {OP_STOP, 0, 0, 0, NULL},
};

/* Of the source's host (0) and the target's (1). */
struct victim {
    const char *name;
    enum part part;
    int host, exit;    /* the run's status; -1: it goes on */
    const char *cause; /* named with a migration that failed for it */
};

static const struct victim victims[] = {
    {"controller", CONTROLLER, 0, 128 + SIGKILL, NULL},
    {"source's agent", AGENT, 0, -1, "host pc1: its agent ended unexpectedly"},
    {"target's agent", AGENT, 1, -1, "host pc2: its agent ended unexpectedly"},
    {"source's dockerd", DOCKERD, 0, 4, NULL},
    {"target's dockerd", DOCKERD, 1, 4, NULL},
    {"CT-x", CONTAINER, 0, -1, "its only live container was lost at ES-1"},
    {"CT-y", CONTAINER, 1, -1, "ES-2: "},
};

enum { STAGES = ARRAY_LEN(stages), VICTIMS = ARRAY_LEN(victims) };

static bool lives(const struct victim *victim, const struct stage_seen *stage)
{
    return victim->part != CONTAINER || victim->host == 0 || stage->operation >= OP_RESTORE;
}

/* Only what may have been the one live container when it died. */
static bool may_be_declared(const struct victim *victim, const struct stage_seen *stage, bool late)
{
    if (victim->part != CONTAINER)
        return false;
    return victim->host == 0 ? stage->operation < OP_STOP : late || stage->operation >= OP_SWITCH;
}

/* --- a run that is struck ------------------------------------------------------------------------------------------ */

struct strike {
    const struct stage_seen *stage;
    const struct victim *victim;
    bool surely; /* the stage is held until the blow has fallen */
    struct fixture_run run;
    struct parts parts;
    struct event_spool *news; /* the agent's, as it writes them down */
    bool begun, ended;        /* the stage */
    double due;
    bool struck, late, over; /* late: when the stage had ended; over: struck, or never will be */
    bool closing;            /* maybe the run had been over before it was */
    int status;
    char *outcome, *wrong;
};

enum { SURELY_MS = 2000 };

static char *make_slow(const struct strike *s)
{
    if (s->stage->enters)
        return mem_copy_string("faults=[]");
    return mem_printf("faults=[{\"effect\":\"slow\",\"operation\":\"%s\",\"edge\":\"es%d\",\"delay_ms\":%d}]",
                      operation_name(s->stage->operation), s->stage->host + 1,
                      s->surely ? SURELY_MS : s->stage->held_ms);
}

static void start(struct strike *s, const char *name)
{
    autofree char *faults = make_slow(s);
    const char *const arguments[] = {"--world", "real",
                                     "--set",   "muds.m1.visits.1.at_request=6",
                                     "--set",   "duration_s=7",
                                     "--set",   "timeouts.drain_ms=40000",
                                     "--set",   "timeouts.operation_ms=6000",
                                     "--set",   "expect.5.max=30",
                                     "--set",   faults,
                                     QUICK,     NULL};
    fixture_start(&s->run, name, arguments);
}

static void take_news(struct strike *s, const struct event *event)
{
    const char *name = operation_name(s->stage->operation);
    autofree char *note = mem_printf("%s begins ", name);
    if (s->stage->enters ? event->kind == EVENT_TRANSITION && strstr(event->text, s->stage->enters)
                         : event->kind == EVENT_NOTE && !strncmp(event->text, note, strlen(note)))
        s->begun = true;
    else if (s->begun && event->kind == EVENT_STAGE && !strcmp(event->text, name))
        s->ended = true;
}

static void hear_news(struct strike *s)
{
    for (const char *text; (text = event_spool_next(s->news));) {
        struct json_object *line = json_tokener_parse(text);
        struct event event;
        if (agent_read_event(line, &event, NULL) == 0)
            take_news(s, &event);
        json_object_put(line);
    }
}

/* Where its parts are, once it plays. */
static void find_parts(struct strike *s)
{
    if (!strstr(buf_text(&s->run.said), "playing"))
        return;
    parts_free(&s->parts);
    parts_find(&s->parts, &s->run);
    autofree char *path =
        mem_printf(JOURNAL_ROOT "/%s/e%d", s->parts.name ? s->parts.name : "", s->stage->host);
    s->news = event_spool_recover(path, 0, NULL);
}

/* What is there to be struck is struck in its time; true when it has been, or never will. */
static bool look(struct strike *s)
{
    fixture_listen(&s->run);
    if (!s->news)
        find_parts(s);
    if (!s->news)
        return fixture_ended(&s->run);
    hear_news(s);
    if (s->begun && s->due == 0)
        s->due = fixture_seconds() + (s->surely ? 0 : s->stage->into_ms) / 1e3;
    if (s->due == 0 || fixture_seconds() < s->due)
        return fixture_ended(&s->run);
    s->struck = parts_strike(&s->parts, s->victim->part, s->victim->host);
    fixture_listen(&s->run);
    hear_news(s);
    s->closing = strstr(buf_text(&s->run.said), "taking the testbed down");
    s->late = s->ended;
    return s->struck || fixture_ended(&s->run);
}

static void strike_each(struct strike *strikes, size_t count)
{
    size_t left = count;
    for (double end = fixture_seconds() + FIXTURE_PATIENCE_S; left > 0 && fixture_seconds() < end; usleep(1000))
        for (size_t i = 0; i < count; i++) {
            if (strikes[i].over)
                continue;
            strikes[i].over = look(&strikes[i]);
            left -= strikes[i].over;
        }
}

/* --- the verdict ------------------------------------------------------------------------------------------------------ */

static char *name_outcome(const struct strike *s, bool declared)
{
    autofree char *path = mem_printf("%s/result.json", s->run.folder);
    json_object *result = s->status <= 1 ? json_object_from_file(path) : NULL, *migration = NULL;
    const char *outcome = result && json_pointer_get(result, "/migrations/0/outcome", &migration) == 0
                              ? json_object_get_string(migration)
                              : NULL;
    char *name = !outcome ? mem_printf("exit %d", s->status)
                          : mem_printf("%s%s", outcome, declared ? ", declared" : "");
    json_object_put(result);
    return name;
}

/* If the migration failed, the run has said why. NULL, or what is wrong; free() it. */
static char *miss_cause(struct strike *s)
{
    autofree char *path = mem_printf("%s.out", s->run.folder), *out = folder_read("/", path + 1);
    bool named = strstr(buf_text(&s->run.said), s->victim->cause) || (out && strstr(out, s->victim->cause));
    return named || strncmp(s->outcome, "failed", 6) != 0
               ? NULL
               : mem_printf("nobody says \"%s\": %s", s->victim->cause, out);
}

static char *judge(struct strike *s)
{
    bool declared;
    char *wrong = blow_verdict_by_exit(&s->run, s->victim->part, s->status, &declared);
    s->outcome = name_outcome(s, declared);
    if (wrong)
        return wrong;
    s->struck &= !s->closing || s->status == s->victim->exit;
    if (!s->struck)
        return NULL;
    if (s->victim->exit >= 0 ? s->status != s->victim->exit : s->status > 1)
        return mem_printf("exit %d: %s", s->status, buf_text(&s->run.said));
    if (declared && !may_be_declared(s->victim, s->stage, s->late))
        return mem_copy_string("declared, though another container could serve");
    return s->victim->cause ? miss_cause(s) : NULL;
}

static void finish(struct strike *s)
{
    s->status = fixture_wait(&s->run);
    s->wrong = judge(s);
    event_spool_free(s->news);
    parts_free(&s->parts);
    fixture_run_free(&s->run);
    printf("%-12s %-16s %s%s%s%s\n", operation_name(s->stage->operation), s->victim->name, s->outcome,
           !s->struck ? ", not struck"
           : s->late  ? ", struck when it was over"
                      : "",
           s->wrong ? ": WRONG: " : "", s->wrong ? s->wrong : "");
    fflush(stdout);
}

/* At the same time; true if none of it is wrong. */
static bool play(struct strike *strikes, size_t count)
{
    bool good = true;
    autofree char *before = fixture_machine();
    for (size_t i = 0; i < count; i++) {
        autofree char *name =
            mem_printf("%s-%td-%td%s", operation_name(strikes[i].stage->operation), strikes[i].stage - stages,
                       strikes[i].victim - victims, strikes[i].surely ? "-again" : "");
        start(&strikes[i], name);
    }
    strike_each(strikes, count);
    for (size_t i = 0; i < count; i++) {
        finish(&strikes[i]);
        good &= !strikes[i].wrong;
    }
    free(shell("%s clean", fixture_program)); /* behind a killed controller */
    assert_machine_as(before);
    return good;
}

static void forget(struct strike *strikes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(steal(strikes[i].outcome));
        free(steal(strikes[i].wrong));
    }
}

/* --- a selection -------------------------------------------------------------------------------------------------------- */

static void parts_are_lost_at_stages(void **state)
{
    static const struct {
        enum operation operation;
        int victim;
    } selected[] = {{OP_DUMP, 1},    {OP_SEND_MEMORY, 5}, {OP_RESTORE, 2},
                    {OP_RESTORE, 6}, {OP_SWITCH, 4},      {OP_STOP, 5}};
    struct strike strikes[ARRAY_LEN(selected)] = {0};
    (void)state;
    NEED_REAL_WORLD();
    for (size_t i = 0; i < ARRAY_LEN(selected); i++) {
        strikes[i] = (struct strike){.stage = stages, .victim = &victims[selected[i].victim]};
        while (strikes[i].stage->operation != selected[i].operation)
            strikes[i].stage++;
    }
    bool good = play(strikes, ARRAY_LEN(selected));
    forget(strikes, ARRAY_LEN(selected));
    assert_true(good);
}

/* --- all of them ---------------------------------------------------------------------------------------------------------- */

static void print_table(const struct strike strikes[STAGES][VICTIMS])
{
    printf("\n| stage |");
    for (int v = 0; v < VICTIMS; v++)
        printf(" %s |", victims[v].name);
    printf("\n|---|---|---|---|---|---|---|---|\n");
    for (int i = 0; i < STAGES; i++) {
        printf("| %s |", operation_name(stages[i].operation));
        for (int v = 0; v < VICTIMS; v++)
            printf(" %s%s |", strikes[i][v].outcome ? strikes[i][v].outcome : "not there yet",
                   !strikes[i][v].stage || (strikes[i][v].struck && !strikes[i][v].late) ? "" : " (missed)");
        printf("\n");
    }
}

enum { AT_ONCE_RUNS = 4 };

static bool play_all(struct strike *strikes, size_t count)
{
    bool good = true;
    for (size_t i = 0; i < count; i += AT_ONCE_RUNS)
        good &= play(strikes + i, count - i < AT_ONCE_RUNS ? count - i : AT_ONCE_RUNS);
    return good;
}

/* Those whose blow came when the stage was over once more, with the stage held up. */
static bool play_missed_again(struct strike *strikes, size_t count)
{
    struct strike again[STAGES * VICTIMS];
    size_t of[STAGES * VICTIMS], missed = 0;
    for (size_t i = 0; i < count; i++)
        if (!strikes[i].wrong && (!strikes[i].struck || strikes[i].late)) {
            again[missed] =
                (struct strike){.stage = strikes[i].stage, .victim = strikes[i].victim, .surely = true};
            of[missed++] = i;
        }
    bool good = play_all(again, missed);
    for (size_t i = 0; i < missed; i++) {
        forget(&strikes[of[i]], 1);
        strikes[of[i]] = again[i];
    }
    return good;
}

static void all_parts_are_lost_at_all_stages(void **state)
{
    static struct strike table[STAGES][VICTIMS], list[STAGES * VICTIMS];
    const char *wanted = getenv("REAL_FAULTS");
    size_t count = 0;
    (void)state;
    NEED_REAL_WORLD();
    if (!wanted || strcmp(wanted, "stages") != 0)
        return;
    for (int i = 0; i < STAGES; i++)
        for (int v = 0; v < VICTIMS; v++)
            if (lives(&victims[v], &stages[i]))
                list[count++] = (struct strike){.stage = &stages[i], .victim = &victims[v]};
    bool good = play_all(list, count);
    good &= play_missed_again(list, count);
    for (size_t i = 0; i < count; i++)
        table[list[i].stage - stages][list[i].victim - victims] = list[i];
    print_table(table);
    forget(list, count);
    assert_true(good);
}

int main(int argc, char **argv)
{
    fixture_go_apart(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_lost_at_stages),
        cmocka_unit_test(all_parts_are_lost_at_all_stages),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
