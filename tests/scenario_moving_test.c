/* Scenarios whose devices move: access points in grids, what is refused, and the visits that tracks become. */
#include "edited.h"
#include "folder.h"
#include "interrupt.h"
#include "mem.h"
#include "scenario_move.h"
#include "simulated_run.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char good[] =
    "{\"name\":\"t\",\"duration_s\":60,\"hosts\":{\"pc1\":{},\"pc2\":{},\"pc3\":{},\"pc4\":{},\"air\":{}},"
    "\"edges\":{\"es1\":{\"host\":\"pc1\"},\"es2\":{\"host\":\"pc2\"},\"es3\":{\"host\":\"pc3\"},\"es4\":{\"host\":\"pc4\"}},"
    "\"aps\":{\"near\":{\"edge\":\"es2\",\"x_m\":-50,\"y_m\":5},\"ap\":{\"count\":16,\"spacing_m\":50}},"
    "\"links\":[{\"between\":[\"pc1\",\"pc2\"],\"rtt_ms\":9},{\"between\":[\"pc2\",\"pc3\"],\"rtt_ms\":9},"
    "{\"between\":[\"pc3\",\"pc4\"],\"rtt_ms\":9},{\"between\":[\"air\",\"pc1\"],\"rtt_ms\":4}],"
    "\"radio\":{\"exponent\":3.5,\"roaming\":{\"hysteresis_db\":3}},"
    "\"mobility\":{\"walk\":{\"model\":\"random-waypoint\",\"width_m\":150,\"height_m\":150,\"speed_min_mps\":5,"
    "\"speed_max_mps\":9},\"file\":{\"tracks\":\"FILE\",\"format\":\"csv\"}},"
    "\"muds\":{\"fixed\":{\"host\":\"air\",\"visits\":[{\"ap\":\"ap-16\",\"at_s\":0}]},"
    "\"m\":{\"host\":\"air\",\"count\":3,\"mobility\":\"walk\"}}}";

static struct scenario *moved(const char *text, uint64_t seed)
{
    struct err e = ERR_INIT;
    struct scenario *s = scenario_from(text);
    if (scenario_move(s, seed, &e) < 0)
        fail_msg("%s (%s)", e.text, e.hint);
    return s;
}

/* --- what is refused ------------------------------------------------------------------------------------------------ */

