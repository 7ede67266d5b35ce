/* `roamlab run` as its user meets it beside the runs themselves: the default result folder, what is said of files left behind, and Ctrl-C while
 * another program works for it or virtual time stands still. Runs from the project's root. */
#include "shell_output.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#define QUICK "\"$root\"/scenarios/kim22-quick.json"

/* A program of that name goes before the machine's. */
static void pretend(const char *folder, const char *name, const char *script)
{
    autofree char *path = mem_printf("%s/%s", folder, name), *text = mem_printf("#!/bin/sh\n%s\n", script);
    folder_write(folder, name, text);
    assert_int_equal(chmod(path, 0755), 0);
}

/* What the script prints, in the folder; `roamlab` is this tree's. */
static char *play(const char *folder, const char *script)
{
    int status;
    autofree char *root = realpath(".", NULL);
    autofree char *whole = mem_printf(
        "root='%s'; PATH=\"$PWD:$PATH\"; roamlab() { exec \"$root\"/roamlab \"$@\"; }; %s", root, script);
    char *said = shell_output(folder, whole, &status);
    if (status != 0)
        fail_msg("%s: %s", script, said);
    return said;
}

static void runs_of_one_second_have_a_folder_each(void **state)
{
    pretend(*state, "gnuplot", "exit 0");
    autofree char *said = play(*state, "for i in 1 2 3 4; do roamlab run --quiet " QUICK
                                       " & done; wait; ls results/*/result.json | wc -l");
    assert_string_equal(said, "4\n");
}

/* The target never gets rid of what a failed migration has brought: only who sees its files knows. */
static void what_is_left_behind_is_said(void **state)
{
    pretend(*state, "gnuplot", "exit 0");
    autofree char *said = play(*state, "(roamlab run -o run --set 'faults=[{\"operation\":\"restore\"},{\"operation\":\"discard\",\"edge\":\"es2\",\"times\":0}]' "
                                       QUICK "); echo exit $?");
    if (!strstr(said, "left behind: m1: es2 had not removed its container") || !strstr(said, "exit 1\n"))
        fail_msg("%s", said);
}

/* Another program that does not end; it says that it has begun. */
#define HANGS "touch \"${0%/*}/begun\"; exec sleep 60"
#define INTERRUPT_IT                                                                                         \
    " >said 2>&1 & while [ ! -e begun ] && kill -0 $! 2>/dev/null; do sleep 0.02; done; kill -TERM $!; wait $!; echo $?; cat said; echo run/*"

static const struct {
    const char *program, *command, *says;
} interruptions[] = {
    {"gnuplot", "roamlab run --quiet -o run " QUICK, "gnuplot: interrupted"},
    {"hanging-ssh",
     "ROAMLAB_SSH=\"$PWD/hanging-ssh\" roamlab run --world real --quiet --push --hosts lab.json -o run " QUICK,
     "hanging-ssh: interrupted"},
};

static void what_hangs_is_interrupted(void **state)
{
    const char *folder = *state;
    folder_write(
        folder, "lab.json",
        "{\"pc1\": {\"interface\": \"lo\"}, \"pc2\": {\"ssh\": \"nobody@192.0.2.1\", \"interface\": \"eth0\"}, \"pc3\": {\"interface\": \"lo\"}, "
        "\"laptop\": {\"interface\": \"lo\"}}");
    for (size_t i = 0; i < sizeof interruptions / sizeof interruptions[0]; i++) {
        autofree char *script = mem_printf("rm -rf begun run; %s" INTERRUPT_IT, interruptions[i].command);
        pretend(folder, interruptions[i].program, HANGS);
        autofree char *said = play(folder, script);
        if (strncmp(said, "143\n", 4) || !strstr(said, interruptions[i].says) || strstr(said, "report.html"))
            fail_msg("%s: %s", interruptions[i].program, said);
    }
}

/* A tenth of a virtual second in which 5000 devices send what they can. The limit of processor time ends it otherwise than the signal. */
#define MINUTES                                                                                              \
    "--set duration_s=0.3 --set links.1.rtt_ms=0.1 --set service.work_ms=0 --set muds.m1.count=5000 "        \
    "--set muds.m1.requests_per_s=100000 --set muds.m1.window=1024 --set 'muds.m1.visits=[{\"ap\": \"ap1\", \"at_s\": 0}]' "

static void virtual_time_is_interrupted(void **state)
{
    static const char *const commands[] = {"run --log aggregate", "sweep --jobs 1 --set log=aggregate"};
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        autofree char *script = mem_printf(
            "rm -rf out; ulimit -t 20; roamlab %s --quiet -o out " MINUTES QUICK " >said 2>&1 & "
            "while [ \"$(ps -o cputimes= -p $!)\" -lt 1 ]; do sleep 0.05; done; kill -TERM $!; wait $!; echo $?; cat said",
            commands[i]);
        autofree char *said = play(*state, script);
        if (strncmp(said, "143\n", 4))
            fail_msg("%s: %s", commands[i], said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(runs_of_one_second_have_a_folder_each),
        IN_FOLDER(what_is_left_behind_is_said),
        IN_FOLDER(what_hangs_is_interrupted),
        IN_FOLDER(virtual_time_is_interrupted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
