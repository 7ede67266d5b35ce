/* The readers of track files: what they refuse, and where. */
#include "fcd_text.h"
#include "folder.h"
#include "mem.h"
#include "track.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

/* To the end, or to the first error. */
static int read_all(const struct track_format *format, const char *path, struct err *e)
{
    struct track_source *source = format->open(path, e);
    if (!source)
        return -EINVAL;
    struct track_sample sample;
    int status;
    while ((status = source->operations->next(source, &sample, e)) == 1)
        ;
    source->operations->close(source);
    return status;
}

static void test_refusals(void **state)
{
    static const struct {
        const char *format, *text, *error, *hint;
    } rows[] = {
        {"ns2", "$node_(0) set X_ 1\n\nset n 5\n", "f:3: this is no statement", "$node_(N) set X_ METRES"},
        {"ns2", "$node_(x) set X_ 1\n", "f:1: this is no statement", ""},
        {"ns2", "$node_(0) set W_ 1\n", "f:1: this is no statement", ""},
        {"ns2", "$node_(0) set X_ 1; $node_(0) set Y_ 1\n", "f:1: this is no statement", ""},
        {"ns2", "$node_(0) setdest 1 1 1\n", "f:1: this is no statement", ""},
        {"ns2", "$node_(0) set X_ 0x1\n", "f:1: X_: \"0x1\" is not a number", ""},
        {"ns2", "$node_(0) set X_ 1e9\n", "f:1: X_ is 1000000000, must be -100000000 to", ""},
        {"ns2", "$ns_ at 1 \"$node_(0) setdest 1 1 1 0\"\n", "f:1: setdest with four numbers",
         "setdest X Y SPEED"},
        {"ns2", "$ns_ at 1 \"$node_(0) setdest 1 1 -1\"\n", "f:1: the speed is -1, must be 0", ""},
        {"ns2", "$ns_ at -1 \"$node_(0) setdest 1 1 1\"\n", "f:1: the time is -1 s, must be 0", ""},
        {"ns2", "$ns_ at soon \"$node_(0) setdest 1 1 1\"\n", "f:1: the time: \"soon\" is not", ""},
        {"ns2", "$node_(1) set X_ 1\n$ns_ at 1 \"$node_(0) setdest 1 1 1\"\n$node_(1) set Y_ 1\n",
         "f:2: node 0 moves before it has a position", "$node_(0) set X_"},
        {"ns2", "$node_(4) set X_ 1\n", "f:1: node 4 moves before it has a Y_", "$node_(4) set X_"},
        {"fcd", "", "f:1: no element found", "the file ends early"},
        {"fcd", "<fcd-export>\n" STEP("0", "") "\n<timestep", "f:3: unclosed token", "the file ends early"},
        {"fcd", "<fcd-export>\n<timestep></fcd-export>", "f:2: timestep without time", ""},
        {"fcd", "<fcd-export>\n</x>", "f:2: mismatched tag", ""},
        {"fcd", "<netstate/>", "f:1: begins with <netstate>, must begin with <fcd-export>", "--fcd-output"},
        {"fcd", "<fcd-export>" STEP("1", "") "\n" STEP("1", "") "</fcd-export>",
         "f:2: the timestep at 1 s is not later than the one before it, at 1 s", ""},
        {"fcd", "<fcd-export>" STEP("00:00:01", "") "</fcd-export>",
         "f:1: the time \"00:00:01\" is not in seconds", "--human-readable-time"},
        {"fcd", "<fcd-export>" VEHICLE("a", "1", "1", "0"), "f:1: vehicle outside of a timestep", ""},
        {"fcd", "<fcd-export>" STEP("1", "\n<person x='1' y='1'/>"), "f:2: person without id", ""},
        {"fcd", "<fcd-export>" STEP("1", "<vehicle id='a' x='1'/>"), "f:1: vehicle without y",
         "--fcd-output.attributes"},
        {"fcd", "<fcd-export>" STEP("1", "<vehicle id='a' x='1' y='-'/>"), "f:1: y: \"-\" is not a number",
         ""},
        {"fcd", "<fcd-export>" STEP("1", VEHICLE("a", "1", "1", "0") VEHICLE("a", "2", "1", "0")),
         "f:1: vehicle \"a\" stands twice in this timestep", ""},
        {"fcd",
         "<fcd-export>" STEP("1", VEHICLE("a", "1", "1", "0")) STEP("2", "<person id='a' x='1' y='1'/>"),
         "f:1: \"a\" is a person here and was a vehicle before", "--person-fcd-output"},
        {"fcd", "<!-- a\n<fcd-output.geo value=\"true\"/> -->", "f:1: the coordinates are degrees",
         "without --fcd-output.geo"},
        {"fcd",
         "<fcd-export>" STEP("0", VEHICLE("a", "13.37", "52.52", "9"))
             STEP("1", VEHICLE("a", "13.3701", "52.52", "9"))
                 STEP("2", VEHICLE("a", "13.3702", "52.52", "9")) "\n" STEP(
                     "3", VEHICLE("a", "13.3703", "52.52", "9")),
         "f:2: the coordinates are degrees", "without --fcd-output.geo"},
        {"bonnmotion", "0 1 2 3 4", "f:1: node 0 ends within a waypoint, without y",
         "waypoints are t x y, or"},
        {"bonnmotion", "#3D\n0 1 2\n", "f:2: node 0 ends within a waypoint, without z",
         "waypoints are t x y z"},
        {"bonnmotion", "0 1 2\n0 1 2 9 1 2 8 1 2\n", "f:2: node 1 goes back in time, from 9 s to 8 s", "#3D"},
        {"bonnmotion", "0 1 2 # 4\n", "f:1: the time: \"#\" is not a number", ""},
        {"bonnmotion", "0 1 nan\n", "f:1: y: \"nan\" is not a number", ""},
        {"csv", "", "f:1: there is no line in it", ""},
        {"csv", "0,a,1,1\n", "f:1: there is no column t", "t,id,x,y"},
        {"csv", "t,id,x\n", "f:1: there is no column y", "t,id,x,y"},
        {"csv", "t,id,x,y,x\n", "f:1: column x is there twice", ""},
        {"csv", "t,id,x,y\n1,a,1\n", "f:2: has 3 fields, must have 4", ""},
        {"csv", "t,id,x,y\n\n#\n1,,1,1\n", "f:4: the id is empty", ""},
        {"csv", "t,id,x,y\n1,a,1,\n", "f:2: y: \"\" is not a number", ""},
        {"csv", "t,id,x,y\n1,a,1,1\n0.5,b,1,1\n", "f:3: 0.5 s is before 1 s", "sort the lines by time"},
    };
    (void)state;
    char *folder = folder_make();
    autofree char *path = mem_printf("%s/f", folder);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        autofree char *error = mem_printf("%s/%s", folder, rows[i].error);
        folder_write(folder, "f", rows[i].text);
        if (read_all(track_format_of(rows[i].format), path, &e) != -EINVAL ||
            strncmp(e.text, error, strlen(error)) != 0 || !strstr(e.hint, rows[i].hint))
            fail_msg("row %zu: \"%s\" (%s) instead of \"%s\" (%s)", i, e.text, e.hint, error, rows[i].hint);
    }
    folder_remove(folder);
    assert_null(track_format_of("gpx"));
}

