/* `roamlab link` as a user has it: our own driver on this machine, and the kernel's netem in User Mode Linux, which this
 * program boots with itself as init. Runs from the project's root. */
#include "driver.h"
#include "link_fixture.h"
#include "mem.h"
#include "privileges.h"
#include "segmentation.h"
#include "uml.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <cmocka.h>

struct bed {
    const char *root, *driver;
    char *names[2], *paths[2], *set, *file; /* owned */
    struct place places[2];
    unsigned offload; /* before */
};

/* --- a link, and commands ------------------------------------------------------------------------------------ */

/* Runs it; *output, if wanted, is what it said. */
static int command(char **output, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int command(char **output, const char *format, ...)
{
    char line[1024], text[16384];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    FILE *pipe = popen(line, "r");
    must(pipe != NULL, line);
    size_t len = fread(text, 1, sizeof text - 1, pipe);
    text[len] = '\0';
    int status = pclose(pipe);
    printf("%s\n%s", line, text);
    if (output)
        *output = mem_copy_string(text);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void build_bed(struct bed *bed, const char *root, const char *driver)
{
    static const char *const addresses[] = {"198.18.8.1", "198.18.8.2"};
    struct err e = ERR_INIT;
    *bed = (struct bed){.root = root, .driver = driver};
    bed->set = mem_printf("test-%d", getpid());
    bed->file = mem_printf("/run/roamlab-%s.json", bed->set);
    for (int i = 0; i < 2; i++) {
        bed->names[i] = mem_printf("rl-command-%d-%d", getpid(), i);
        bed->paths[i] = mem_printf("/run/netns/%s", bed->names[i]);
        bed->places[i] = (struct place){bed->paths[i], addresses[i]};
        must(command(NULL, "ip netns add %s", bed->names[i]) == 0, "ip netns");
    }
    must(command(NULL, "ip -n %s link add v0 type veth peer name v0 netns %s", bed->names[0],
                 bed->names[1]) == 0,
         "veth");
    for (int i = 0; i < 2; i++)
        must(command(NULL, "ip -n %s addr add %s/24 dev v0 && ip -n %s link set v0 up", bed->names[i],
                     addresses[i], bed->names[i]) == 0,
             "ip addr");
    must(segmentation_read(bed->paths[0], "v0", &bed->offload, &e) == 0, e.text);
    must(bed->offload != 0, "no segmentation offload to begin with");
}

static void free_bed(struct bed *bed)
{
    for (int i = 0; i < 2; i++) {
        command(NULL, "ip netns del %s", bed->names[i]);
        free(bed->names[i]);
        free(bed->paths[i]);
    }
    unlink(bed->file);
    free(bed->set);
    free(bed->file);
}

/* The links file; `how` are keys of its one link. */
static void write_file(const struct bed *bed, const char *how)
{
    autofclose FILE *out = fopen(bed->file, "w");
    must(out != NULL, bed->file);
    fprintf(out,
            "{\"links\":[{\"here\":{\"interface\":\"v0\",\"namespace\":\"%s\"},"
            "\"there\":{\"interface\":\"v0\",\"namespace\":\"%s\"},%s}]}",
            bed->names[0], bed->names[1], how);
}

static int apply(const struct bed *bed, const char *set, const char *how, char **output)
{
    write_file(bed, how);
    return command(output, "%s/roamlab link apply -d --driver %s --name %s %s 2>&1", bed->root, bed->driver,
                   set, bed->file);
}

static double rtt(const struct bed *bed)
{
    return round_trip_ms(&bed->places[0], &bed->places[1], 5);
}

static bool holds(const char *what, bool good)
{
    printf("%s: %s\n", what, good ? "yes" : "NO");
    return good;
}

static bool is_between(const char *what, double ms, double least, double most)
{
    printf("%s, %.1f ms: ", what, ms);
    return holds("expected", ms >= least && ms < most);
}

static unsigned offload(const struct bed *bed)
{
    struct err e = ERR_INIT;
    unsigned on;
    must(segmentation_read(bed->paths[0], "v0", &on, &e) == 0, e.text);
    return on;
}

/* --- what is expected of every driver ------------------------------------------------------------------------ */

enum { TRIES = 300 };

static bool tells_packets(const char *shown)
{
    return shown && strstr(shown, " packets, ") && !strstr(shown, " 0 packets, ");
}

static bool shows(const struct bed *bed)
{
    autofree char *text = NULL, *driver = mem_printf("%s: driver %s", bed->set, bed->driver);
    for (int tries = 0; tries < TRIES && !tells_packets(text); tries++) {
        usleep(200000); /* a process that holds a set counts once a second */
        free(steal(text));
        command(&text, "%s/roamlab link show", bed->root);
    }
    bool good = holds("the set and its driver are shown", strstr(text, driver) != NULL);
    good &= holds("and how it shapes", strstr(text, "\"rtt_ms\": 60") != NULL);
    return good & holds("and what it has carried", tells_packets(text));
}

static bool refuses_another(const struct bed *bed)
{
    autofree char *text = NULL;
    bool good =
        holds("a second set on the interface fails", apply(bed, "another", "\"rtt_ms\":10", &text) == 4);
    return holds("and names the first", strstr(text, "v0 is shaped by the set test-") != NULL) && good;
}

static bool clears(const struct bed *bed)
{
    autofree char *text = NULL, *log = mem_printf("/var/log/roamlab-links-%s.log", bed->set);
    bool good = holds("it is cleared", command(NULL, "%s/roamlab link clear %s", bed->root, bed->set) == 0);
    good &= is_between("cleared", rtt(bed), 0, 15);
    good &= holds("segmentation offload is as it was", offload(bed) == bed->offload);
    command(&text, "%s/roamlab link show", bed->root);
    good &= holds("it is not shown any more", strstr(text, bed->set) == NULL);
    return holds("its log is gone", access(log, F_OK) < 0) && good;
}

static bool lives(const struct bed *bed)
{
    bool good = holds("it is applied", apply(bed, bed->set, "\"rtt_ms\":60,\"rate_mbit\":50", NULL) == 0);
    good &= is_between("shaped", rtt(bed), 60, 90);
    good &= holds("segmentation offload is off", offload(bed) == 0);
    good &= shows(bed);
    good &= refuses_another(bed);
    return clears(bed) && good;
}

static bool changes(const struct bed *bed)
{
    static const char how[] = "\"rtt_ms\":60,\"schedule\":[{\"at_s\":1.5,\"rtt_ms\":20,\"rate_mbit\":50}]";
    struct simtime change = simtime_add(clock_monotonic(), simtime_ms(1500));
    bool good = holds("one that changes is applied", apply(bed, bed->set, how, NULL) == 0);
    double before = rtt(bed), after = before;
    good &= !simtime_before(clock_monotonic(), change) || is_between("before the change", before, 60, 90);
    for (int tries = 0; tries < TRIES && after >= 60; tries++)
        after = rtt(bed);
    good &= is_between("after it", after, 20, 50);
    return clears(bed) && good;
}

static bool refuses(const struct bed *bed, const char *how, const char *why)
{
    autofree char *text = NULL;
    bool good = holds("what it cannot do fails", apply(bed, bed->set, how, &text) == 3);
    good &= holds("by name", strstr(text, why) != NULL);
    return is_between("not shaped", rtt(bed), 0, 15) && good;
}

/* --- our own driver, here ------------------------------------------------------------------------------------ */

static void test_own_driver(void **state)
{
    struct err e = ERR_INIT;
    struct bed bed;
    (void)state;
    if (privileges_check(&e) < 0 || link_driver_userspace.probe(&e) < 0) {
        printf("skip: %s\n", e.text);
        skip();
    }
    build_bed(&bed, ".", "userspace");
    bool good = lives(&bed);
    good &= changes(&bed);
    if (link_driver_kernel.probe(&e) < 0) {
        bed.driver = "kernel";
        good &= refuses(&bed, "\"rtt_ms\":60", "link driver kernel: the kernel has no sch_netem");
    }
    free_bed(&bed);
    assert_true(good);
}

/* --- the kernel's, in User Mode Linux ------------------------------------------------------------------------ */

static void inside(void *context)
{
    static const char *const modules[] = {"drivers/net/veth", "net/sched/sch_netem"};
    struct err e = ERR_INIT;
    struct bed bed;
    must(mount("tmpfs", "/var/lib", "tmpfs", 0, NULL) == 0 &&
             mount("tmpfs", "/var/log", "tmpfs", 0, NULL) == 0,
         "tmpfs");
    for (size_t i = 0; i < ARRAY_LEN(modules); i++)
        must(uml_module(modules[i], &e) == 0, e.text);
    build_bed(&bed, context, "kernel");
    bool good = lives(&bed);
    good &= changes(&bed);
    good &= refuses(&bed, "\"rate_mbit\":1,\"queue_bytes\":9000", "queue_bytes: netem's limit is in packets");
    free_bed(&bed);
    printf("guest: %s\n", good ? "all good" : "not good");
}

static void test_kernel_driver(void **state)
{
    struct err e = ERR_INIT;
    char root[PATH_MAX];
    autofree char *output = NULL;
    (void)state;
    if (uml_available(&e) < 0) {
        printf("skip: %s: %s\n", e.text, e.hint);
        skip();
    }
    must(realpath(".", root) != NULL, ".");
    if (uml_run((const char *const[]){root, NULL}, 600, false, &output, &e) < 0)
        fail_msg("%s", e.text);
    printf("%s\n", output);
    assert_non_null(strstr(output, "guest: all good"));
}

int main(int argc, char **argv)
{
    if (uml_inside() && argc > 1)
        uml_serve(inside, argv[1]);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_own_driver),
                                       cmocka_unit_test(test_kernel_driver)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
