/* report.html: self-contained, whatever names a scenario has; and, where Chromium is installed, drawn by it. Runs from the
 * project's root. */
#include "browser.h"
#include "chromium.h"
#include "command_output.h"
#include "commands.h"
#include "json_file.h"
#include "report.h"
#include "result.h"
#include "synthetic_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* Would mark the page if any of it were taken for markup or script. */
#define HOSTILE                                                                                              \
    "</script><script>document.documentElement.dataset.harm=1</script>"                                      \
    "<img src=x onerror='document.documentElement.dataset.harm=2'>&lt;{{data}}\"'"

/* The document that stands in the page. */
static json_object *data_of(const char *folder)
{
    static const char before[] = "<script type=\"application/json\" id=\"data\">";
    autofree char *page = folder_read(folder, "report.html");
    assert_non_null(page);
    char *begin = strstr(page, before);
    assert_non_null(begin);
    begin += strlen(before);
    char *end = strstr(begin, "</script>");
    assert_non_null(end);
    *end = '\0';
    json_object *data = json_tokener_parse(begin);
    assert_non_null(data);
    return data;
}

static size_t length_at(json_object *data, const char *path)
{
    return json_object_array_length(json_at(data, path));
}

/* A synthetic walk whose every text is HOSTILE, with a report. */
static void write_hostile(const char *folder)
{
    static struct synthetic_run run;
    static char hostile[] = HOSTILE;
    struct err e = ERR_INIT;
    struct scenario s = synthetic_scenario("p-migr");
    struct result_input input = {
        .world = "sim", .scenario = &s, .seed = 1, .command = hostile};
    s.name = hostile;
    synthetic_fill(&run, &synthetic_small);
    synthetic_add(&run, EVENT_NOTE, 6, HOSTILE, HOSTILE);
    struct event *ev = synthetic_add(&run, EVENT_HANDOFF, 6.2, "USER", HOSTILE);
    ev->peer = HOSTILE;
    ev->begin = simtime_from_seconds(6.1);
    for (int i = 0; i < 2; i++) {
        ev = synthetic_add(&run, EVENT_MESSAGE, 2.3 + i * 0.1, HOSTILE, HOSTILE);
        ev->direction = i ? EVENT_RECEIVED : EVENT_SENT;
        ev->peer = HOSTILE;
    }
    qsort(run.events, (size_t)run.count, sizeof *run.events, synthetic_order);
    synthetic_write(&run, folder);
    assert_int_equal(result_of_run(folder, &input, NULL, &e), 0);
    if (report_write(folder, &e) < 0)
        fail_msg("%s", e.text);
}

static void test_names_stay_names(void **state)
{
    write_hostile(*state);
    autofree char *page = folder_read(*state, "report.html");
    assert_null(strstr(page, "<script>document"));
    assert_null(strstr(page, "<img"));
    json_object *data = data_of(*state);
    assert_string_equal(json_text_at(data, "result.scenario.name"), HOSTILE);
    assert_string_equal(json_text_at(data, "result.command"), HOSTILE);
    json_object_put(data);
}

static void run_scenario(const char *folder, const char *const *arguments)
{
    int status = command_output(run_main, folder, arguments);
    autofree char *output = folder_read(folder, "output");
    if (status)
        fail_msg("%s", output);
}

static void test_nothing_is_fetched(void **state)
{
    static const char *const remote[] = {"src=", "@import", "url(http", "https://", "fetch(", "<link"};
    run_scenario(*state, (const char *const[]){"--quiet", "-o", "@/run", "scenarios/kim22-quick.json", NULL});
    autofree char *folder = mem_printf("%s/run", (char *)*state), *page = folder_read(folder, "report.html");
    char *begin = strstr(page, "id=\"data\">"), *end = strstr(begin, "</script>");
    memset(begin, ' ', (size_t)(end - begin)); /* a scenario may speak of anything */
    assert_non_null(strstr(page, "default-src 'none'"));
    for (size_t i = 0; i < ARRAY_LEN(remote); i++)
        if (strstr(page, remote[i]))
            fail_msg("the page has %s", remote[i]);
}

static void test_a_run_writes_it(void **state)
{
    run_scenario(*state, (const char *const[]){"--quiet", "-o", "@/run", "--set", "seed=3",
                                               "scenarios/kim22-quick.json", NULL});
    autofree char *folder = mem_printf("%s/run", (char *)*state);
    json_object *data = data_of(folder);
    assert_string_equal(
        json_text_at(data, "result.command"),
        "roamlab run --world sim --seed 3 --repeat 1 --set seed=3 scenarios/kim22-quick.json");
    assert_int_equal(json_number_at(data, "repetitions"), 0);
    assert_int_equal(length_at(data, "response"), json_number_at(data, "result.requests.answered"));
    assert_string_equal(json_text_at(data, "scenario.name"), "kim22-quick");
    assert_string_equal(json_text_at(data, "aps.1.name"), "AP-2");
    assert_string_equal(json_text_at(data, "aps.1.edge"), "ES-2");
    assert_int_equal(json_number_at(data, "links.0.rtt_ms"), 40);
    assert_int_equal(json_number_at(data, "links.0.forward_mbit"), 80);
    assert_int_equal(length_at(data, "windows"), 1);
    assert_true(length_at(data, "messages") > 50);
    json_object_put(data);
}

