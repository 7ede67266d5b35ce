#include "figure_parts.h"
#include "figures.h"
#include "folder.h"
#include "json_file.h"
#include "result.h"
#include "synthetic_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <sys/stat.h>

/* Kim22's two runs, roughly: to be looked at (ROAMLAB_KEEP_FIGURES=FOLDER keeps them there) and to be drawn twice. */
static const struct synthetic_stage p_stages[] = {
    {"freeze", 0, 0.011, 0},
    {"dump", 0.011, 0.176, 29000000},
    {"take layer", 0.187, 0.061, 20000000},
    {"thaw", 0.248, 0.006, 0},
    {"send memory", 0.254, 3.410, 29000000},
    {"send layer", 3.664, 2.310, 20000000},
    {"create", 5.974, 0.210, 0},
    {"restore", 6.184, 0.269, 0},
    {"replay", 6.453, 0.110, 0},
    {"switch", 6.563, 0.347, 0},
    {"stop", 6.910, 0.100, 0},
};

static const struct synthetic_stage c_stages[] = {
    {"freeze", 0, 0.011, 0},
    {"dump", 0.011, 0.176, 29000000},
    {"commit", 0.187, 0.180, 20000000},
    {"thaw", 0.367, 0.006, 0},
    {"send memory", 0.373, 3.410, 29000000},
    {"save", 3.783, 9.600, 929000000},
    {"send image", 13.383, 98.500, 929000000},
    {"load", 111.883, 11.900, 0},
    {"create", 123.783, 0.210, 0},
    {"restore", 123.993, 0.269, 0},
    {"replay", 124.262, 0.410, 0},
    {"switch", 124.672, 0.228, 0},
    {"stop", 124.900, 0.100, 0},
};

static const char *const figures[] = {"response-time.svg", "response-time.png", "stages.svg", "stages.png"};

static void write_result(const char *folder, const char *strategy, const struct synthetic_stage *stages,
                         int count, int repetitions)
{
    static struct synthetic_run run;
    struct err e = ERR_INIT;
    struct scenario s = synthetic_scenario(strategy);
    autofree char *name = mem_printf("kim22-%s", strategy);
    s.name = name;
    struct result_input input = {.world = "sim", .scenario = &s, .seed = 1};
    struct synthetic_stage varied[16];
    memcpy(varied, stages, (size_t)count * sizeof *stages);
    for (int k = 0; k < repetitions; k++) {
        varied[count - 2].seconds = stages[count - 2].seconds + 0.05 * (k - 2); /* the switch */
        synthetic_fill(&run, &(struct synthetic_options){.strategy = strategy,
                                                         .requests = 200,
                                                         .interval_s = 1,
                                                         .begin_s = 50.4,
                                                         .near_ms = 17,
                                                         .far_ms = 230,
                                                         .jitter_ms = 8,
                                                         .seed = (uint64_t)k,
                                                         .stages = varied,
                                                         .stage_count = count});
        autofree char *one = mem_printf("%s/rep-%d", folder, k + 1);
        synthetic_write(&run, one);
        assert_int_equal(result_of_run(one, &input, NULL, &e), 0);
    }
    assert_int_equal(result_of_repetitions(folder, repetitions, &input, NULL, &e), 0);
}

static bool gnuplot_is_missing(void)
{
    bool missing = system("command -v gnuplot >/dev/null") != 0;
    if (missing)
        puts("skip: gnuplot is not installed (package gnuplot-nox)");
    return missing;
}

