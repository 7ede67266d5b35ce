/* What the scenario reader refuses: rows of what is wrong and the error that names it. */
#include "scenario_fixture.h"

/* The good text with its first OLD replaced by NEW; free() it. */
static char *edited(const char *old, const char *new)
{
    const char *at = strstr(good, old);
    if (!at)
        fail_msg("the good text has no %s", old);
    return mem_printf("%.*s%s%s", (int)(at - good), good, new, at + strlen(old));
}

static void assert_error(const char *text, size_t len, const struct scenario_setting *setting,
                         const char *expected)
{
    struct err e = ERR_INIT;
    struct scenario *s = scenario_parse("x.json", text, len, setting, setting != NULL, &e);
    autofree char *whole = mem_printf("%s (%s)", e.text, e.hint);
    if (s)
        fail_msg("accepted, expected: %s", expected);
    if (strncmp(whole, "x.json: ", 8) != 0 || !strstr(whole, expected))
        fail_msg("is:       %s\nexpected: %s", whole, expected);
    assert_true(e.code > 0);
}

static void test_bad_values(void **state)
{
    static const struct {
        const char *old, *new, *expected;
    } rows[] = {
        /* unknown keys */
        {"\"rtt_ms\"", "\"rtt\"", "links.0.rtt: unknown key (did you mean rtt_ms?)"},
        {"\"rtt_ms\"", "\"rttms\"", "links.0.rttms: unknown key (did you mean rtt_ms?)"},
        {"\"duration_s\"", "\"x\":1,\"duration_s\"", "x: unknown key (known here: name, description"},
        {"\"duration_s\"", "\"$schema\":\"x\",\"duration_s\"", "$schema: this is a JSON schema, not a scenario"},
        {"\"laptop\":{}", "\"laptop\":{\"cpu\":1}", "hosts.laptop.cpu: unknown key (known here: ssh, interface, command"},
        {"\"laptop\":{}", "\"laptop\":{\"ssh\":\"a\",\"interface\":\"eth0\"}", "hosts.pc1: has no interface (where a host"},
        {"\"pc1\":{}", "\"pc1\":{\"ssh\":\"-oProxyCommand=x\",\"interface\":\"eth0\"}", "hosts.pc1.ssh: is no destination"},
        {"\"laptop\":{}", "\"laptop\":{\"command\":\"x\"}", "hosts.laptop.command: is for hosts with ssh"},
        {"\"links\"", "\"costs\":{\"restor\":{}},\"links\"",
         "costs.restor: unknown key (did you mean restore?)"},
        {"\"links\"", "\"costs\":{\"switch\":{}},\"links\"", "costs.switch: unknown key"},
        {"\"links\"", "\"sweep\":{\"vary\":[\"a=1,2\",\"b\"]},\"links\"",
         "sweep.vary.1: is not an axis (PATH=V1"},
        {"\"links\"", "\"sweep\":{\"vary\":[\"a=1\",\"a=2\"]},\"links\"", "sweep.vary.1: is varied already"},
        {"\"links\"", "\"sweep\":{\"vary\":[]},\"links\"", "sweep.vary: has 0 entries, must have 1 to 8"},
        {"\"links\"", "\"sweep\":{\"vary\":\"a=1\"},\"links\"",
         "sweep.vary: is text, expected a list of texts"},
        {"\"links\"", "\"sweep\":{\"vary\":[1]},\"links\"", "sweep.vary.0: is a number, expected text"},
        {"\"links\"", "\"sweep\":{\"metrics\":[\"requests.los\"]},\"links\"",
         "sweep.metrics.0: there is no metric requests.los"},
        {"\"links\"", "\"radio\":{\"scam\":\"active\"},\"links\"",
         "radio.scam: unknown key (did you mean scan?)"},
        /* wrong types */
        {"200", "\"200\"", "links.0.rtt_ms: is text, expected a number"},
        {"200", "null", "links.0.rtt_ms: is null, expected a number"},
        {"200", "true", "links.0.rtt_ms: is true or false, expected a number"},
        {"{\"pc1\":{},\"pc2\":{},\"laptop\":{}}", "[]", "hosts: is a list, expected an object of names"},
        {"{\"host\":\"pc1\"}", "\"pc1\"", "edges.es1: is text, expected an object"},
        {"[\"pc1\",\"pc2\"]", "[\"pc1\"]", "links.0.between: is a list, expected a list of two names"},
        {"[\"pc1\",\"pc2\"]", "[\"pc1\",7]", "links.0.between.1: is a number, expected text"},
        {"{\"between\":[\"laptop\",\"pc1\"]}", "3", "links.1: is a number, expected an object"},
        {"\"t\"", "3", "name: is a number, expected text"},
        {"\"t\"", "\"a/b\"", "name: is not a usable word"},
        {"\"t\"", "\"..\"", "name: cannot name a folder"},
        {"\"t\"", "\"a b\"", "name: cannot name a folder"},
        {"\"pc1\":{}", "\"p.1\":{}", "hosts.p.1: is not a usable name"},
        {"\"pc1\":{}", "\"\":{}", "is not a usable name"},
        {"\"pc1\":{}", "\"p23456789012345678901234567890123\":{}", "is not a usable name"},
        /* limits */
        {"200", "-1", "links.0.rtt_ms: is -1, must be 0 to 60000"},
        {"80", "0", "links.0.rate_mbit: is 0, must be 0.001"},
        {"80", "-80", "links.0.rate_mbit: is -80, must be"},
        {"80", "1e999", "links.0.rate_mbit: is too large for a number"},
        {"80", "{}", "links.0.rate_mbit: is empty"},
        {"80", "{\"forward\":-1}", "links.0.rate_mbit.forward: is -1"},
        {"80", "{\"forwards\":1}", "links.0.rate_mbit.forwards: unknown key (did you mean forward?)"},
        {"80", "80,\"loss\":1.5", "links.0.loss: is 1.5, must be 0 to 1"},
        {"80", "80,\"queue_packets\":0", "links.0.queue_packets: is 0, must be 1"},
        {"80", "80,\"queue_packets\":1.5", "links.0.queue_packets: is 1.5, must be a whole number"},
        {"80", "80,\"congestion\":\"cubik\"",
         "links.0.congestion: there is no congestion cubik (did you mean cubic?)"},
        {"100", "0", "duration_s: is 0, must be 0.001"},
        {"100", "100,\"seed\":-1", "seed: is -1, must be 0 to 9007199254740991"},
        {"100", "100,\"seed\":9223372036854775808",
         "seed: line 1, column 37: the number has too many digits"},
        {"100", "100,\"repeat\":0", "repeat: is 0, must be 1"},
        {"\"visits\"", "\"window\":0,\"visits\"", "muds.m1.window: is 0, must be 1 to 1024"},
        {"\"visits\"", "\"window\":1025,\"visits\"", "muds.m1.window: is 1025, must be 1 to 1024"},
        {"\"visits\"", "\"request_bytes\":2201,\"visits\"",
         "muds.m1.request_bytes: is 2201, must be 0 to 2200"},
        {"\"visits\"", "\"requests_per_s\":0,\"visits\"", "muds.m1.requests_per_s: is 0"},
        {"\"visits\"", "\"count\":2000001,\"visits\"", "muds.m1.count: is 2000001, must be 1 to 2000000"},
        {"100", "100,\"timeouts\":{\"rto_min_ms\":70000}",
         "timeouts.rto_min_ms: is 70000, more than rto_max_ms"},
        {"100", "100,\"migration\":{\"replay_max\":0}", "migration.replay_max: is 0"},
        {"100", "100,\"service\":{\"base_mb\":0}", "service.base_mb: is 0, must be 1"},
        /* choices */
        {"100", "100,\"migration\":{\"strategy\":\"p-migrr\"}",
         "migration.strategy: there is no strategy p-migrr (did you mean p-migr?)"},
        {"100", "100,\"migration\":{\"carrier\":\"pigeon\"}",
         "migration.carrier: there is no carrier pigeon (known: scp, rsync, stream, nfs, registry)"},
        {"100", "100,\"migration\":{\"policy\":\"fly\"}",
         "migration.policy: there is no policy fly (known: follow, never, distance, latency, mdp)"},
        {"100", "100,\"migration\":{\"placement\":\"owm\"}",
         "migration.placement: there is no placement owm (did you mean own?)"},
        {"100", "100,\"migration\":{\"policy\":\"distance\"}",
         "migration.distance: is missing, and policy distance needs it (such as {"},
        {"100", "100,\"migration\":{\"policy\":\"latency\"}",
         "migration.latency_max_ms: is missing, and policy latency needs it (such as 50)"},
        {"100", "100,\"migration\":{\"distance\":{\"unit\":\"ms\"}}", "migration.distance.max: is missing"},
        {"100", "100,\"migration\":{\"distance\":{\"unit\":\"km\",\"max\":1}}",
         "migration.distance.unit: there is no unit km (did you mean m?)"},
        {"100", "100,\"migration\":{\"policy\":\"distance\",\"distance\":{\"unit\":\"m\",\"max\":1}}",
         "aps.ap1.x_m: is missing, and migration.distance in metres needs it"},
        {"100", "100,\"migration\":{\"mdp\":{\"discount\":1}}",
         "migration.mdp.discount: is 1, must be 0.001 to 0.999"},
        {"100", "100,\"migration\":{\"mdp\":{\"away\":1.5}}", "migration.mdp.away: is 1.5, must be 0 to 1"},
        {"100", "100,\"migration\":{\"weights\":{\"location\":0.7}}",
         "migration.weights: location and load sum to 1.2, must be 1 (write all of them"},
        {"100", "100,\"migration\":{\"weights\":{\"data\":0}}",
         "migration.weights: links and data sum to 0.5, must be 1"},
        {"100", "100,\"migration\":{\"weights\":{\"cpu\":0.5}}",
         "migration.weights: cpu, memory and storage sum to 1.1, must be 1"},
        {"80", "80,\"in_use\":1", "links.0.in_use: is 1, must be 0 to 0.999"},
        {"{\"host\":\"pc1\"}", "{\"host\":\"pc1\",\"cpu\":4}",
         "edges.es1.cpu: unknown key (did you mean cpus?)"},
        {"100", "100,\"migration\":{\"strategy\":\"cold\",\"pipeline\":true}",
         "migration.pipeline: the stages of strategy cold do not overlap"},
        {"100", "100,\"migration\":{\"pipeline\":1}",
         "migration.pipeline: is a number, expected true or false"},
        /* names */
        {"\"host\":\"pc2\",\"edge\"", "\"host\":\"pc9\",\"edge\"", "aps.ap2.host: there is no host pc9"},
        {",\"edge\":\"es2\"", "", "aps.ap2.edge: is missing (edge: the edge server"},
        {"\"edge\":\"es2\"", "\"edge\":\"es3\"",
         "aps.ap2.edge: there is no edge server es3 (did you mean es"},
        {"\"es2\":{\"host\":\"pc2\"}", "\"es2\":{\"host\":\"pc1\"}",
         "edges.es2.host: edge server es1 is on host pc1 already"},
        {"\"ap\":\"ap2\"", "\"ap\":\"ap7\"", "muds.m1.visits.1.ap: there is no access point ap7"},
        {"\"m1\":{\"host\":\"laptop\"", "\"m1\":{\"host\":\"laptob\"",
         "muds.m1.host: there is no host laptob (did you mean laptop?)"},
        {"100", "100,\"logrepo\":{\"host\":\"pc3\"}", "logrepo.host: there is no host pc3"},
        {"100", "100,\"logrepo\":{}", "logrepo.host: is missing"},
        {"[\"pc1\",\"pc2\"]", "[\"pc1\",\"pc1\"]", "links.0.between: joins host pc1 to itself"},
        {"[\"laptop\",\"pc1\"]", "[\"pc2\",\"pc1\"]", "links.1.between: links.0 joins pc2 and pc1 already"},
        {"{\"between\":[\"laptop\",\"pc1\"]}", "{\"between\":[\"laptop\",\"pc3\"]}",
         "links.1.between.1: there is no host pc3"},
        /* what links do */
        {"80", "80,\"jitter_ms\":2148", "links.0.jitter_ms: is 2148, must be 0 to 2147"},
        {"80", "80,\"jitter_ms\":{\"back\":-1}", "links.0.jitter_ms.back: is -1, must be 0"},
        {"80", "80,\"delay_ms\":5", "links.0.delay_ms: stands beside rtt_ms (keep one"},
        {"80", "80,\"distribution\":\"gauss\"",
         "links.0.distribution: there is no distribution gauss (known: uniform"},
        {"80", "80,\"distribution\":{\"back\":\"gauss\"}",
         "links.0.distribution.back: there is no distribution gauss"},
        {"80", "80,\"distribution\":{}", "links.0.distribution: is empty"},
        {"80", "80,\"distribution\":{\"file\":\"none.dist\"}",
         "links.0.distribution.file: none.dist cannot be read"},
        {"80", "80,\"distribution\":{\"file\":\"/dev/zero\"}",
         "links.0.distribution.file: /dev/zero is not a file"},
        {"80", "80,\"distribution\":{\"forward\":{\"text\":\"1 x\"}}",
         "links.0.distribution.forward: table:1: "},
        {"80", "80,\"loss\":{}", "links.0.loss: is empty"},
        {"80", "80,\"loss\":{\"markov\":{\"p13\":1,\"p14\":0.5}}",
         "links.0: markov p13 + p14: 1.5 is not between"},
        {"80", "80,\"loss\":{\"markov\":{}}", "links.0.loss.markov.p13: is missing"},
        {"80", "80,\"loss\":{\"probability\":0.1,\"gilbert_elliott\":{\"p\":1}}",
         "links.0.loss: has more than one model (probability"},
        {"80", "80,\"loss\":{\"back\":{\"gilbert_eliott\":{}}}",
         "links.0.loss.back.gilbert_eliott: unknown key (did you mean gilbert_elliott?)"},
        {"80", "80,\"duplicate\":{\"correlation\":0.1}", "links.0.duplicate.probability: is missing"},
        {"200,\"rate_mbit\":80", "0,\"reorder\":0.1", "links.0: reorder: packets that are not delayed"},
        {"80", "80,\"reorder\":{\"probability\":0.1,\"gap\":0}", "links.0.reorder.gap: is 0, must be 1"},
        {",\"rate_mbit\":80", ",\"queue_bytes\":1500",
         "links.0: queue bytes: without a rate it has no meaning"},
        {"80", "80,\"cell_overhead_bytes\":5", "links.0: cell overhead: there are no cells"},
        {"80", "80,\"slot\":{}", "links.0.slot.min_ms: is missing"},
        {"80", "80,\"slot\":{\"min_ms\":2,\"max_ms\":1}", "links.0: slot: 2 to 1 ms"},
        {"80", "80,\"schedule\":[]", "links.0.schedule: has 0 entries"},
        {"80", "80,\"schedule\":[{\"rtt_ms\":1}]", "links.0.schedule.0.at_s: is missing"},
        {"80", "80,\"schedule\":[{\"at_s\":1},{\"at_s\":1}]",
         "links.0.schedule.1.at_s: 1 s is not later than 1 s"},
        {"80", "80,\"schedule\":[{\"at_s\":1,\"shape\":\"ramp\"}]",
         "links.0.schedule.0.shape: there is no shape ramp"},
        {"80", "80,\"schedule\":[{\"at_s\":1,\"rtt_ms\":1,\"delay_ms\":1}]",
         "links.0.schedule.0.delay_ms: stands beside"},
        {",\"rate_mbit\":80", ",\"schedule\":[{\"at_s\":1,\"rate_mbit\":8,\"shape\":\"linear\"}]",
         "links.0.schedule: at 1 s: a rate cannot approach linearly"},
        {"80", "80,\"trace\":{}", "links.0.trace.file: is missing"},
        {"80", "80,\"trace\":{\"file\":\"none.csv\"}",
         "links.0.trace.file: none.csv cannot be read: No such file"},
        {"80", "80,\"trace\":{\"text\":\"x\",\"format\":\"pcap\"}",
         "links.0.trace.format: there is no format pcap (known:"},
        {"80", "80,\"trace\":{\"text\":\"1\\n0\",\"format\":\"mahimahi\"}",
         "links.0.trace.text: text:2: 0 ms is before 1 ms"},
        {"80", "80,\"trace\":{\"text\":\"0,1,2,0\",\"repeat\":true}",
         "links.0.trace: cannot repeat: it lasts no time"},
        {"80", "80,\"schedule\":[{\"at_s\":1}],\"trace\":{\"text\":\"0,1,2,0\"}",
         "links.0.trace: stands beside schedule"},
        /* faults */
        {"100", "100,\"faults\":[{}]", "faults.0.operation: is missing"},
        {"100", "100,\"faults\":[{\"operation\":\"restor\"}]",
         "faults.0.operation: there is no operation restor (did"},
        {"100", "100,\"faults\":[{\"operation\":\"replay\"}]",
         "faults.0.operation: there is no operation replay"},
        {"100", "100,\"faults\":[{\"operation\":\"dump\",\"edge\":\"x\"}]",
         "faults.0.edge: there is no edge server x"},
        {"100", "100,\"faults\":[{\"operation\":\"dump\",\"mud\":\"m2\"}]",
         "faults.0.mud: there is no mud m2 (did"},
        {"100", "100,\"faults\":[{\"effect\":\"stopped\",\"host\":\"laptop\"}]", "faults.0.host: is that of device m1"},
        {"100", "100,\"faults\":[{\"effect\":\"clock\"}]", "faults.0.host: is missing"},
        {"100", "100,\"faults\":[{\"effect\":\"clock\",\"host\":\"laptop\",\"operation\":\"dump\"}]",
         "faults.0.operation: has no place beside effect clock"},
        {"\"pc1\":{}", "\"pc1\":{\"drift_ppm\":1001}", "hosts.pc1.drift_ppm: is 1001, must be -1000 to 1000"},
        /* expectations */
        {"100", "100,\"expect\":[{\"metric\":\"requests.lots\",\"max\":0}]",
         "expect.0.metric: there is no metric requests.lots (did you mean requests.lost?)"},
        {"100", "100,\"expect\":[{\"metric\":\"requests.lost\"}]", "expect.0: has neither min nor max nor paper"},
        {"100", "100,\"expect\":[{\"metric\":\"requests.lost\",\"min\":2,\"max\":1}]",
         "expect.0: min 2 is above max 1"},
        /* paths */
        {",{\"between\":[\"laptop\",\"pc1\"]}", "",
         "muds.m1.visits.0: there is no path between hosts laptop and pc1 (add a link"},
        {"{\"between\":[\"pc1\",\"pc2\"],\"rtt_ms\":200,\"rate_mbit\":80},", "",
         "muds.m1.visits.1: there is no path between hosts laptop and pc2"},
        {"[\"pc1\",\"pc2\"]", "[\"laptop\",\"pc2\"]",
         "muds.m1.visits.1: there is no path between hosts pc1 and pc2"},
        {",\"laptop\":{}},", ",\"laptop\":{},\"pc3\":{}},\"logrepo\":{\"host\":\"pc4\"},",
         "logrepo.host: there is no host pc4 ("},
        {"\"visits\":[{\"ap\":\"ap1\",\"at_s\":1},{\"ap\":\"ap2\",\"at_request\":50}]",
         "\"mobility\":\"walk\"", "muds.m1.mobility: there is no mobility walk, nor any other"},
        /* visits */
        {"\"at_s\":1", "\"at_request\":1", "muds.m1.visits.0: the first visit must begin at a time"},
        {"\"at_s\":1", "\"at_s\":1,\"at_request\":1", "muds.m1.visits.0: has both at_s and at_request"},
        {",\"at_request\":50", "", "muds.m1.visits.1: has neither at_s nor at_request"},
        {"\"at_request\":50", "\"at_request\":99",
         "muds.m1.visits.1.at_request: is at 100 s or later, the run ends at 100 s"},
        {"\"at_request\":50", "\"at_s\":1",
         "muds.m1.visits.1.at_s: is at 1 s, not after the visit before it (1 s)"},
        {"\"ap\":\"ap2\"", "\"ap\":\"ap1\"", "muds.m1.visits.1.ap: is where the device is already"},
        {"\"ap\":\"ap1\",\"at_s\":1", "\"outage\":true,\"at_s\":1",
         "muds.m1.visits.0.outage: the first visit must be at an access point"},
        {"\"ap\":\"ap2\"", "\"ap\":\"ap2\",\"outage\":true", "muds.m1.visits.1: has both ap and outage"},
        {"\"ap\":\"ap2\"", "\"outage\":false", "muds.m1.visits.1: has neither ap nor outage (write the"},
        {"{\"ap\":\"ap2\",\"at_request\":50}", "{\"outage\":true,\"at_s\":2},{\"outage\":true,\"at_s\":3}",
         "muds.m1.visits.2.outage: follows an outage"},
        {"{\"ap\":\"ap2\",\"at_request\":50}",
         "{\"outage\":true,\"at_s\":2},{\"ap\":\"ap2\",\"at_request\":50}",
         "muds.m1.visits.2: the visit after an outage must begin at a time"},
        {"{\"m1\":",
         "{\"a-2\":{\"host\":\"laptop\",\"visits\":[{\"ap\":\"ap1\",\"at_s\":0}]},\"a\":{\"count\":2,"
         "\"host\":"
         "\"laptop\",\"visits\":[{\"ap\":\"ap1\",\"at_s\":0}]},\"m1\":",
         "muds.a-2: the count of a makes a device of this name already"},
        /* JSON itself */
        {"200", "NaN", "links.0.rtt_ms: line 1, column"},
        {"200", "Infinity", "Infinity is not a number in JSON"},
        {"200", "-Infinity", "-Infinity is not a number in JSON"},
        {"200", "0200", "a number must not begin with 0"},
        {"200", "2.", "a digit is missing after the point"},
        {"200", "2e", "a digit is missing in the exponent"},
        {"200", "- 2", "a digit is missing"},
        {"200", "'2'", "strings stand in double quotes"},
        {"200", "/*2*/", "JSON has no comments"},
        {"200", "", "a value is expected"},
        {"\"pc2\":{}", "\"pc1\":{}", "hosts.pc1: line 1, column"},
        {"\"pc2\":{}", "\"pc1\":{}", "is there twice (keep one of the two)"},
        {"\"duration_s\"", "\"duration_s\":5,\"duration_s\"", "duration_s: line 1, column"},
        {"\"pc2\":{}", "\"pc\\u0031\":{}", "a backslash in a key"},
        {"\"t\"", "\"t", "a comma or } is expected"},
        {"\"t\"", "\"t\\q\"", "an unknown escape"},
        {"\"t\"", "\"t\\u00\"", "\\u needs four"},
        {"\"t\"", "\"t\\u0000\"", "a zero byte in a string"},
        {"\"t\"", "\"t\n\"", "the string is not closed on its line"},
        {"\"t\"", "\"\xff\"", "x.json: "},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        autofree char *text = edited(rows[i].old, rows[i].new);
        assert_error(text, strlen(text), NULL, rows[i].expected);
    }
}

