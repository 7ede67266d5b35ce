/* The machine that real runs are made on: what lies on it before and after them, and a part of it that is this program's own. */
#ifndef ROAMLAB_REAL_MACHINE_H
#define ROAMLAB_REAL_MACHINE_H

#include "daemon.h"
#include "err.h"
#include "files.h"
#include "folder.h"
#include "journal.h"
#include "mem.h"
#include "orphans.h"
#include "privileges.h"
#include "process.h"

#include <dirent.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static char *fixture_folder; /* results lie below it */

/* What the script prints; free() it. Fails the test if it does not end well. */
static inline char *shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static inline char *shell(const char *format, ...)
{
    va_list args;
    autofree char *script = NULL;
    va_start(args, format);
    if (vasprintf(&script, format, args) < 0)
        abort();
    va_end(args);
    struct process_options options = PROCESS_OPTIONS_INIT;
    struct err e = ERR_INIT;
    char *output = NULL;
    options.argv = (const char *[]){"sh", "-c", script, NULL};
    if (process_run(&options, &output, &e) < 0)
        fail_msg("%s: %s", script, e.text);
    return output;
}

/* Programs that runs start, the controller and the agents among them. */
#define PROCESSES                                                                                            \
    "ps -eo args | grep -E '^([^ ]*/)?(dockerd|containerd[^ ]*|runc|criu|sshd:?|ssh|ssh-[^ ]*|roamlab|"      \
    "roamlab-service|exe|scp|sftp[^ ]*)( |$)' | sort;"

static inline char *fixture_processes(void)
{
    return shell(PROCESSES " true");
}

/* All that a run touches outside of its result folder. */
static inline char *fixture_machine(void)
{
    return shell(
        "echo == namespaces; ls /run/netns 2>&1;"
        "echo == links; ip -br link;"
        "echo == mounts; cut -d' ' -f5- /proc/self/mountinfo | sed 's/ shared:[0-9]*//' |"
        " grep -E 'roamlab|/run/|overlay';"
        "echo == rules; iptables-save | sed -e '/^#/d' -e 's/\\[[0-9:]*\\]//';"
        "echo == forwarding; cat /proc/sys/net/ipv4/ip_forward;"
        "echo == processes;" PROCESSES "echo == runs; ls /var/lib/roamlab/runs 2>/dev/null;"
        "echo == shims; ls /run/containerd/s 2>/dev/null;"
        "echo == configurations; ls -d /etc/docker/* /etc/criu/* 2>/dev/null;"
        "echo == temporary; ls -d /tmp/* /tmp/.criu* /var/tmp/* 2>/dev/null | grep -E '^/var/tmp|/(ctrd|.?criu|runc|docker|containerd|ssh-)' |"
        " grep -v roamlab-test-; true");
}

static inline void fixture_show_difference(const char *before, const char *after)
{
    folder_write(fixture_folder, "before", before);
    folder_write(fixture_folder, "after", after);
    autofree char *difference = shell("diff %s/before %s/after; true", fixture_folder, fixture_folder);
    print_error("%s", difference);
}

/* The names of all runs that were seen. Other runs on this machine have control groups too: these have names of their own. */
static struct buf fixture_names;

static inline void fixture_note_names(void)
{
    DIR *folder = opendir(JOURNAL_ROOT);
    struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        autofree char *line = mem_printf("%s\n", entry->d_name);
        if (entry->d_name[0] != '.' && !strstr(buf_text(&fixture_names), line))
            buf_add(&fixture_names, line, strlen(line));
    }
    if (folder)
        closedir(folder);
}

static inline void fixture_no_control_groups(void)
{
    enum { HOSTS = 6 };
    autofree char *names = mem_copy_string(buf_text(&fixture_names));
    for (char *save, *name = strtok_r(names, "\n", &save); name; name = strtok_r(NULL, "\n", &save))
        for (int host = 0; host < HOSTS; host++) {
            glob_t found = {0};
            autofree char *root = mem_printf(JOURNAL_ROOT "/%s/d%d", name, host);
            autofree char *group = docker_daemon_cgroup(root),
                          *first = mem_printf("/sys/fs/cgroup/*%s", group);
            autofree char *second = mem_printf("/sys/fs/cgroup%s", group);
            if (glob(first, 0, NULL, &found) == 0 || glob(second, 0, NULL, &found) == 0)
                fail_msg("left: %s", found.gl_pathv[0]);
            globfree(&found);
        }
}

