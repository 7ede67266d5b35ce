#include "command_line.h"
#include "commands.h"
#include "interrupt.h"
#include "link_set.h"
#include "mem.h"
#include "privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char HELP[] =
    "usage: roamlab link apply [-d] [--driver NAME] [--name SET] [--ssh-too] FILE\n"
    "       roamlab link show\n"
    "       roamlab link clear [SET]\n"
    "\n"
    "Shapes network interfaces that exist, here or in namespaces, without a scenario.\n"
    "\n"
    "  apply   shapes what the links file names. With the kernel's driver it returns at once; roamlab's own driver,\n"
    "          and links that change over time, need a process that stays: until Ctrl-C, or with -d in the\n"
    "          background until clear\n"
    "  show    lists what is applied, and what it has carried\n"
    "  clear   takes it away again, and nothing else\n"
    "\n"
    "  -d              stay in the background, with a log in /var/log until clear\n"
    "  --driver NAME   kernel (netem) or userspace (roamlab's own, over NFQUEUE); default: the first of them that works\n"
    "                  here and can do all that the file asks\n"
    "  --name SET      several sets may be applied at a time; default: links\n"
    "  --ssh-too       also what carries the ssh connection by which you are here; else that is refused\n"
    "\n"
    "FILE: {\"links\": [{\"here\": {\"interface\": \"eth0\", \"namespace\": \"blue\"}, \"there\": {…}, \"peer\": \"10.0.2.0/24\",\n"
    "                  \"delay_ms\": {\"forward\": 50}, \"rate_mbit\": {\"forward\": 80}, …}]}\n"
    "with the keys of a scenario's links (scenarios/README.md). forward is what leaves `here`, back what arrives there;\n"
    "`there` is the other end, if it is on this machine. Without it the kernel's driver shapes forward only and roamlab's\n"
    "own back only. `peer` limits the shaping to packets to and from these addresses.\n"
    "\n"
    "Exit status: 0 good; 2 usage or bad file; 3 this host lacks a privilege or a driver; 4 it failed.\n";

struct apply {
    const char *path, *name, *driver_name;
    bool background, ssh_too;
    struct links_file *file;
    const struct link_driver *driver;
};

static int failed(const struct err *e)
{
    err_print(e);
    return e->code == EPERM || e->code == EOPNOTSUPP ? 3 : e->code == ENOENT || e->code == EINVAL ? 2 : 4;
}

/* --- apply --- */

/* The user, who has read so far what went wrong, goes; what comes later goes to the log. */
static void detach(int log)
{
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
}

/* In the background `ready` gets one byte when all is shaped, and `log` what there is to say; -1: in the foreground. */
static int hold(const struct apply *a, int ready, int log)
{
    struct err e = ERR_INIT;
    struct link_set *set = link_set_apply(a->file, a->driver, a->name, &e);
    if (!set)
        return failed(&e);
    if (!link_set_needs_process(a->file, a->driver)) {
        link_set_leave(set);
        return 0;
    }
    if (ready >= 0) {
        detach(log);
        (void)!write(ready, "", 1);
        close(ready);
    }
    int status = link_set_play(set, &e);
    if (status < 0)
        err_print(&e);
    if (link_set_remove(set, &e) < 0 && status == 0)
        return failed(&e);
    return status < 0 ? 4 : 0;
}

static char *log_path(const struct apply *a)
{
    return mem_printf("/var/log/roamlab-links-%s.log", a->name);
}

/* The log of a set that ended well has nothing to say. */
static int hold_in_background(const struct apply *a, int ready)
{
    struct err e = ERR_INIT;
    autofree char *path = log_path(a);
    autoclose int null = open("/dev/null", O_RDWR | O_CLOEXEC),
              log = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
    if (null < 0 || log < 0) {
        err_errno(&e, "%s", path);
        return failed(&e);
    }
    setsid();
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    int status = hold(a, ready, log);
    if (status == 0)
        unlink(path);
    return status;
}

static int go_to_background(const struct apply *a)
{
    struct err e = ERR_INIT;
    int fds[2];
    char byte;
    if (pipe2(fds, O_CLOEXEC) < 0) {
        err_errno(&e, "pipe");
        return failed(&e);
    }
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[0]);
        _exit(hold_in_background(a, fds[1]));
    }
    close(fds[1]);
    bool shaped = pid > 0 && read(fds[0], &byte, 1) == 1;
    close(fds[0]);
    if (shaped) {
        autofree char *path = log_path(a);
        printf("process %d holds the set %s; what it says is in %s\n", (int)pid, a->name, path);
        return 0;
    }
    int status = 0;
    if (pid < 0) {
        err_errno(&e, "fork");
        return failed(&e);
    }
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 4;
}

static int apply(struct apply *a)
{
    struct err e = ERR_INIT;
    a->file = links_file_read(a->path, &e);
    if (a->file && !a->ssh_too && link_set_check_ssh(a->file, &e) < 0)
        err_wrap(&e, "%.240s", a->path);
    if (e.code)
        return command_failed(&e, 2);
    if (privileges_check(&e) < 0 || !(a->driver = link_set_driver(a->file, a->driver_name, &e)))
        return failed(&e);
    interrupt_catch();
    bool stays = link_set_needs_process(a->file, a->driver);
    if (stays && !a->background)
        fprintf(stderr, "roamlab: links are shaped until Ctrl-C\n");
    return stays && a->background ? go_to_background(a) : hold(a, -1, -1);
}

static int take_option(void *context, int option, char *value)
{
    struct apply *a = context;
    a->background |= option == 'd';
    a->ssh_too |= option == 's';
    a->driver_name = option == 'D' ? value : a->driver_name;
    a->name = option == 'n' ? value : a->name;
    return 0;
}

static int apply_main(int argc, char **argv)
{
    static const struct option options[] = {{"driver", required_argument, NULL, 'D'},
                                            {"name", required_argument, NULL, 'n'},
                                            {"ssh-too", no_argument, NULL, 's'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    struct apply a = {.name = "links"};
    int status = command_take_options("link", argc, argv, HELP, "d", options, take_option, &a);
    if (status >= 0)
        return status;
    if (argc - optind != 1)
        return command_usage("link", "apply wants one links file");
    a.path = argv[optind];
    status = apply(&a);
    links_file_free(a.file);
    return status;
}

/* --- show, clear --- */

static int show_main(int argc)
{
    if (argc > 1)
        return command_usage("link", "show takes no argument");
    if (link_set_show(stdout) == 0)
        puts("no links are applied");
    return 0;
}

static int clear_main(int argc, char **argv)
{
    struct err e = ERR_INIT;
    if (argc > 2 || (argc == 2 && argv[1][0] == '-'))
        return command_usage("link", "clear takes at most one set");
    if (privileges_check(&e) < 0)
        return failed(&e);
    int count = link_set_clear(argv[1], &e);
    if (count < 0)
        return failed(&e);
    printf("%d set%s cleared\n", count, count == 1 ? "" : "s");
    return 0;
}

int link_main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "--help") == 0 || strcmp(what, "-h") == 0) {
        fputs(HELP, stdout);
        return 0;
    }
    if (strcmp(what, "apply") == 0)
        return apply_main(argc - 1, argv + 1);
    if (strcmp(what, "show") == 0)
        return show_main(argc - 1);
    if (strcmp(what, "clear") == 0)
        return clear_main(argc - 1, argv + 1);
    return command_usage("link", "apply, show or clear is needed");
}
