/* What controller and agent say to each other: every kind of line there and back as text, and lines that are none. */
#include "agent_protocol.h"
#include "mem.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* As the pipe carries it; takes the line over. */
static struct json_object *through_text(struct json_object *line)
{
    autofree char *text = mem_copy_string(json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN));
    json_object_put(line);
    assert_null(strchr(text, '\n'));
    struct json_object *parsed = json_tokener_parse(text);
    assert_non_null(parsed);
    return parsed;
}

static void words(void **unused)
{
    (void)unused;
    static const char *const rows[] = {"connect", "give up", "end", "ready"};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct json_object *line = through_text(agent_say(rows[i]));
        assert_string_equal(agent_word(line), rows[i]);
        json_object_put(line);
    }
}

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && !strcmp(a, b));
}

static void orders(void **unused)
{
    (void)unused;
    static const struct {
        uint64_t seed;
        const char *scenario, *capture;
        bool again;
    } rows[] = {
        {0, "{}", NULL, true},
        {INT64_MAX, "{\n  \"name\": \"a\\\"b\"\n}", "/results/x/pc1.pcap", false},
        {(uint64_t)INT64_MAX + 1, "{\"description\": \"Ünïcode\\u0007\"}", "/a folder/pc1.pcap", false},
        {UINT64_MAX, "", NULL, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *machine = rows[i].capture ? "/proc/7/ns/net" : NULL;
        struct agent_orders in = {.scenario = rows[i].scenario,
                                  .path = "s.json",
                                  .seed = rows[i].seed,
                                  .host = 3,
                                  .run = "abc1234",
                                  .folder = "/var/lib/roamlab/runs/abc1234",
                                  .image = "image:1",
                                  .archive = "/i.tar",
                                  .criu_folder = "/opt/bin",
                                  .capture = rows[i].capture,
                                  .again = rows[i].again,
                                  .machine_namespace = machine,
                                  .anchor = machine,
                                  .anchor_archive = machine},
                            out;
        struct err e = ERR_INIT;
        struct json_object *line = through_text(agent_say_prepare(&in));
        assert_string_equal(agent_word(line), "prepare");
        assert_int_equal(agent_read_prepare(line, &out, &e), 0);
        assert_string_equal(out.scenario, in.scenario);
        assert_string_equal(out.path, in.path);
        assert_true(out.seed == in.seed && out.host == in.host && out.again == in.again);
        assert_string_equal(out.run, in.run);
        assert_string_equal(out.folder, in.folder);
        assert_string_equal(out.image, in.image);
        assert_string_equal(out.archive, in.archive);
        assert_string_equal(out.criu_folder, in.criu_folder);
        assert_true(same(in.capture, out.capture));
        assert_true(same(in.machine_namespace, out.machine_namespace) && same(in.anchor, out.anchor) &&
                    same(in.anchor_archive, out.anchor_archive));
        json_object_put(line);
    }
}

static void begin_and_idle(void **unused)
{
    (void)unused;
    static const int64_t origins[] = {0, 1, -1, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < ARRAY_LEN(origins); i++) {
        struct simtime origin;
        struct json_object *line = through_text(agent_say_begin(simtime_ns(origins[i])));
        assert_int_equal(agent_read_begin(line, &origin, NULL), 0);
        assert_true(origin.ns == origins[i]);
        json_object_put(line);
    }
    for (int said = 0; said < 2; said++) {
        bool idle = !said;
        struct json_object *line = through_text(agent_say_idle(said));
        assert_int_equal(agent_read_idle(line, &idle, NULL), 0);
        assert_int_equal(idle, said);
        json_object_put(line);
    }
}

static void events(void **unused)
{
    (void)unused;
    for (int kind = 0; kind < EVENT_KINDS; kind++) {
        const struct event in = {.at = {1234567890123 + kind},
                                 .kind = (enum event_kind)kind,
                                 .direction = kind % 2 ? EVENT_SENT : EVENT_RECEIVED,
                                 .reporter = "USER-m2",
                                 .peer = kind % 2 ? NULL : "198.18.0.1",
                                 .sender = "ES-1",
                                 .text = "a \"quoted\" line\nand another: ü",
                                 .mud = -1,
                                 .number = INT32_MAX,
                                 .migration = 2,
                                 .begin = {-5},
                                 .bytes = INT64_MAX,
                                 .value = INT64_MIN};
        struct event out;
        struct json_object *line = through_text(agent_say_event(&in));
        assert_int_equal(agent_read_event(line, &out, NULL), 0);
        assert_true(out.at.ns == in.at.ns && out.kind == in.kind && out.direction == in.direction);
        assert_string_equal(out.reporter, in.reporter);
        assert_string_equal(out.peer, in.peer ? in.peer : "");
        assert_string_equal(out.sender, in.sender);
        assert_string_equal(out.text, in.text);
        assert_true(out.mud == in.mud && out.number == in.number && out.migration == in.migration);
        assert_true(out.begin.ns == in.begin.ns && out.bytes == in.bytes && out.value == in.value);
        json_object_put(line);
    }
}

static void accounts(void **unused)
{
    (void)unused;
    static const struct agent_account rows[] = {
        {0},
        {1, {2}, {3}, {4}, 5.25, 3.969716, 6, 7, 8},
        {INT64_MAX, {INT64_MAX}, {0}, {-1}, 1e-9, 1e9, INT64_MAX, INT64_MAX, INT64_MAX},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct agent_account out;
        struct json_object *line = through_text(agent_say_ended(&rows[i]));
        assert_string_equal(agent_word(line), "ended");
        assert_int_equal(agent_read_ended(line, &out, NULL), 0);
        assert_true(out.timers == rows[i].timers && out.errors == rows[i].errors);
        assert_true(out.late_p50.ns == rows[i].late_p50.ns && out.late_p99.ns == rows[i].late_p99.ns &&
                    out.late_max.ns == rows[i].late_max.ns);
        assert_true(out.memory_ratio == rows[i].memory_ratio && out.layer_ratio == rows[i].layer_ratio);
        assert_true(out.capture_dropped == rows[i].capture_dropped && out.events == rows[i].events);
        json_object_put(line);
    }
}

static void failures(void **unused)
{
    (void)unused;
    static const struct err rows[] = {
        {EIO, "pc1: dockerd: no", "see x"},
        {ENOENT, "a \"path\" with % and \\", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err out = ERR_INIT;
        struct json_object *line = through_text(agent_say_failed(&rows[i]));
        assert_string_equal(agent_word(line), "failed");
        agent_read_failed(line, &out);
        assert_int_equal(out.code, rows[i].code);
        assert_string_equal(out.text, rows[i].text);
        assert_string_equal(out.hint, rows[i].hint);
        json_object_put(line);
    }
}

/* --- lines that are none ------------------------------------------------------------------------------------- */

static void no_words(void **unused)
{
    (void)unused;
    static const char *const rows[] = {
        "[]", "7", "\"end\"", "{}", "{\"say\": 1}", "{\"say\": null}", "{\"SAY\": \"end\"}"};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct json_object *line = json_tokener_parse(rows[i]);
        assert_null(agent_word(line));
        json_object_put(line);
    }
    assert_null(agent_word(NULL));
}

static int read_any(struct json_object *line, struct err *e)
{
    struct agent_orders orders;
    struct agent_account account;
    struct simtime origin;
    struct event event;
    const char *word = agent_word(line);
    uint64_t events;
    bool idle;
    if (!strcmp(word, "away"))
        return agent_read_away(line, &events, e);
    if (!strcmp(word, "prepare"))
        return agent_read_prepare(line, &orders, e);
    if (!strcmp(word, "begin"))
        return agent_read_begin(line, &origin, e);
    if (!strcmp(word, "event"))
        return agent_read_event(line, &event, e);
    return !strcmp(word, "idle") ? agent_read_idle(line, &idle, e) : agent_read_ended(line, &account, e);
}

/* A line of each kind that lacks one of its fields, or has it with another type. */
static void missing_and_wrong_fields(void **unused)
{
    (void)unused;
    const struct agent_orders some_orders = {
        .scenario = "{}", .path = "s.json", .seed = 1, .run = "r", .folder = "/r", .image = "i", .archive = "/i", .criu_folder = "/c", .again = true};
    struct json_object *lines[] = {agent_say_prepare(&some_orders), agent_say_begin(SIMTIME_ZERO),
                                   agent_say_idle(true), agent_say_ended(&(struct agent_account){0}), agent_say_away(UINT32_MAX),
                                   agent_say_event(&(struct event){.reporter = "USER", .text = ""})};
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        assert_int_equal(read_any(lines[i], NULL), 0);
        json_object_object_foreach(lines[i], key, value)
        {
            (void)value;
            if (!strcmp(key, "say") || !strcmp(key, "capture"))
                continue;
            for (int wrong = 0; wrong < 2; wrong++) {
                struct json_object *copy = NULL;
                struct err e = ERR_INIT;
                assert_int_equal(json_object_deep_copy(lines[i], &copy, NULL), 0);
                json_object_object_del(copy, key);
                if (wrong)
                    json_object_object_add(copy, key, json_object_new_object());
                assert_int_equal(read_any(copy, &e), -EPROTO);
                assert_non_null(strstr(e.text, key));
                json_object_put(copy);
            }
        }
        json_object_put(lines[i]);
    }
}