static void test_repetitions_and_the_paper(void **state)
{
    run_scenario(*state, (const char *const[]){"--quiet", "--repeat", "3", "-o", "@/run",
                                               "scenarios/kim22-p-migr.json", NULL});
    autofree char *folder = mem_printf("%s/run", (char *)*state);
    json_object *data = data_of(folder);
    json_object *expected = json_at(data, "result.expectations");
    json_object *time = json_object_array_get_idx(expected, json_object_array_length(expected) - 2);
    assert_int_equal(json_number_at(data, "repetitions"), 3);
    assert_string_equal(json_text_at(time, "metric"), "migration_s.mean");
    assert_float_equal(json_number_at(time, "paper"), 6.91, 0);
    assert_int_equal(json_number_at(data, "response.0.5"), 3); /* answers of request 0 */
    json_object_put(data);
}

static void test_a_folder_without_result(void **state)
{
    assert_int_equal(command_output(report_main, *state, (const char *const[]){"@/none", NULL}), 2);
    autofree char *output = folder_read(*state, "output");
    assert_non_null(strstr(output, "/none/result.json"));
}

/* --- in a browser ------------------------------------------------------------------------------------------------------ */

/* FOLDER/report.html; free() it. */
static char *draw(const char *folder)
{
    autofree char *address = mem_printf("file://%s/report.html", folder);
    return chromium_draw(folder, "", address);
}

static void test_chromium_draws_it(void **state)
{
    static const char *const parts[] = {
        "<h1>kim22-quick</h1>",
        "<td>requests.lost</td><td>≤ 0</td><td class=\"number\">0</td>",
        "✔ Everything expected holds.",
        "<section id=\"response\">",
        "<section id=\"whereabouts\">",
        "<td>send memory</td>",
        "font-weight=\"600\">ES-2</text>",
        ">REASSOCIATION REQUEST</text>",
        ">MOVE-notify</text>",
        ">ACTIVATE</text>",
        "<td>pc1-pc2</td><td class=\"number\">40</td><td class=\"number\">80</td>",
    };
    if (chromium_is_missing())
        skip();
    run_scenario(*state, (const char *const[]){"--quiet", "-o", "@/run", "scenarios/kim22-quick.json", NULL});
    autofree char *folder = mem_printf("%s/run", (char *)*state);
    autofree char *dom = draw(folder);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (!strstr(dom, parts[i]))
            fail_msg("the page has no %s", parts[i]);
}

/* The five devices of campus-walk: their ways, and themselves on them. */
static void test_chromium_draws_tracks(void **state)
{
    if (chromium_is_missing())
        skip();
    run_scenario(*state, (const char *const[]){"--quiet", "-o", "@/run", "--set", "duration_s=20",
                                               "scenarios/campus-walk.json", NULL});
    autofree char *folder = mem_printf("%s/run", (char *)*state);
    autofree char *dom = draw(folder);
    int ways = 0, devices = 0;
    for (const char *at = dom; (at = strstr(at, "class=\"track\"")); at++)
        ways++;
    for (const char *at = dom; (at = strstr(at, "r=\"6\"")); at++)
        devices++;
    assert_int_equal(ways, 5);
    assert_int_equal(devices, 5);
}

static void test_chromium_takes_names_as_names(void **state)
{
    if (chromium_is_missing())
        skip();
    write_hostile(*state);
    autofree char *dom = draw(*state);
    assert_null(strstr(dom, "data-harm"));
    assert_null(strstr(dom, "<img"));
    assert_non_null(strstr(dom, "<h1>&lt;/script&gt;&lt;script&gt;document"));
}

/* Also where links cost no time and everything happens at one instant. */
static void test_no_message_is_drawn_backwards(void **state)
{
    static const char ready[] = "Number(document.documentElement.dataset.ready === 'yes')",
                      messages[] = "document.querySelectorAll('line.message').length",
                      backwards[] = "[...document.querySelectorAll('line.message')].filter(l => l.y2.baseVal.value < l.y1.baseVal.value).length";
    if (chromium_is_missing())
        skip();
    command_output(run_main, *state, (const char *const[]){"--quiet", "-o", "@/run", "tests/counterexamples/commit-forgotten.json", NULL});
    autofree char *address = mem_printf("file://%s/run/report.html", (char *)*state);
    struct browser b = browser_open(*state, address);
    browser_until_above(&b, ready, 0);
    assert_in_range(browser_number(&b, messages), 20, 100);
    assert_int_equal(browser_number(&b, backwards), 0);
    browser_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_names_stay_names),
        IN_FOLDER(test_nothing_is_fetched),
        IN_FOLDER(test_a_run_writes_it),
        IN_FOLDER(test_repetitions_and_the_paper),
        IN_FOLDER(test_a_folder_without_result),
        IN_FOLDER(test_chromium_draws_it),
        IN_FOLDER(test_chromium_draws_tracks),
        IN_FOLDER(test_chromium_takes_names_as_names),
        IN_FOLDER(test_no_message_is_drawn_backwards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
