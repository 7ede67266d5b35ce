#include "outpost_link.h"
#include "mem.h"
#include "outpost_protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Often at first, so that the shortest round trip of many is known before the run begins. */
enum { FIRST_PINGS = 20, FIRST_EVERY_MS = 25, PING_EVERY_MS = 250, PARTING_S = 3, ARGUMENTS_MAX = 32 };

static void ping(struct timer *timer)
{
    struct outpost_link *link = container_of(timer, struct outpost_link, ping);
    outpost_link_say(link, outpost_say_time("ping", clock_monotonic(), SIMTIME_ZERO));
    loop_arm_after(link->loop, &link->ping,
                   simtime_ms(link->pings < FIRST_PINGS ? FIRST_EVERY_MS : PING_EVERY_MS));
}

static void take_pong(struct outpost_link *link, struct json_object *line)
{
    struct simtime asked, theirs;
    if (outpost_read_time(line, &asked, &theirs, NULL) < 0)
        return;
    clock_offset_add(&link->clock, asked, theirs, clock_monotonic());
    link->pings++;
    if (outpost_link_in_time(link))
        link->in_time(link);
}

static void line_arrives(struct channel *channel, char *text, size_t len)
{
    struct outpost_link *link = container_of(channel, struct outpost_link, channel);
    struct json_object *line = json_tokener_parse(text);
    const char *word = line ? agent_word(line) : NULL;
    (void)len;
    if (word && !strcmp(word, "pong"))
        take_pong(link, line);
    else
        link->heard(link, word ? word : "", line);
    json_object_put(line);
}

static void part(struct outpost_link *link)
{
    loop_cancel(link->loop, &link->parting);
    process_kill(&link->process);
    link->gone(link);
}

static void parting_is_over(struct timer *timer)
{
    part(container_of(timer, struct outpost_link, parting));
}

/* ssh's exit status tells why, and comes a moment later. */
static void link_broke(struct channel *channel, const struct err *e)
{
    struct outpost_link *link = container_of(channel, struct outpost_link, channel);
    (void)e;
    link->open = false;
    loop_cancel(link->loop, &link->ping);
    if (link->process.pid)
        loop_arm_after(link->loop, &link->parting, simtime_s(PARTING_S));
    else
        part(link);
}

/* What it said last may still be in the pipe. */
static void ssh_exited(struct process *process, int status)
{
    struct outpost_link *link = container_of(process, struct outpost_link, process);
    link->exit_status = status;
    if (!link->open)
        part(link);
}

/* No questions; a machine that answers no more is gone after half a minute. */
static const char *const ssh_words[] = {"ssh",
                                        "-T",
                                        "-oBatchMode=yes",
                                        "-oConnectTimeout=20",
                                        "-oServerAliveInterval=10",
                                        "-oServerAliveCountMax=3"};

/* ssh, the machine and the command there. ROAMLAB_SSH is words with blanks between; `own` is a copy of it. */
static void put_ssh(const char **argv, char *own, const char *machine, const char *command)
{
    char *rest = NULL;
    int count = 0;
    for (char *word = own ? strtok_r(own, " ", &rest) : NULL; word && count < ARGUMENTS_MAX - 8;
         word = strtok_r(NULL, " ", &rest))
        argv[count++] = word;
    for (size_t i = count ? 1 : 0; i < ARRAY_LEN(ssh_words); i++)
        argv[count++] = ssh_words[i];
    argv[count++] = "--";
    argv[count++] = machine;
    argv[count++] = command;
    argv[count] = NULL;
}

static int start(struct outpost_link *link, int in, int out, int log_fd, struct err *e)
{
    const char *argv[ARGUMENTS_MAX];
    autofree char *own = mem_copy_string(getenv("ROAMLAB_SSH"));
    autofree char *command = link->command
                                 ? mem_printf("exec %s agent --outpost", link->command)
                                 : mem_printf("PATH=\"$HOME/.local/bin:$PATH\" exec roamlab agent --outpost");
    put_ssh(argv, own, link->machine, command);
    struct process_options options = PROCESS_OPTIONS_INIT;
    options.argv = argv;
    options.stdin_fd = in;
    options.stdout_fd = out;
    options.stderr_fd = log_fd;
    link->process.ended = ssh_exited;
    return process_start(link->loop, &link->process, &options, e);
}

int outpost_link_open(struct outpost_link *link, int log_fd, struct err *e)
{
    int to[2], from[2];
    if (pipe2(to, O_CLOEXEC) < 0 || pipe2(from, O_CLOEXEC) < 0)
        return err_errno(e, "pipe");
    int status = start(link, to[0], from[1], log_fd, e);
    close(to[0]);
    close(from[1]);
    link->clock = (struct clock_offset)CLOCK_OFFSET_INIT;
    link->channel.line = line_arrives;
    link->channel.closed = link_broke;
    link->ping.fire = ping;
    link->parting.fire = parting_is_over;
    link->exit_status = -1;
    if (status == 0)
        status = channel_open(&link->channel, link->loop, from[0], to[1], e);
    link->open = status == 0;
    if (status == 0)
        ping(&link->ping);
    return status < 0 ? err_wrap(e, "machine %s", link->machine) : 0;
}

void outpost_link_say(struct outpost_link *link, struct json_object *line)
{
    channel_send(&link->channel, json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN));
    json_object_put(line);
}

bool outpost_link_in_time(const struct outpost_link *link)
{
    return link->pings >= FIRST_PINGS;
}

void outpost_link_close(struct outpost_link *link)
{
    if (link->loop) {
        loop_cancel(link->loop, &link->ping);
        loop_cancel(link->loop, &link->parting);
    }
    channel_close(&link->channel);
    process_kill(&link->process);
    link->open = false;
}

int outpost_link_push(const char *machine, const char *program, struct err *e)
{
    const char *argv[ARGUMENTS_MAX], *slash = strrchr(program, '/'), *name = slash ? slash + 1 : program;
    autofree char *own = mem_copy_string(getenv("ROAMLAB_SSH"));
    autofree char *command = mem_printf("mkdir -p ~/.local/bin && cd ~/.local/bin && { cat >%s.part && chmod 755 %s.part && mv %s.part %s; } || "
                                        "{ rm -f %s.part; exit 1; }",
                                        name, name, name, name, name);
    autoclose int file = open(program, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return err_errno(e, "%s", program);
    put_ssh(argv, own, machine, command);
    struct process_options options = PROCESS_OPTIONS_INIT;
    options.argv = argv;
    options.stdin_fd = file;
    options.interruptible = true;
    int status = process_run(&options, NULL, e);
    if (status < 0) {
        err_wrap(e, "machine %s: push %s", machine, name);
        if (status != -EINTR)
            err_hint(e, OUTPOST_LINK_TRY "; and there must be room in ~/.local/bin there", machine);
    }
    return status;
}