static void test_figures_of_kim22(void **state)
{
    if (gnuplot_is_missing())
        skip();
    struct err e = ERR_INIT;
    const char *base = getenv("ROAMLAB_KEEP_FIGURES") ? getenv("ROAMLAB_KEEP_FIGURES") : *state;
    autofree char *p = mem_printf("%s/p-migr", base), *c = mem_printf("%s/c-migr", base);
    autofree char *p_figures = mem_printf("%s/figures", p);
    const char *const both[] = {p, c};
    write_result(p, "p-migr", p_stages, ARRAY_LEN(p_stages), 5);
    write_result(c, "c-migr", c_stages, ARRAY_LEN(c_stages), 5);
    if (figures_of_result(p, &e) < 0 || figures_of_result(c, &e) < 0 ||
        figures_of_comparison(both, 2, base, &e) < 0)
        fail_msg("%s", e.text);
    autofree char *bars = folder_read(base, "migration-time.dat");
    assert_non_null(strstr(bars, "1 \"p-migr (sim)\" 6.910000 0.098161 \"6.91 ± 0.10 s, n = 5\"\n"
                                 "2 \"c-migr (sim)\" 124.900000 0.098161 \"124.9 ± 0.1 s, n = 5\"\n"));
    autofree char *response = folder_read(p_figures, "response-time.gp");
    assert_non_null(strstr(response, "migration_from = '49.5'\nmigration_to = '56.5'\n"));
    assert_non_null(strstr(response, "repetitions = 5\nsampled = 1\n"));
    char *first[ARRAY_LEN(figures)];
    for (size_t i = 0; i < ARRAY_LEN(figures); i++)
        assert_non_null(first[i] = folder_read(p_figures, figures[i]));
    assert_int_equal(figures_of_result(p, &e), 0);
    for (size_t i = 0; i < ARRAY_LEN(figures); i++) {
        autofree char *again = folder_read(p_figures, figures[i]);
        assert_string_equal(again, first[i]);
        free(first[i]);
    }
}

static struct event *add_for_second(struct synthetic_run *run, enum event_kind kind, double at_s,
                                    const char *reporter, const char *text)
{
    struct event *ev = synthetic_add(run, kind, at_s, reporter, text);
    ev->mud = 1;
    return ev;
}

/* The small walk, with these stages. */
static void write_small(const char *folder, const struct synthetic_stage *stages, int count)
{
    static struct synthetic_run run;
    struct err e = ERR_INIT;
    struct scenario s = synthetic_scenario("p-migr");
    struct result_input input = {.world = "sim", .scenario = &s, .seed = 1};
    struct synthetic_options options = synthetic_small;
    options.stages = stages;
    options.stage_count = count;
    synthetic_fill(&run, &options);
    synthetic_write(&run, folder);
    assert_int_equal(result_of_run(folder, &input, NULL, &e), 0);
}

static char *name_by_repetitions(const char *folder, json_object *result)
{
    return mem_printf("%.0f of %s", json_number_at(result, "repetitions"), folder[strlen(folder) - 1] == '0' ? "others" : "ours");
}

