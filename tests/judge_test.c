/* What the judge of every run in virtual time says of a world that somebody has spoiled once all was recorded: each rule by its name. */
#include "judge.h"
#include "mem.h"
#include "simulated_run.h"

enum { EDGE_LEFT, EDGE_NEW };

/* The device ends at the second access point and edge server. */
static const char text[] =
    "{\"name\":\"t\",\"duration_s\":20,\"hosts\":{\"a\":{},\"h0\":{},\"h1\":{}},"
    "\"edges\":{\"es1\":{\"host\":\"h0\"},\"es2\":{\"host\":\"h1\"}},"
    "\"aps\":{\"ap1\":{\"host\":\"h0\",\"edge\":\"es1\"},\"ap2\":{\"host\":\"h1\",\"edge\":\"es2\"}},"
    "\"links\":[{\"between\":[\"a\",\"h0\"]},{\"between\":[\"a\",\"h1\"]},{\"between\":[\"h0\",\"h1\"]}],"
    "\"service\":{\"memory_mb\":4,\"layer_mb\":1},\"guard\":{\"memory_mb\":100},"
    "\"muds\":{\"m1\":{\"host\":\"a\",\"visits\":[{\"ap\":\"ap1\",\"at_s\":0},{\"ap\":\"ap2\",\"at_s\":5}]}}}";

static struct edge_client *edge_client(struct world_sim *ws, int edge)
{
    return map_get(&ws->world.cast.edges[edge]->clients, 0);
}

static struct ap_client *ap_client(struct world_sim *ws, int ap)
{
    return map_get(&ws->world.cast.aps[ap]->clients, 0);
}

/* --- what is spoiled --------------------------------------------------------------------------------------------------------- */

static void nothing(struct world_sim *ws)
{
    (void)ws;
}

static void gate_stays_closed(struct world_sim *ws)
{
    edge_client(ws, EDGE_NEW)->gate_closed = true;
}

static void removal_stays(struct world_sim *ws)
{
    edge_client(ws, EDGE_LEFT)->removal.mud = 0;
}

static void record_stays(struct world_sim *ws)
{
    struct edge *edge = ws->world.cast.edges[EDGE_LEFT];
    const struct owner_record record = {.mud = 0, .out = 7};
    edge->actor.port->operations->keep_owner(edge->actor.port, edge->actor.self, &record);
}

static void former_ap_decides(struct world_sim *ws)
{
    ap_client(ws, 0)->state = AP_SERVING;
    ap_client(ws, 0)->sequence = ap_client(ws, 1)->sequence;
}

static void anchor_is_elsewhere(struct world_sim *ws)
{
    ap_client(ws, 1)->anchor_edge.index = EDGE_LEFT;
}

static void container_is_forgotten(struct world_sim *ws)
{
    edge_client(ws, EDGE_NEW)->state = EDGE_EMPTY;
}

static void answers_were_others(struct world_sim *ws)
{
    ws->world.cast.muds[0]->expected.chain ^= 1;
}

static void did_not_rest(struct world_sim *ws)
{
    gate_stays_closed(ws);
    ws->rests = false;
}

static void removal_does_not_end(struct world_sim *ws)
{
    edge_client(ws, EDGE_LEFT)->state = EDGE_REMOVING;
    ws->rests = false;
}

static void host_stays_down(struct world_sim *ws)
{
    gate_stays_closed(ws);
    world_take_down(&ws->world, ws->world.layout.edges[EDGE_LEFT].host);
}

static const struct row {
    void (*spoil)(struct world_sim *ws);
    const char *says; /* "": nothing */
} rows[] = {
    {nothing, ""},
    {gate_stays_closed, "held back: m1: the gate of its container is closed"},
    {removal_stays, "left behind: m1: es1 still waits for something"},
    {record_stays, "left behind: m1: es1's owner record says that migration 7 is under way"},
    {former_ap_decides, "one owner: m1: 2 access points decide for it"},
    {anchor_is_elsewhere, "place: m1: ap2 takes es1 for the anchor, but es2 has the container"},
    {container_is_forgotten, "place: m1: no edge server says that its container is live"},
    {answers_were_others, "state: m1: its container's state is not that of the requests which were answered"},
    {did_not_rest, ""},
    {removal_does_not_end,
     "left behind: m1: es1 had not removed its container when the run's time was over (give it more: timeouts.drain_ms)"},
    {host_stays_down, ""},
};

/* --- the runs ---------------------------------------------------------------------------------------------------------------- */

struct spoiler {
    struct world_sim_witness witness;
    struct judge judge;
    const struct row *row;
};

static void hears(struct world_sim_witness *witness, const struct world_sim *ws, const struct event *event)
{
    struct spoiler *spoiler = container_of(witness, struct spoiler, witness);
    spoiler->judge.witness.hears(&spoiler->judge.witness, ws, event);
}

static void sees_the_end(struct world_sim_witness *witness, struct world_sim *ws)
{
    struct spoiler *spoiler = container_of(witness, struct spoiler, witness);
    spoiler->row->spoil(ws);
    spoiler->judge.witness.sees_the_end(&spoiler->judge.witness, ws);
}

static void judge_says_what_is_spoiled(void **state)
{
    struct scenario *s = scenario_from(text);
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct spoiler spoiler = {.witness = {hears, sees_the_end}, .row = &rows[i]};
        struct trial trial = {0};
        char *folder = folder_make();
        judge_init(&spoiler.judge, &trial, s);
        simulate_before(s, 1, folder, &spoiler.witness);
        if (!rows[i].says[0] && trial.complaint_count)
            fail_msg("row %zu: %s", i, trial.complaints[0]);
        if (rows[i].says[0] && (trial.complaint_count == 0 || strcmp(trial.complaints[0], rows[i].says) != 0))
            fail_msg("row %zu: not \"%s\" but \"%s\"", i, rows[i].says,
                     trial.complaint_count ? trial.complaints[0] : "");
        judge_free(&spoiler.judge);
        trial_free(&trial);
        folder_remove(folder);
    }
    scenario_free(s);
}

static char *log_before(struct scenario *s, struct world_sim_witness *witness)
{
    char *folder = folder_make();
    simulate_before(s, 1, folder, witness);
    char *log = folder_read(folder, "events.log");
    folder_remove(folder);
    return log;
}

/* A guard measures for ever. */
static void judge_leaves_the_log_as_it_is(void **state)
{
    struct scenario *s = scenario_from(text);
    struct trial trial = {0};
    struct judge judge;
    (void)state;
    judge_init(&judge, &trial, s);
    autofree char *alone = log_before(s, NULL), *judged = log_before(s, &judge.witness);
    assert_string_equal(alone, judged);
    judge_free(&judge);
    trial_free(&trial);
    scenario_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judge_says_what_is_spoiled),
        cmocka_unit_test(judge_leaves_the_log_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