static void test_bad_texts(void **state)
{
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {"", "line 1, column 1: the text ends here"},
        {"  \n ", "line 2, column 2: the text ends here"},
        {"{\"name\":\n  \"ä",
         "name: line 2, column 5: the text ends here, in the middle of the scenario (the file is cut"},
        {"{\"hosts\": {\"a\": {}", "hosts: line 1, column 19: the text ends here"},
        {"{} x", "line 1, column 4: there is text after the end"},
        {"{}{}", "line 1, column 3: there is text after the end"},
        {"[]", "the scenario is a list, expected an object"},
        {"7", "the scenario is a number, expected an object"},
        {"null", "is null"},
        {"{\"a\":[[[[[[[[[[[[[[[[[[[[", "line 1, column 21: brackets are nested too deeply"},
        {"{\"links\":[{},]}", "links.1: line 1, column 14: a value is expected (is there a comma too many?)"},
        {"{\"a\":1,}", "a key in double quotes is expected"},
        {"{a:1}", "a key in double quotes is expected"},
        {"{\"a\" 1}", "a: line 1, column 6: a colon is expected"},
        {"{}", "name: is missing"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_error(rows[i].text, strlen(rows[i].text), NULL, rows[i].expected);
    for (size_t len = 0; len < sizeof good - 1; len++) /* every truncation */
        assert_error(good, len, NULL, "the text ends here");
    assert_error("{\"name\":\"\0\"}", 12, NULL, "a control character");
}

static void test_bad_settings(void **state)
{
    static const struct {
        struct scenario_setting setting;
        const char *expected;
    } rows[] = {
        {{"durations", "1"}, "--set durations=1: durations: there is no such key (did you mean duration_s?)"},
        {{"links.0.rtt", "1"}, "links.0.rtt: there is no such key (did you mean rtt_ms?)"},
        {{"links.2.rtt_ms", "1"}, "links.2: there is no such entry (the list has 2, counted from 0)"},
        {{"links.3", "{}"}, "links.3: there is no such entry"},
        {{"links.-1.rtt_ms", "1"}, "links.-1: there is no such entry"},
        {{"links.x.rtt_ms", "1"}, "links.x: there is no such entry"},
        {{"links.0.between.2", "pc1"}, "links.0.between.2: there is no such entry"},
        {{"links.0.between.0.x", "pc1"}, "links.0.between.0: there is no such key"},
        {{"links.0.rate_mbit.forward", "1"}, "links.0.rate_mbit: has no keys below it"},
        {{"muds.m2.window", "1"}, "muds.m2: there is no such key (did you mean m1?)"},
        {{"costs.sav.fixed_ms", "1"}, "costs.sav: there is no such key (did you mean save?)"},
        {{"seed.x", "1"}, "seed: has no keys below it"},
        {{"", "1"}, "there is no such key"},
        {{"links.", "1"}, "there is no such entry"},
        {{".seed", "1"}, "there is no such key"},
        {{"seed", "{\"a\""}, "--set seed={\"a\": a: line 1, column 5: the text ends here"},
        {{"seed", "null"}, "null is not a value"},
        {{"seed", "many"}, "seed: is text, expected a number"},
        {{"seed", "NaN"}, "seed: is text, expected a number"},
        {{"duration_s", "-5"}, "duration_s: is -5, must be"},
        {{"muds.m1.visits.1.at_s", "9"}, "muds.m1.visits.1: has both at_s and at_request"},
        {{"faults", "[{\"operation\":\"dump\",\"mud\":\"m1-1\"}]"}, "faults.0.mud: there is no mud m1-1"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_error(good, sizeof good - 1, &rows[i].setting, rows[i].expected);
}

static void test_unreadable_files(void **state)
{
    static const struct {
        const char *path, *expected;
    } rows[] = {
        {"no/such.json", "no/such.json: cannot be read: No such file"},
        {"/", "/: is not a file"},
        {"/dev/zero", "/dev/zero: is not a file"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        assert_null(scenario_read(rows[i].path, NULL, 0, &e));
        assert_non_null(strstr(e.text, rows[i].expected));
    }
}

static void test_too_large_file(void **state)
{
    (void)state;
    char path[] = "/tmp/roamlab-large-XXXXXX";
    int fd = mkstemp(path);
    struct err e = ERR_INIT;
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)SCENARIO_BYTES_MAX + 1), 0); /* sparse */
    assert_null(scenario_read(path, NULL, 0, &e));
    assert_non_null(strstr(e.text, "is larger than 256 MB"));
    close(fd);
    unlink(path);
}

static void test_too_many_requests(void **state)
{
    (void)state;
    const struct scenario_setting settings[] = {{"muds.m1.requests_per_s", "1000"}, {"duration_s", "3e6"}};
    struct err e = ERR_INIT;
    assert_null(scenario_parse("x.json", good, sizeof good - 1, settings, 2, &e));
    assert_non_null(strstr(e.text, "muds.m1.requests_per_s: makes 3e+09 requests in the run"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_values),     cmocka_unit_test(test_bad_texts),
        cmocka_unit_test(test_bad_settings),   cmocka_unit_test(test_unreadable_files),
        cmocka_unit_test(test_too_large_file), cmocka_unit_test(test_too_many_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