static void expect_error(const char *format, const char *path, const char *error)
{
    struct err e = ERR_INIT;
    if (read_all(track_format_of(format), path, &e) >= 0 || !strstr(e.text, error))
        fail_msg("%s: \"%s\" instead of \"%s\"", path, e.text, error);
}

static void test_what_cannot_be_read(void **state)
{
    (void)state;
    const struct track_format *format;
    char *folder = folder_make();
    for (int i = 0; (format = track_format_at(i)); i++) {
        expect_error(format->name, "/nonexistent/x", "/nonexistent/x: No such file or directory");
        expect_error(format->name, folder, ": Is a directory");
    }
    folder_remove(folder);
}

/* Fills the file behind a good beginning with bytes that are wrong there. */
static void write_bytes(const char *path, const char *begin, char byte, int count)
{
    autofclose FILE *f = fopen(path, "we");
    fputs(begin, f);
    for (int i = 0; i < count; i++)
        fputc(byte, f);
}

static void test_bytes_that_are_no_text(void **state)
{
    static const struct {
        const char *format, *begin;
        char byte;
        int count;
        const char *error;
    } rows[] = {
        {"csv", "t,id,x,y\n", '\0', 1, "f:2: a zero byte"},
        {"csv", "t,id,x,y\n", ' ', 65537, "f:2: more than 65535 bytes without an end"},
        {"bonnmotion", "0 ", '1', 65537, "f:1: more than 65535 bytes without an end"},
        {"bonnmotion", "0 1 2 ", '\0', 1, "f:1: a zero byte"},
        {"ns2", "\n", '\0', 1, "f:2: a zero byte"},
        {"fcd", "<fcd-export>", '\0', 1, "f:1: not well-formed"},
        {"fcd", "<fcd-export>\n<timestep time='", '1', 2000000, "f:2: more than 1048576 bytes without"},
    };
    (void)state;
    char *folder = folder_make();
    autofree char *path = mem_printf("%s/f", folder);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        write_bytes(path, rows[i].begin, rows[i].byte, rows[i].count);
        expect_error(rows[i].format, path, rows[i].error);
    }
    folder_remove(folder);
}

static void test_a_compressed_file_that_is_cut_off(void **state)
{
    (void)state;
    char *folder = folder_make();
    autofree char *path = mem_printf("%s/f.gz", folder);
    gzFile f = gzopen(path, "we");
    gzputs(f, "t,id,x,y\n");
    for (int i = 0; i < 10000; i++)
        gzprintf(f, "%d,a,%d,0\n", i, i * 7919 % 10007);
    gzclose(f);
    assert_int_equal(truncate(path, 20000), 0);
    expect_error("csv", path, ": the compressed file is cut off here");
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_what_cannot_be_read),
        cmocka_unit_test(test_bytes_that_are_no_text),
        cmocka_unit_test(test_a_compressed_file_that_is_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