static void test_results_that_are_called_alike_are_told_apart(void **state)
{
    static const char *const rows[][3][2] = {
        {{"a", "1 of ours, a"}, {"b/", "1 of ours, b"}, {"0", "1 of others"}},
        {{"x/r", "1 of ours, x/r"}, {"y/r", "1 of ours, y/r"}, {"x/rr", "1 of ours, x/rr"}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *folders[3];
        struct err e = ERR_INIT;
        for (int k = 0; k < 3; k++) {
            folders[k] = mem_printf("%s/runs/%s", (char *)*state, rows[i][k][0]);
            write_small(folders[k], p_stages, ARRAY_LEN(p_stages));
        }
        char **labels = figure_labels((const char *const *)folders, 3, name_by_repetitions, &e);
        if (!labels)
            fail_msg("%s", e.text);
        for (int k = 0; k < 3; k++) {
            assert_string_equal(labels[k], rows[i][k][1]);
            free(folders[k]);
        }
        figure_labels_free(labels, 3);
    }
}

static void test_a_single_run_is_drawn(void **state)
{
    if (gnuplot_is_missing())
        skip();
    struct err e = ERR_INIT;
    write_small(*state, synthetic_small_stages, ARRAY_LEN(synthetic_small_stages));
    if (figures_of_result(*state, &e) < 0)
        fail_msg("%s", e.text);
    autofree char *out = mem_printf("%s/figures", (char *)*state);
    autofree char *svg = folder_read(out, "response-time.svg");
    assert_non_null(strstr(svg, "</svg>"));
}

/* A migration of one stage only, whose text stands in front of its bar, and inside. */
static void test_a_single_stage_is_drawn(void **state)
{
    static const struct synthetic_stage stages[] = {{"switch", 1.9, 0.1, 0}, {"switch", 0, 2, 0}};
    static const char *const texts[] = {"<text>100 ms</text>", "<text>2.00 s</text>"};
    if (gnuplot_is_missing())
        skip();
    for (size_t i = 0; i < ARRAY_LEN(stages); i++) {
        struct err e = ERR_INIT;
        autofree char *folder = mem_printf("%s/%zu", (char *)*state, i), *out = mem_printf("%s/figures", folder);
        write_small(folder, &stages[i], 1);
        if (figures_of_result(folder, &e) < 0)
            fail_msg("%s", e.text);
        autofree char *drawn = folder_read(out, "stages.svg");
        assert_non_null(strstr(drawn, texts[i]));
    }
}

/* One that fails is named, and the others are drawn all the same. */
static void test_a_figure_that_fails(void **state)
{
    struct err e = ERR_INIT;
    autofree char *out = mem_printf("%s/figures", (char *)*state), *old_path = mem_copy_string(getenv("PATH")),
                  *path = mem_printf("%s:%s", (char *)*state, old_path), *program = mem_printf("%s/gnuplot", (char *)*state);
    write_small(*state, synthetic_small_stages, ARRAY_LEN(synthetic_small_stages));
    folder_write(*state, "gnuplot", "#!/bin/sh\n[ $1 != response-time.gp ] || kill -SEGV $$\ntouch ${1%.gp}.drawn\n");
    assert_int_equal(chmod(program, 0755), 0);
    setenv("PATH", path, 1);
    int status = figures_of_result(*state, &e);
    setenv("PATH", old_path, 1);
    assert_int_equal(status, -EIO);
    assert_string_equal(e.text, "figure response-time: gnuplot: ended by signal 11 (Segmentation fault)");
    autofree char *failed = folder_read(out, "response-time.drawn"), *other = folder_read(out, "stages.drawn");
    assert_true(!failed && other);
}

/* The small walk from ES-1 to ES-2, with its handoff; a second device that is out of reach for a while. */
static void test_whereabouts(void **state)
{
    static struct synthetic_run run;
    static struct scenario_mud muds[] = {{.name = "m1"}, {.name = "m2"}};
    struct err e = ERR_INIT;
    struct scenario s = synthetic_scenario("p-migr");
    s.muds = muds;
    s.mud_count = 2;
    struct result_input input = {.world = "sim", .scenario = &s, .seed = 1};
    synthetic_fill(&run, &synthetic_small);
    synthetic_add(&run, EVENT_HANDOFF, 2.25, "USER", "silent")->begin = simtime_from_seconds(2.125);
    add_for_second(&run, EVENT_CONTAINER, 0.5, "ES-2", "live")->migration = 0;
    add_for_second(&run, EVENT_OUTAGE, 5, "USER-m2", "")->begin = simtime_from_seconds(3);
    add_for_second(&run, EVENT_SENT_TOTAL, 6, "USER-m2", "")->number = 0;
    qsort(run.events, (size_t)run.count, sizeof *run.events, synthetic_order);
    synthetic_write(&run, *state);
    assert_int_equal(result_of_run(*state, &input, NULL, &e), 0);
    int status = figures_of_result(*state, &e);
    assert_true(status == 0 || status == -ENOENT);
    autofree char *out = mem_printf("%s/figures", (char *)*state);
    autofree char *data = folder_read(out, "whereabouts.dat"), *script = folder_read(out, "whereabouts.gp");
    assert_string_equal(data, "# row  begin_s  end_s  kind  edge\n"
                              "1 2.125000 2.250000 handoff 1\n"
                              "1 0.000000 4.250000 live 1\n"
                              "1 2.250000 4.250000 migration 2\n"
                              "2 3.000000 5.000000 outage 2\n"
                              "1 4.250000 6.500000 live 2\n"
                              "2 0.500000 6.500000 live 2\n");
    assert_non_null(strstr(script, "devices = 'USER m2'\nedges = 'ES-1 ES-2'\n"));
}

static void add_cpu(struct synthetic_run *run, const char *host, const char *program, double at_s, double used_s)
{
    struct event *ev = synthetic_add(run, EVENT_CPU, at_s, host, program);
    ev->begin = simtime_from_seconds(at_s - 0.1);
    ev->value = simtime_from_seconds(used_s).ns;
    ev->mud = -1;
}

/* The small walk's transfers take a second, from 2.51 s on; what was used long before, or by next to nothing, has no curve. */
static void test_cpu(void **state)
{
    static struct synthetic_run run;
    static const char *const drawn[] = {"# ssh on pc1: s percent\n", "\n0.200 50.00\n", "# dockerd on pc2: s percent\n", "\n0.600 10.00\n"};
    struct err e = ERR_INIT;
    struct scenario s = synthetic_scenario("p-migr");
    struct result_input input = {.world = "real", .scenario = &s, .seed = 1};
    synthetic_fill(&run, &synthetic_small);
    add_cpu(&run, "pc2", "dockerd", 1.1, 0.01);
    add_cpu(&run, "pc1", "ssh", 2.61, 0.05);
    add_cpu(&run, "pc1", "ssh", 2.71, 0.1);
    add_cpu(&run, "pc1", "roamlab", 2.71, 0.001);
    add_cpu(&run, "pc2", "dockerd", 3.1, 0.02);
    qsort(run.events, (size_t)run.count, sizeof *run.events, synthetic_order);
    synthetic_write(&run, *state);
    assert_int_equal(result_of_run(*state, &input, NULL, &e), 0);
    int status = figures_of_result(*state, &e);
    assert_true(status == 0 || status == -ENOENT);
    autofree char *data = folder_read(*state, "figures/cpu.dat"), *script = folder_read(*state, "figures/cpu.gp"),
                  *svg = folder_read(*state, "figures/cpu.svg");
    for (size_t i = 0; i < ARRAY_LEN(drawn); i++)
        if (!strstr(data, drawn[i]))
            fail_msg("%s is not in %s", drawn[i], data);
    assert_non_null(strstr(script, "transfers = '0.000 1.000'\n"));
    assert_non_null(strstr(script, "curves = 2\n"));
    assert_true(status == -ENOENT || strstr(svg, "</svg>"));
}

static void test_without_gnuplot_the_package_is_named(void **state)
{
    struct err e = ERR_INIT;
    autofree char *path = mem_copy_string(getenv("PATH"));
    write_result(*state, "p-migr", p_stages, ARRAY_LEN(p_stages), 2);
    setenv("PATH", "/nonexistent", 1);
    int status = figures_of_result(*state, &e);
    setenv("PATH", path, 1);
    assert_int_equal(status, -ENOENT);
    assert_non_null(strstr(e.hint, "gnuplot-nox"));
    autofree char *out = mem_printf("%s/figures", (char *)*state);
    autofree char *stages = folder_read(out, "stages.dat");
    assert_non_null(strstr(stages, "5 \"send memory\" 0.254000 3.410000 transfer \"3.41 s, 29.0 MB\"\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_figures_of_kim22),
        IN_FOLDER(test_results_that_are_called_alike_are_told_apart),
        IN_FOLDER(test_a_single_run_is_drawn),
        IN_FOLDER(test_a_single_stage_is_drawn),
        IN_FOLDER(test_a_figure_that_fails),
        IN_FOLDER(test_whereabouts),
        IN_FOLDER(test_cpu),
        IN_FOLDER(test_without_gnuplot_the_package_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