static void errors_name_the_place(void **state)
{
    (void)state;
    static const struct {
        const char *old, *new, *expected;
    } rows[] = {
        {"\"model\":\"random-waypoint\",", "", "mobility.walk: has neither model nor tracks (name a model"},
        {"\"model\":\"random-waypoint\"", "\"model\":\"random-waypoint\",\"tracks\":\"x\"",
         "mobility.walk: has both model and tracks"},
        {"random-waypoint", "random-waypoints",
         "mobility.walk.model: there is no model random-waypoints (did you mean"},
        {"\"format\":\"csv\"", "\"format\":\"xml\"", "mobility.file.format: there is no format xml (known: "},
        {",\"format\":\"csv\"", "", "mobility.file.format: is missing (known: "},
        {"\"speed_min_mps\":5", "\"speed_min_mps\":10", "mobility.walk: speed_max_mps is 9, must be 10 to"},
        {"\"speed_min_mps\":5", "\"speed_mps\":5", "mobility.walk.speed_mps: stands beside a least or greatest speed"},
        {"\"mobility\":\"walk\"", "\"mobility\":\"wolk\"",
         "muds.m.mobility: there is no mobility wolk (did you mean walk?)"},
        {"\"mobility\":\"walk\"", "\"mobility\":\"walk\",\"visits\":[]",
         "muds.m: has both visits and mobility"},
        {",\"mobility\":\"walk\"}", "}", "muds.m: has neither visits nor mobility"},
        {"\"mobility\":\"walk\"", "\"mobility\":\"walk\",\"track\":\"a\"",
         "muds.m.track: mobility walk has no file of tracks"},
        {"\"visits\":[{\"ap\":\"ap-16\",\"at_s\":0}]", "\"visits\":[],\"track\":\"a\"",
         "muds.fixed.track: needs mobility"},
        {"ap-16", "ap-17", "muds.fixed.visits.0.ap: there is no access point ap-17"},
        {"ap-16", "ap-0", "muds.fixed.visits.0.ap: there is no access point ap-0"},
        {"ap-16", "ap-01", "muds.fixed.visits.0.ap: there is no access point ap-01"},
        {"ap-16", "ap", "muds.fixed.visits.0.ap: ap is many access points (write ap-1"},
        {"\"near\"", "\"ap-3\"", "aps.ap-3: the count of ap makes an access point of this name already"},
        {"\"edge\":\"es2\",", "", "aps.near.edge: is missing (edge: the edge"},
        {"\"x_m\":-50,", "", "aps.near: has no place (write x_m and y_m"},
        {"\"count\":16", "\"count\":100000", "aps.ap: makes more than 100000 access points"},
        {"\"count\":16", "\"count\":16,\"layout\":\"round\"",
         "aps.ap.layout: there is no layout round (known: square, hexagonal)"},
        {"\"exponent\":3.5", "\"path_loss\":\"two\"",
         "radio.path_loss: there is no path_loss two (did you mean two-ray?)"},
        {"\"exponent\":3.5", "\"max_channel_ms\":5", "radio.max_channel_ms: is less than min_channel_ms"},
        {"\"hysteresis_db\":3", "\"choose\":\"best\"",
         "radio.roaming.choose: there is no choose best (known: strongest"},
        {",{\"between\":[\"air\",\"pc1\"],\"rtt_ms\":4}", "",
         "muds.fixed.visits.0: there is no path between hosts air and pc4"},
        {"{\"between\":[\"pc3\",\"pc4\"],\"rtt_ms\":9}", "{\"between\":[\"pc4\",\"air\"]}",
         "muds.m.mobility: there is no path between hosts pc2 and pc4"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        autofree char *text = edited(good, rows[i].old, rows[i].new);
        struct scenario *s = scenario_parse("x.json", text, strlen(text), NULL, 0, &e);
        autofree char *whole = mem_printf("%s (%s)", e.text, e.hint);
        if (!s != (rows[i].expected[0] != '\0') || (!s && !strstr(whole, rows[i].expected)))
            fail_msg("row %zu is:  %s\nexpected: %s", i, s ? "accepted" : whole, rows[i].expected);
        scenario_free(s);
    }
}

/* --- access points -------------------------------------------------------------------------------------------------- */

/* Four by four; each of four edge servers has a quarter. */
static void a_count_of_access_points_is_a_grid(void **state)
{
    (void)state;
    static const struct {
        int ap;
        const char *name;
        double x_m, y_m;
        int edge, channel;
    } rows[] = {
        {0, "near", -50, 5, 1, 1},  {1, "ap-1", 0, 0, 0, 1},      {2, "ap-2", 50, 0, 0, 6},
        {3, "ap-3", 100, 0, 1, 11}, {4, "ap-4", 150, 0, 1, 1},    {5, "ap-5", 0, 50, 0, 6},
        {9, "ap-9", 0, 100, 2, 11}, {14, "ap-14", 50, 150, 2, 6}, {16, "ap-16", 150, 150, 3, 1},
    };
    struct scenario *s = scenario_from(good);
    assert_int_equal(s->ap_count, 17);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct scenario_ap *ap = &s->aps[rows[i].ap];
        assert_string_equal(ap->name, rows[i].name);
        assert_float_equal(ap->x_m, rows[i].x_m, 1e-9);
        assert_float_equal(ap->y_m, rows[i].y_m, 1e-9);
        assert_int_equal(ap->edge, rows[i].edge);
        assert_int_equal(ap->host, s->edges[rows[i].edge].host);
        assert_int_equal(ap->channel, rows[i].channel);
        assert_float_equal(ap->tx_power_dbm, 20, 0);
    }
    assert_int_equal(s->muds[0].visits[0].ap, 16);
    scenario_free(s);
}

