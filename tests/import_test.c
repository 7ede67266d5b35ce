/* `roamlab import` of tracks: from a file and a scenario's radio to who is associated with which access point when. */
#include "command_output.h"
#include "commands.h"
#include "simulated_run.h"

/* Two access points, 100 m apart. With exponent 3 one is heard 114.9 m far, and 4 dB stronger than the other where distances are
 * as 1 to 1.359: at x = 57.6 m. A scan finds both channels busy and 9 idle, 260 ms; the rest of a handoff takes 4 ms. */
#define SCENARIO                                                                                             \
    "{\"name\": \"x\", \"duration_s\": 60, \"hosts\": {\"pc1\": {}, \"air\": {}},"                           \
    "\"edges\": {\"es1\": {\"host\": \"pc1\"}},"                                                             \
    "\"aps\": {\"west\": {\"edge\": \"es1\", \"x_m\": 0, \"y_m\": 0, \"channel\": 1},"                       \
    "\"east\": {\"edge\": \"es1\", \"x_m\": 100, \"y_m\": 0, \"channel\": 6}},"                              \
    "\"links\": [{\"between\": [\"air\", \"pc1\"]}],"                                                        \
    "\"radio\": {\"scan_interval_ms\": 10, \"roaming\": {\"hysteresis_db\": 4}},"                            \
    "\"muds\": "
#define A_MUD "{\"m\": {\"host\": \"air\", \"visits\": [{\"ap\": \"west\", \"at_s\": 0}]}}"

/* a"b walks east at 10 m/s and passes out of reach at x = 214.9 m; far is out of reach; c is gone at 2 s and back at 5 s. */
static const char walk[] = "t,id,x,y\n"
                           "0,a\"b,0,0\n0,far,0,5000\n0,c,90,10\n2,c,,\n5,c,90,10\n30,a\"b,300,0\n";

static void write_inputs(const char *folder)
{
    folder_write(folder, "x.json", SCENARIO A_MUD "}");
    folder_write(folder, "walk.csv", walk);
    folder_write(folder, "node.ns2", "$node_(0) set X_ 1\n");
}

static void test_usage(void **state)
{
    static const struct {
        const char *arguments[8];
        int status;
        const char *output; /* something in it */
    } rows[] = {
        {{"--help"}, 0, "  bonnmotion  BonnMotion's .movements"},
        {{"csv", "@/walk.csv"}, 2, "import: --scenario is needed, for the places of access points"},
        {{"csv", "@/walk.csv", "-o", "@/x", "--scenario", "@/x.json"}, 2, "standard output: no -o"},
        {{"kim22-log", "@/walk.csv", "--json"}, 2, "kim22-log takes only -o DIR"},
        {{"gpx", "@/walk.csv", "--scenario", "@/x.json"}, 2, "there is no format: gpx"},
        {{"csv", "@/none.csv", "--scenario", "@/x.json"}, 2, "none.csv: No such file"},
        {{"csv", "@/walk.csv", "--scenario", "@/none.json"}, 2, "none.json: cannot be read"},
        {{"csv", "@/x.json", "--scenario", "@/x.json"}, 2, "x.json:1: there is no column t"},
        {{"ns2", "@/node.ns2", "--scenario", "@/x.json"}, 2, "node.ns2:1: node 0 moves before it has a Y_"},
        {{"ns2", "@/node.ns2", "--scenario", "@/x.json", "--set", "radio.roaming.choose=load-aware"},
         2,
         "load-aware counts stations, but the file tells one device after the other"},
    };
    write_inputs(*state);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int status = command_output(import_main, *state, rows[i].arguments);
        autofree char *output = folder_read(*state, "output");
        if (status != rows[i].status || !strstr(output, rows[i].output))
            fail_msg("row %zu: status %d, output \"%s\"", i, status, output);
    }
}

static void test_timeline(void **state)
{
    static const struct {
        const char *device;
        double from, to; /* when */
        const char *rest;
    } rows[] = {
        {"c", 0, 0.02, "east,-54.7,0"},      {"c", 2, 2, ",,0"},
        {"\"a\"\"b\"", 0, 0.02, "west,"},    {"\"a\"\"b\"", 5.75, 5.78, "east,-69.0,"},
        {"\"a\"\"b\"", 21.48, 21.51, ",,0"}, {"c", 5, 5.02, "east,-54.7,"},
    };
    static const char *const arguments[] = {"csv", "@/walk.csv", "--scenario", "@/x.json", NULL};
    write_inputs(*state);
    assert_int_equal(command_output(import_main, *state, arguments), 0);
    autofree char *output = folder_read(*state, "output");
    char *rest = output, *line = strsep(&rest, "\n");
    assert_string_equal(line, "device,at_s,ap,rssi_dbm,silent_ms");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        line = strsep(&rest, "\n");
        char *device = strsep(&line, ",");
        double at = strtod(strsep(&line, ","), NULL);
        if (strcmp(device, rows[i].device) != 0 || at < rows[i].from || at > rows[i].to ||
            strncmp(line, rows[i].rest, strlen(rows[i].rest)) != 0)
            fail_msg("row %zu: %s at %g s: %s", i, device, at, line);
    }
    assert_string_equal(rest, "");
}

/* The scenario with the devices that the command prints. */
static struct scenario *pasted(const char *folder, const char *const *arguments)
{
    assert_int_equal(command_output(import_main, folder, arguments), 0);
    autofree char *muds = folder_read(folder, "output"), *text = mem_printf(SCENARIO "%s}", muds);
    return scenario_from(text);
}

static void test_json_is_ready_to_paste(void **state)
{
    static const char *const arguments[] = {"csv", "@/walk.csv", "--json", "--scenario", "@/x.json", NULL};
    write_inputs(*state);
    struct scenario *s = pasted(*state, arguments);
    assert_int_equal(s->mud_count, 2);
    assert_string_equal(s->muds[0].name, "a_b");
    assert_int_equal(s->muds[0].visit_count, 3);
    assert_int_equal(s->muds[0].visits[2].ap, VISIT_NOWHERE);
    double silent_ms = simtime_to_ms(handoff_phases_sum(&s->muds[0].visits[1].phases));
    assert_true(silent_ms > 264 * 0.7 && silent_ms < 264 * 1.3);
    scenario_free(s);
}

static void test_json_keeps_devices_apart(void **state)
{
    static const char *const arguments[] = {"csv", "@/names.csv", "--json", "--scenario", "@/x.json", NULL};
    static const char *const names[] = {"a_b", "a_b_2", "a_b_2_2", "m_c", "m_c_2", "a-name-longer-than-s"};
    write_inputs(*state);
    folder_write(*state, "names.csv",
                 "t,id,x,y\n0,a.b,0,0\n0,a/b,0,0\n0,a_b_2,0,0\n0,_c,0,0\n0,:c,0,0\n"
                 "0,a-name-longer-than-scenarios-take-it,0,0\n");
    struct scenario *s = pasted(*state, arguments);
    assert_int_equal(s->mud_count, ARRAY_LEN(names));
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_string_equal(s->muds[i].name, names[i]);
    scenario_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_usage),
        IN_FOLDER(test_timeline),
        IN_FOLDER(test_json_is_ready_to_paste),
        IN_FOLDER(test_json_keeps_devices_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