/* `before` is from fixture_machine(). */
#define assert_machine_as(before)                                                                            \
    do {                                                                                                     \
        autofree char *after_ = fixture_machine();                                                           \
        fixture_no_control_groups();                                                                         \
        if (strcmp(before, after_)) {                                                                        \
            fixture_show_difference(before, after_);                                                         \
            fail_msg("the run has left something, or taken it away");                                        \
        }                                                                                                    \
    } while (0)

/* --- apart from others --------------------------------------------------------------------------------------------- */

#define FIXTURE_APART "ROAMLAB_TEST_APART"             /* this process, as it is known outside */
#define FIXTURE_APART_FOLDER "/var/lib/roamlab/test-" /* and that number */

/* Its runs' journals are in there; its processes and mounts have gone with its namespaces, control groups go with nobody. */
static inline void fixture_clean_orphan(const char *folder)
{
    glob_t engines = {0};
    autofree char *pattern = mem_printf("%s/runs/*/d*", folder);
    size_t before = strlen(folder) + strlen("/runs");
    glob(pattern, GLOB_ONLYDIR, NULL, &engines);
    for (size_t i = 0; i < engines.gl_pathc; i++) {
        autofree char *root = mem_printf(JOURNAL_ROOT "%s", engines.gl_pathv[i] + before);
        docker_end_processes(root, NULL);
    }
    globfree(&engines);
    files_remove(folder, NULL);
}

/* Runs this program again in mount, process and network namespaces of its own, so that what others do on this machine meanwhile is not
 * taken for what a run left. Call it first in main(). An argument lets only the tests run whose names match it. */
static inline void fixture_go_apart(char **argv)
{
    enum { OWN = 7 };
    const char *arguments[16] = {"unshare", "-m", "-n", "-p", "-f", "--mount-proc", "--kill-child"};
    if (getenv(FIXTURE_APART) || privileges_check(NULL) < 0)
        return;
    orphans_clean(FIXTURE_APART_FOLDER, fixture_clean_orphan);
    autofree char *self = mem_printf("%d", getpid());
    setenv(FIXTURE_APART, self, 1);
    for (int i = 0; argv[i] && i < 16 - OWN - 1; i++)
        arguments[OWN + i] = argv[i];
    execvp(arguments[0], (char *const *)arguments);
}

/* Copies of others' mounts go, the folders where runs leave things become this program's own: hidden below a folder of the same file system.
 * A tree in /tmp must stay where it is. */
static char *fixture_apart;

static inline void fixture_hide_others(void)
{
    free(shell("mkdir -p /var/lib/roamlab/runs /run/netns /run/containerd/s; ip link set lo up"));
    free(shell(
        "awk '{print $5}' /proc/self/mountinfo | grep -E '^/(run/netns|var/lib/roamlab|var/tmp)/' | sort -r |"
        " xargs -r -n 1 umount -l 2>&1; true"));
    fixture_apart = mem_printf(FIXTURE_APART_FOLDER "%s", getenv(FIXTURE_APART));
    assert_int_equal(mkdir(fixture_apart, 0700), 0);
    free(shell(
        "case $PWD in /tmp/*) t= ;; *) t=yes ;; esac; cd %s && mkdir runs netns shims tmp tmp2 && mount --bind runs /var/lib/roamlab/runs &&"
        " mount --bind netns /run/netns && mount --bind shims /run/containerd/s && mount --bind tmp /var/tmp &&"
        " { [ ! $t ] || mount --bind tmp2 /tmp; }",
        fixture_apart));
}

static inline void fixture_show_others(void)
{
    free(shell(
        "umount -l /var/lib/roamlab/runs; umount -l /run/netns; umount -l /run/containerd/s; umount -l /var/tmp; umount -l /tmp 2>/dev/null;"
        " rm -rf --one-file-system %s",
        fixture_apart));
    free(fixture_apart);
}

#endif