/* An empty radio is the radio's own defaults. */
static void defaults_are_the_radio_s(void **state)
{
    (void)state;
    autofree char *one = edited(good, "\"exponent\":3.5,\"roaming\":{\"hysteresis_db\":3}", "");
    autofree char *text = edited(one,
                                 ",\"width_m\":150,\"height_m\":150,\"speed_min_mps\":5,"
                                 "\"speed_max_mps\":9",
                                 "");
    struct scenario *s = scenario_from(text);
    const struct handoff_options handoff = handoff_defaults(), *h = &s->radio.handoff;
    const struct radio_options radio = radio_defaults(), *r = &s->radio.radio;
    const struct path_loss_options *pl = &radio.path_loss, *q = &r->path_loss;
    const struct roaming_options roaming = roaming_defaults(), *o = &s->radio.roaming;
    const struct generator_options walk = GENERATOR_DEFAULTS, *g = &s->mobilities[0].generator;
    const double rows[][2] = {
        {h->channels, handoff.channels},
        {(double)h->min_channel.ns, (double)handoff.min_channel.ns},
        {(double)h->max_channel.ns, (double)handoff.max_channel.ns},
        {(double)h->beacon_interval.ns, (double)handoff.beacon_interval.ns},
        {(double)h->authentication.ns, (double)handoff.authentication.ns},
        {(double)h->reassociation.ns, (double)handoff.reassociation.ns},
        {h->spread, handoff.spread},
        {r->shadowing_db, radio.shadowing_db},
        {r->correlation_m, radio.correlation_m},
        {r->bandwidth_mhz, radio.bandwidth_mhz},
        {r->noise_figure_db, radio.noise_figure_db},
        {r->sensitivity_dbm, radio.sensitivity_dbm},
        {r->least_snr_db, radio.least_snr_db},
        {q->frequency_mhz, pl->frequency_mhz},
        {q->exponent, pl->exponent},
        {q->reference_m, pl->reference_m},
        {q->reference_loss_db, pl->reference_loss_db},
        {q->transmitter_m, pl->transmitter_m},
        {q->receiver_m, pl->receiver_m},
        {q->indoor, pl->indoor},
        {q->floors, pl->floors},
        {q->power_coefficient, pl->power_coefficient},
        {q->floor_loss_db, pl->floor_loss_db},
        {o->hysteresis_db, roaming.hysteresis_db},
        {o->load_db, roaming.load_db},
        {(double)o->time_to_trigger.ns, (double)roaming.time_to_trigger.ns},
        {isnan(o->threshold_dbm), isnan(roaming.threshold_dbm)},
        {g->width_m, walk.width_m},
        {g->height_m, walk.height_m},
        {g->speed_min_mps, walk.speed_min_mps},
        {g->speed_max_mps, walk.speed_max_mps},
        {(double)g->pause_max.ns, (double)walk.pause_max.ns},
        {(double)g->step.ns, (double)walk.step.ns},
        {g->memory, walk.memory},
        {g->speed_deviation_mps, walk.speed_deviation_mps},
        {g->direction_deviation_deg, walk.direction_deviation_deg},
        {g->block_m, walk.block_m},
        {g->turn_probability, walk.turn_probability},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i][0] != rows[i][1])
            fail_msg("row %zu: %g instead of %g", i, rows[i][0], rows[i][1]);
    assert_ptr_equal(h->scan, handoff.scan);
    assert_ptr_equal(q->model, pl->model);
    assert_ptr_equal(o->policy, roaming.policy);
    scenario_free(s);
}

/* --- visits ----------------------------------------------------------------------------------------------------------- */

static bool same_visits(const struct scenario_mud *a, const struct scenario_mud *b)
{
    return a->visit_count == b->visit_count &&
           memcmp(a->visits, b->visits, (size_t)a->visit_count * sizeof *a->visits) == 0;
}

