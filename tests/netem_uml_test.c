/* The kernel's netem for real, on a kernel that may have none: this program boots User Mode Linux with itself
 * as init, builds testbeds in there with the kernel link driver, and reports what it measured through its
 * exit line. */
#include "testbed.h"
#include "link_fixture.h"
#include "mem.h"
#include "process.h"
#include "undo.h"

#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <limits.h>

#define MODULES "/usr/lib/uml/modules/*/kernel/"

/* --- inside --- */

static void load_module(const char *pattern)
{
    glob_t found;
    must(glob(pattern, 0, NULL, &found) == 0, pattern);
    int fd = open(found.gl_pathv[0], O_RDONLY | O_CLOEXEC);
    must(fd >= 0 && (syscall(SYS_finit_module, fd, "", 0) == 0 || errno == EEXIST), pattern);
    close(fd);
    globfree(&found);
}

struct row {
    const char *name;
    struct link_params params;
    int burst;               /* datagrams at once; 0 = none */
    int least, most;         /* of them arrive */
    double rtt_ms, tcp_mbit; /* at least so much, and at most 10 % + 3 ms more; 0 = not measured */
};

static const struct row rows[] = {
    {"delay", {.delay = {20000000}}, 0, 0, 0, 40, 0},
    {"rate and delay", {.delay = {5000000}, .rate_bps = 80000000, .queue_packets = 300}, 0, 0, 0, 10, 60},
    {"queue beside what is in flight",
     {.delay = {20000000}, .rate_bps = 8000000, .queue_packets = 100},
     400,
     100,
     160,
     40,
     0},
    {"loss", {.loss = 0.1, .seed = 7}, 2000, 1730, 1870, 0, 0},
    {"delay above a second", {.delay = {1500000000}}, 0, 0, 0, 3000, 0},
    {"more than 32 bits of rate", {.delay = {1000000}, .rate_bps = 40000000000}, 0, 0, 0, 2, 0},
};

static bool measure(const struct row *row, const struct place *a, const struct place *b,
                    struct testbed *testbed)
{
    bool good = true;
    struct link_counters counters;
    struct err e = ERR_INIT;
    if (row->rtt_ms > 0) {
        double ms = round_trip_ms(a, b, row->rtt_ms > 1000 ? 1 : 9);
        good = good && ms >= row->rtt_ms * 0.999 && ms <= row->rtt_ms * 1.1 + 3;
        printf("guest: %s: round trip %.3f ms\n", row->name, ms);
    }
    if (row->burst > 0) {
        int received = send_burst(a, b, row->burst, 0).received;
        good = good && received >= row->least && received <= row->most;
        printf("guest: %s: %d of %d arrived\n", row->name, received, row->burst);
    }
    if (row->tcp_mbit > 0) {
        double mbit = tcp_mbit(a, b, 6000000, NULL);
        good = good && mbit >= row->tcp_mbit && mbit < (double)row->params.rate_bps / 1e6;
        printf("guest: %s: TCP %.1f Mbit/s\n", row->name, mbit);
    }
    must(testbed_count(testbed, 0, 0, &counters, &e) == 0, e.text);
    return good && counters.packets > 0 && (!row->burst || counters.dropped > 0);
}

static bool run_row(const struct row *row)
{
    struct in_addr ips[2] = {{htonl(0xc6120001)}, {htonl(0xc6120002)}};
    struct testbed_host hosts[2] = {{"a", &ips[0], 1}, {"b", &ips[1], 1}};
    struct testbed_link link = {.between = {0, 1}, .params = {row->params, row->params}};
    struct err e = ERR_INIT;
    struct journal *journal = journal_open("/run/runs", "uml", NULL, &e);
    must(journal != NULL, e.text);
    struct testbed *testbed =
        testbed_build(&(struct testbed_plan){hosts, &link, NULL, 2, 1, 0}, &link_driver_kernel, journal, &e);
    must(testbed != NULL, e.text);
    struct place a = {testbed_namespace(testbed, 0), "198.18.0.1"},
                 b = {testbed_namespace(testbed, 1), "198.18.0.2"};
    bool good = measure(row, &a, &b, testbed);
    testbed_free(testbed);
    must(journal_close(journal, &e) == 0, e.text);
    return good;
}

static void run_rows(void)
{
    struct err e = ERR_INIT;
    must(mount("proc", "/proc", "proc", 0, NULL) == 0, "/proc");
    must(mount("sysfs", "/sys", "sysfs", 0, NULL) == 0, "/sys");
    must(mount("tmpfs", "/run", "tmpfs", 0, NULL) == 0, "/run");
    load_module(MODULES "drivers/net/veth.ko");
    printf("guest: without the module: %s\n",
           link_driver_kernel.probe(&e) == -EOPNOTSUPP ? e.text : "unexpected");
    load_module(MODULES "net/sched/sch_netem.ko");
    const struct link_driver *chosen = link_driver_choose(&e);
    must(chosen == &link_driver_kernel, "the kernel driver is not chosen");
    bool good = true;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (!run_row(&rows[i])) {
            printf("guest: FAILED: %s\n", rows[i].name);
            good = false;
        }
    printf("guest: %s\n", good ? "all good" : "not good");
}

/* init must not end: it halts the machine. A failed must() in a child of it says so by the missing last
 * line. */
static int guest(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    pid_t pid = fork();
    if (pid == 0) {
        run_rows();
        _exit(0);
    }
    while (wait(NULL) != pid)
        ;
    fflush(stdout);
    sync();
    reboot(RB_POWER_OFF);
    return 1;
}

/* --- outside --- */

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static void netem_in_user_mode_linux(void **state)
{
    char self[PATH_MAX];
    struct err e = ERR_INIT;
    autofree char *output = NULL;
    glob_t found;
    (void)state;
    if (SANITIZED) {
        printf("skip: the sanitizer's shadow memory does not fit into User Mode Linux\n");
        skip();
    }
    if (glob(MODULES "net/sched/sch_netem.ko", 0, NULL, &found) != 0 ||
        access("/usr/bin/linux.uml", X_OK) < 0) {
        printf("skip: no User Mode Linux here: apt-get install user-mode-linux\n");
        skip();
    }
    globfree(&found);
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(len > 0);
    self[len] = '\0';
    autofree char *init = mem_printf("init=%s", self);
    struct process_options options = PROCESS_OPTIONS_INIT;
    options.argv = (const char *const[]){"timeout",     "60", "linux.uml", "mem=256M", "rootfstype=hostfs",
                                         "rootflags=/", "ro", init,        "con=null", "con0=fd:0,fd:1",
                                         "quiet",       NULL};
    char home[] = "/tmp/roamlab-uml-XXXXXX"; /* it keeps a folder per machine there */
    assert_non_null(mkdtemp(home));
    autofree char *home_variable = mem_printf("HOME=%s", home);
    options.environment = (const char *const[]){"TMPDIR=/dev/shm", "PATH=/usr/bin:/bin", home_variable, NULL};
    process_run(&options, &output, &e); /* how a halted machine exits says nothing about the tests in it */
    undo_folder(home, NULL);
    printf("%s\n", output ? output : e.text);
    assert_non_null(output);
    assert_non_null(strstr(output, "guest: all good"));
    assert_non_null(strstr(output, "guest: without the module: the kernel has no sch_netem"));
}

int main(void)
{
    if (getpid() == 1)
        return guest();
    const struct CMUnitTest tests[] = {cmocka_unit_test(netem_in_user_mode_linux)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
