/* The readers of track files: what they make of samples, and that the length of a file costs no memory. */
#include "fcd_text.h"
#include "folder.h"
#include "mem.h"
#include "track.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

/* --- samples -------------------------------------------------------------------------------------------------- */

struct expected {
    const char *device;
    double at, x, y;
    bool gone;
};

static const struct expected crossing[] = {
    {"1", 0, 0, 50, false},
    {"1", 5, 0, 50, false},
    {"1", 20, 150, 50, false},
    {"1", 30, 150, 50, false},
    {"1", 30, 20, 10, false},
    {"0", 0, 100, 0, false},
    {"0", 10, 100, 0, false},
    {"0", 15, 100, 50, false},
    {"0", 20, 200, 50, false},
    {"2", 0, 7.5, 2.5, false},
    {0},
};
static const struct expected town[] = {
    {"car", 0, 0, 5, false},
    {"bus", 0, 300, 5, false},
    {"ann", 0, 300, 5, false},
    {"parcel", 0, -2.5, 10, false},
    {"bus", 1, 290, 5, false},
    {"ann", 1, 290, 5, false},
    {"car", 1, 8, 5, false},
    {"parcel", 1, -2.5, 10, false},
    {"car", 2, 18, 5, false},
    {"ann", 2, 289, 6, false},
    {"parcel", 2, -2.5, 10, false},
    {"bus", 2, 290, 5, true},
    {"car", 3, 18, 5, true},
    {"ann", 3, 289, 6, true},
    {"parcel", 3, -2.5, 10, true},
    {"bus", 4.5, 200, 5, false},
    {0},
};
static const struct expected walk[] = {
    {"0", 0, 10, 20, false},
    {"0", 5.5, 10, 40, false},
    {"0", 9, 10, 40, false},
    {"1", 0, 1.5, 2.5, false},
    {"1", 3, 1.5, 2.5, false},
    {"1", 4, 2.5, 2.5, false},
    {0},
};
static const struct expected climb[] = {
    {"0", 0, 10, 20, false}, {"0", 5.5, 10, 40, false}, {"1", 0, 0, 0, false}, {0}};
static const struct expected table[] = {
    {"a", 0, 0.5, 2, false},
    {"b c", 0.25, 10, 20, false},
    {"a", 1, 1.5, 2, false},
    {"a", 2, 1.5, 2, true},
    {"b c", 2, 10, 24, false},
    {"a", 7, 5, 5, false},
    {0},
};

static bool agrees(const struct track_sample *sample, const char *name, const struct expected *expected)
{
    return expected->device && strcmp(name, expected->device) == 0 && sample->gone == expected->gone &&
           sample->at.ns == simtime_from_seconds(expected->at).ns && sample->x == expected->x &&
           sample->y == expected->y;
}

static void expect_samples(const char *format, const char *path, const struct expected *expected)
{
    struct err e = ERR_INIT;
    struct track_source *source = track_format_of(format)->open(path, &e);
    if (!source)
        fail_msg("%s", e.text);
    struct track_sample sample;
    uint32_t seen = 0;
    int status;
    for (; (status = source->operations->next(source, &sample, &e)) == 1; expected++) {
        const char *name = source->operations->name(source, sample.device);
        assert_true(sample.device <= seen); /* the next number belongs to the next that appears */
        seen += sample.device == seen;
        if (!agrees(&sample, name, expected))
            fail_msg("%s: %s at %g s: (%g, %g)%s", path, name, simtime_seconds(sample.at), sample.x, sample.y,
                     sample.gone ? " gone" : "");
    }
    if (status < 0)
        fail_msg("%s", e.text);
    if (expected->device)
        fail_msg("%s: ends before %s at %g s", path, expected->device, expected->at);
    assert_int_equal(source->operations->next(source, &sample, &e), 0);
    source->operations->close(source);
}