static void visits_follow_from_scenario_and_seed(void **state)
{
    (void)state;
    static const struct {
        const char *old, *new;
        uint64_t seed;
        bool same;
    } rows[] = {
        {"\"t\"", "\"u\"", 1, true},
        {"\"count\":3", "\"count\":9", 1, true},
        {"\"fixed\"", "\"before\":{\"host\":\"air\",\"mobility\":\"walk\"},\"fixed\"", 1, true},
        {"\"t\"", "\"t\"", 2, false},
        {"\"hysteresis_db\":3", "\"hysteresis_db\":0", 1, false},
    };
    struct scenario *first = moved(good, 1);
    assert_true(first->muds[2].visit_count > 3);
    assert_false(same_visits(&first->muds[1], &first->muds[2]));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        autofree char *text = edited(good, rows[i].old, rows[i].new);
        struct scenario *s = moved(text, rows[i].seed);
        int m = 0;
        while (strcmp(s->muds[m].name, "m-2") != 0)
            m++;
        if (same_visits(&s->muds[m], &first->muds[2]) != rows[i].same)
            fail_msg("row %zu", i);
        scenario_free(s);
    }
    scenario_free(first);
}

static void moving_again_starts_afresh(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    struct scenario *once = moved(good, 2), *twice = moved(good, 1);
    assert_int_equal(scenario_move(twice, 2, &e), 0);
    for (int i = 0; i < once->mud_count; i++)
        assert_true(same_visits(&once->muds[i], &twice->muds[i]));
    scenario_free(once);
    scenario_free(twice);
}

/* What agents get: no mobility, and the same devices with the same visits. */
static void the_text_with_visits_says_the_same(void **state)
{
    (void)state;
    struct scenario *s = moved(good, 1);
    autofree char *text = scenario_text_with_visits(s);
    assert_null(strstr(text, "FILE"));
    struct scenario *told = scenario_from(text);
    assert_int_equal(told->mud_count, s->mud_count);
    for (int i = 0; i < s->mud_count; i++) {
        assert_string_equal(told->muds[i].name, s->muds[i].name);
        assert_int_equal(told->muds[i].host, s->muds[i].host);
        assert_int_equal(told->muds[i].kind, s->muds[i].kind);
        assert_true(same_visits(&told->muds[i], &s->muds[i]));
    }
    scenario_free(told);
    scenario_free(s);
}

/* --- files of tracks ---------------------------------------------------------------------------------------------------- */

/* "b" comes by the access points of the first row from ap-1 on, "a" stays at ap-16, "c" is gone after 10 s. */
static const char csv[] = "t,id,x,y\n0,a,150,150\n0,b,0,0\n0,c,100,0\n10,c,,\n30,b,150,0\n";

static void files_of_tracks(void **state)
{
    static const struct {
        const char *mud, *choose;
        const char *error; /* NULL = none */
        int visits[3];     /* of the devices */
        const char *last[3];
    } rows[] = {
        {"\"count\":3", "strongest", NULL, {1, 4, 2}, {"ap-16", "ap-4", NULL}},
        {"\"count\":2", "load-aware", NULL, {1, 4}, {"ap-16", "ap-4"}},
        {"\"count\":2,\"track\":\"b\"", "strongest", NULL, {4, 2}, {"ap-4", NULL}},
        {"\"track\":\"c\"", "strongest", NULL, {2}, {NULL}},
        {"\"count\":4", "strongest", "muds.m.count: is 4, but ", {0}, {0}},
        {"\"count\":3,\"track\":\"b\"", "strongest", "has only 2 tracks (take fewer devices", {0}, {0}},
        {"\"track\":\"d\"", "strongest", "muds.m.track: ", {0}, {0}},
    };
    folder_write(*state, "t.csv", csv);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        autofree char *path = mem_printf("%s/t.csv", (char *)*state);
        autofree char *one = edited(good, "FILE", path), *two = edited(one, "\"count\":3", rows[i].mud);
        autofree char *three = edited(two, "\"mobility\":\"walk\"", "\"mobility\":\"file\"");
        autofree char *roaming = mem_printf("\"hysteresis_db\":1,\"choose\":\"%s\"", rows[i].choose);
        autofree char *text = edited(three, "\"hysteresis_db\":3", roaming);
        struct scenario *s = scenario_from(text);
        int status = scenario_move(s, 1, &e);
        autofree char *whole = mem_printf("%s (%s)", e.text, e.hint);
        if ((status < 0) != (rows[i].error != NULL) || (rows[i].error && !strstr(whole, rows[i].error)))
            fail_msg("row %zu: %s", i, whole);
        for (int k = 0; !rows[i].error && k < s->mud_count - 1; k++) {
            const struct scenario_mud *mud = &s->muds[k + 1];
            uint32_t last = mud->visits[mud->visit_count - 1].ap;
            assert_int_equal(mud->visit_count, rows[i].visits[k]);
            assert_string_equal(last == VISIT_NOWHERE ? "" : s->aps[last].name,
                                rows[i].last[k] ? rows[i].last[k] : "");
        }
        scenario_free(s);
    }
}