static void events_that_are_none(void **unused)
{
    (void)unused;
    static const char *const rows[] = {
        "[]",
        "[0,0,0,\"a\",\"\",\"\",\"t\",0,0,0,0,0]",     /* one short */
        "[0,0,0,\"a\",\"\",\"\",\"t\",0,0,0,0,0,0,0]", /* one more */
        "[0,-1,0,\"a\",\"\",\"\",\"t\",0,0,0,0,0,0]",  /* kinds */
        "[0,1000,0,\"a\",\"\",\"\",\"t\",0,0,0,0,0,0]",
        "[0,0,3,\"a\",\"\",\"\",\"t\",0,0,0,0,0,0]", /* directions */
        "[0,0,-1,\"a\",\"\",\"\",\"t\",0,0,0,0,0,0]",
        "[0,\"0\",0,\"a\",\"\",\"\",\"t\",0,0,0,0,0,0]", /* types */
        "[0,0,0,null,\"\",\"\",\"t\",0,0,0,0,0,0]",
        "[0,0,0,\"a\",\"\",\"\",{},0,0,0,0,0,0]",
        "[0,0,0,\"a\",\"\",\"\",\"t\",0,0,0,0,0,1.5]",
        "[0,0,0,\"a\",\"\",\"\",\"t\",4294967296,0,0,0,0,0]", /* a device's index is 32 bits */
        "[2305843009213693953,0,0,\"a\",\"\",\"\",\"t\",0,0,0,0,0,0]", /* times that cannot be added to others */
        "[0,0,0,\"a\",\"\",\"\",\"t\",0,0,0,-2305843009213693953,0,0]",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct event event;
        struct err e = ERR_INIT;
        struct json_object *line = agent_say("event");
        json_object_object_add(line, "event", json_tokener_parse(rows[i]));
        if (agent_read_event(line, &event, &e) != -EPROTO)
            fail_msg("%s was taken for an event", rows[i]);
        json_object_put(line);
    }
}

/* However it is maimed, a failure is a failure. */
static void maimed_failures(void **unused)
{
    (void)unused;
    static const struct {
        const char *line, *text;
        int code;
    } rows[] = {
        {"{\"say\": \"failed\"}", "failed without a reason", EIO},
        {"{\"say\": \"failed\", \"code\": 0, \"text\": \"x\"}", "x", EIO},
        {"{\"say\": \"failed\", \"code\": -5, \"text\": \"x\"}", "x", EIO},
        {"{\"say\": \"failed\", \"code\": 2, \"text\": 3}", "failed without a reason", ENOENT},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        struct json_object *line = json_tokener_parse(rows[i].line);
        agent_read_failed(line, &e);
        assert_int_equal(e.code, rows[i].code);
        assert_string_equal(e.text, rows[i].text);
        json_object_put(line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words),
        cmocka_unit_test(orders),
        cmocka_unit_test(begin_and_idle),
        cmocka_unit_test(events),
        cmocka_unit_test(accounts),
        cmocka_unit_test(failures),
        cmocka_unit_test(no_words),
        cmocka_unit_test(missing_and_wrong_fields),
        cmocka_unit_test(events_that_are_none),
        cmocka_unit_test(maimed_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