static void test_samples(void **state)
{
    static const struct {
        const char *format, *file;
        const struct expected *expected;
    } rows[] = {
        {"ns2", "tests/tracks/crossing.ns2", crossing},
        {"fcd", "tests/tracks/town.fcd.xml", town},
        {"fcd", "tests/tracks/town.fcd.xml.gz", town},
        {"bonnmotion", "tests/tracks/walk.movements", walk},
        {"bonnmotion", "tests/tracks/walk.movements.gz", walk},
        {"bonnmotion", "tests/tracks/climb.movements", climb},
        {"csv", "tests/tracks/walk.csv", table},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect_samples(rows[i].format, rows[i].file, rows[i].expected);
}

static void test_small_texts(void **state)
{
    static const struct {
        const char *format, *text;
        struct expected expected[6];
    } rows[] = {
        {"ns2", "", {{0}}},
        {"ns2", "$node_(07) set X_ 1\r\n$node_(7) set Y_ 2;", {{"7", 0, 1, 2, false}}},
        {"ns2",
         "$ns_ at 1 {$node_(0) setdest 3 4 1}\n$node_(0) set X_ 0\n$node_(0) set Y_ 0\n$node_(0) set X_ 0\n",
         {{"0", 0, 0, 0, false}, {"0", 1, 0, 0, false}, {"0", 6, 3, 4, false}}},
        /* Out of order, and twice at one time: the later line wins. */
        {"ns2",
         "$ns_ at 9 \"$node_(0) setdest 0 0 5\"\n$node_(0) set Y_ 0\n$node_(0) set X_ 0\n"
         "$ns_ at 2 \"$node_(0) setdest 1 0 1\"\n$ns_ at 2 \"$node_(0) setdest 10 0 5\"\n",
         {{"0", 0, 0, 0, false},
          {"0", 2, 0, 0, false},
          {"0", 2, 0, 0, false},
          {"0", 4, 10, 0, false},
          {"0", 9, 10, 0, false},
          {"0", 11, 0, 0, false}}},
        /* A jump along one axis ends a movement. */
        {"ns2",
         "$node_(0) set X_ 0\n$node_(0) set Y_ 8\n$ns_ at 1 \"$node_(0) setdest 10 8 1\"\n"
         "$ns_ at 3 \"$node_(0) set Y_ 7\"",
         {{"0", 0, 0, 8, false}, {"0", 1, 0, 8, false}, {"0", 3, 2, 8, false}, {"0", 3, 2, 7, false}}},
        {"fcd", "<fcd-export/>", {{0}}},
        {"fcd", "<!-- <fcd-output.geo value=\"false\"/> --><fcd-export/>", {{0}}},
        {"fcd",
         "<fcd-export><new/>" STEP("1", "<new><person id='a' x='1' y='2'/></new>") "</fcd-export>",
         {{"a", 1, 1, 2, false}}},
        /* A small place, where vehicles that report a speed do move, or stand. */
        {"fcd",
         "<fcd-export>" STEP("0", VEHICLE("a", "0", "0", "9")) STEP("1", VEHICLE("a", "9", "0", "9"))
             STEP("2", VEHICLE("a", "9", "0", "9")) STEP("3", VEHICLE("a", "9", "0", "9"))
                 STEP("4", VEHICLE("a", "9", "0", "9")) "</fcd-export>",
         {{"a", 0, 0, 0, false},
          {"a", 1, 9, 0, false},
          {"a", 2, 9, 0, false},
          {"a", 3, 9, 0, false},
          {"a", 4, 9, 0, false}}},
        /* Without a position it has not yet appeared. */
        {"fcd",
         "<fcd-export>" STEP("0", VEHICLE("a", "-1073741824", "-1073741824", "0") VEHICLE("b", "1", "2", "0"))
             STEP("1", VEHICLE("a", "3", "4", "0") VEHICLE("b", "1", "2", "0")) "</fcd-export>",
         {{"b", 0, 1, 2, false}, {"a", 1, 3, 4, false}, {"b", 1, 1, 2, false}}},
        {"bonnmotion", "# nobody\n\n", {{0}}},
        {"bonnmotion", "0 1 2", {{"0", 0, 1, 2, false}}},
        {"bonnmotion",
         "\n0 1 2\n\n#3D\n5 1 2\n",
         {{"0", 0, 1, 2, false}, {"1", 0, 1, 2, false}, {"1", 5, 1, 2, false}}},
        {"csv", "t,id,x,y\n", {{0}}},
        {"csv", "\xef\xbb\xbf\"t\", id ,x,y\r\n 1e1,\tn,-3,.5\r\n", {{"n", 10, -3, 0.5, false}}},
        {"csv", "t,id,x,y\n1,n,1,1\n1,n,2,2", {{"n", 1, 1, 1, false}, {"n", 1, 2, 2, false}}},
    };
    (void)state;
    char *folder = folder_make();
    autofree char *path = mem_printf("%s/f", folder);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        folder_write(folder, "f", rows[i].text);
        struct expected expected[7] = {0};
        memcpy(expected, rows[i].expected, sizeof rows[i].expected);
        expect_samples(rows[i].format, path, expected);
    }
    folder_remove(folder);
}

/* --- memory --------------------------------------------------------------------------------------------------- */

/* A hundred devices that come and go over `steps` timesteps. */
static void write_fcd(FILE *f, int steps)
{
    fputs("<fcd-export>\n", f);
    for (int step = 0; step < steps; step++) {
        fprintf(f, "<timestep time=\"%d.00\">\n", step);
        for (int device = 0; device < 100; device++)
            if ((step + device) % 50)
                fprintf(
                    f,
                    "    <vehicle id=\"flow.%d\" x=\"%d.25\" y=\"%d.50\" angle=\"90.00\" type=\"DEFAULT_VEHTYPE\" "
                    "speed=\"13.89\" pos=\"100.00\" lane=\"edge_0\" slope=\"0.00\"/>\n",
                    device, step % 1000 * 14, device);
        fputs("</timestep>\n", f);
    }
    fputs("</fcd-export>\n", f);
}

static long resident_kb(void)
{
    long pages = 0;
    autofclose FILE *f = fopen("/proc/self/statm", "re");
    assert_int_equal(fscanf(f, "%*d %ld", &pages), 1);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* About 100 MB through a pipe, so that no page cache is mistaken for memory; after the first tenth nothing may be added. */
static void test_a_long_file_costs_no_memory(void **state)
{
    enum { STEPS = 6000, GROWTH_KB = 4096 };
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t writer = fork();
    if (writer == 0) {
        close(ends[0]);
        FILE *f = fdopen(ends[1], "w");
        write_fcd(f, STEPS);
        _exit(fclose(f) != 0);
    }
    close(ends[1]);
    autofree char *path = mem_printf("/proc/self/fd/%d", ends[0]);
    struct err e = ERR_INIT;
    struct track_source *source = track_format_of("fcd")->open(path, &e);
    struct track_sample sample;
    long samples = 0, early = 0;
    while (source->operations->next(source, &sample, &e) == 1)
        if (++samples == STEPS * 10)
            early = resident_kb();
    assert_string_equal(e.text, "");
    assert_int_equal(samples, STEPS * 100 - 2); /* two are not there at the first step, and have not gone */
    assert_true(resident_kb() - early < GROWTH_KB);
    source->operations->close(source);
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(writer, &status, 0), writer);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_small_texts),
        cmocka_unit_test(test_a_long_file_costs_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