/* Another file is another scenario; another seed is not. */
static void the_hash_covers_files_of_tracks(void **state)
{
    static const struct {
        const char *contents;
        uint64_t seed;
        bool same;
    } rows[] = {{csv, 1, true}, {csv, 2, true}, {"t,id,x,y\n0,a,1,1\n0,b,2,2\n0,c,3,3\n", 1, false}};
    autofree char *path = mem_printf("%s/t.csv", (char *)*state), *one = edited(good, "FILE", path);
    autofree char *text = edited(one, "\"mobility\":\"walk\"", "\"mobility\":\"file\"");
    char first[65];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        folder_write(*state, "t.csv", rows[i].contents);
        struct scenario *s = moved(text, rows[i].seed);
        if (i == 0)
            memcpy(first, s->sha256, sizeof first);
        assert_int_equal(strcmp(s->sha256, first) == 0, rows[i].same);
        scenario_free(s);
    }
}

static void bad_files_are_named(void **state)
{
    static const struct {
        const char *format, *choose, *contents, *error;
    } rows[] = {
        {"csv", "strongest", "t,id,x,y\n0,a,1,wrong\n", "t.csv:2: "},
        {"csv", "strongest", NULL, "mobility.file: "},
        {"bonnmotion", "load-aware", "0 1 1 5 2 2\n", "load-aware counts stations, but "},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        autofree char *path = mem_printf("%s/t%zu/t.csv", (char *)*state, i),
                      *folder = mem_printf("%s/t%zu", (char *)*state, i);
        mkdir(folder, 0700);
        if (rows[i].contents)
            folder_write(folder, "t.csv", rows[i].contents);
        autofree char *one = edited(good, "FILE", path), *two = edited(one, "csv\"}", "X\"}");
        autofree char *three = edited(two, "\"mobility\":\"walk\"", "\"mobility\":\"file\"");
        autofree char *format = mem_printf("%s\"}", rows[i].format), *four = edited(three, "X\"}", format);
        autofree char *roaming = mem_printf("\"choose\":\"%s\"", rows[i].choose);
        autofree char *text = edited(four, "\"hysteresis_db\":3", roaming);
        struct scenario *s = scenario_from(text);
        assert_true(scenario_move(s, 1, &e) < 0);
        if (strncmp(e.text, "x.json: ", 8) != 0 || !strstr(e.text, rows[i].error))
            fail_msg("row %zu: %s (%s)", i, e.text, e.hint);
        scenario_free(s);
    }
}

/* The last test: a signal is remembered. */
static void a_signal_ends_it(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    struct scenario *s = scenario_from(good);
    interrupt_catch();
    raise(SIGTERM);
    assert_int_equal(scenario_move(s, 1, &e), -EINTR);
    scenario_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_name_the_place),
        cmocka_unit_test(a_count_of_access_points_is_a_grid),
        cmocka_unit_test(defaults_are_the_radio_s),
        cmocka_unit_test(visits_follow_from_scenario_and_seed),
        cmocka_unit_test(moving_again_starts_afresh),
        cmocka_unit_test(the_text_with_visits_says_the_same),
        IN_FOLDER(files_of_tracks),
        IN_FOLDER(the_hash_covers_files_of_tracks),
        IN_FOLDER(bad_files_are_named),
        cmocka_unit_test(a_signal_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
