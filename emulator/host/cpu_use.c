#include "cpu_use.h"
#include "mem.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PROGRAM = 16, PROGRAMS_MAX = 64 };

struct seen {
    unsigned long long ticks, started;
    uint32_t pid;
};

struct used {
    char program[PROGRAM];
    unsigned long long ticks;
};

struct cpu_use {
    struct stat home; /* the network namespace */
    long ticks_per_s;
    struct seen *before, *now; /* owned: what the last sample met, and this one so far */
    size_t before_count, now_count;
    struct used used[PROGRAMS_MAX]; /* since the last sample; what finds no room is left out */
    int used_count;
};

bool cpu_use_parse(const char *line, char *program, unsigned long long *ticks, unsigned long long *started)
{
    /* A program may be called anything, ") R 1" too: the last parenthesis ends its name. */
    const char *open = strchr(line, '('), *close = strrchr(line, ')');
    unsigned long long user, system;
    if (!open || !close || close < open)
        return false;
    snprintf(program, PROGRAM, "%.*s", (int)(close - open - 1), open + 1);
    if (sscanf(close + 1,
               " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %*d %*d %llu", &user,
               &system, started) != 3)
        return false;
    *ticks = user + system;
    return true;
}

static bool is_here(const struct cpu_use *use, const char *pid)
{
    struct stat net;
    autofree char *path = mem_printf("/proc/%s/ns/net", pid);
    return stat(path, &net) == 0 && net.st_ino == use->home.st_ino && net.st_dev == use->home.st_dev;
}

/* Without its end, if that finds no room. */
static bool read_about(const char *pid, const char *file, char *text, size_t size)
{
    autofree char *path = mem_printf("/proc/%s/%s", pid, file);
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, text, size - 1);
    memset(text + (len > 0 ? len : 0), 0, size - (size_t)(len > 0 ? len : 0));
    return len > 0;
}

/* What a command line (words that end with NUL, then empty ones) says that it runs. */
static const char *word_of(const char *words, size_t size, bool loader)
{
    const char *word = words, *end = words + size;
    int skip = loader; /* the loader itself; an option of its own has a value behind it */
    for (; skip && word < end && *word; skip--) {
        word += strlen(word) + 1;
        skip += word < end && strncmp(word, "--", 2) == 0 ? 2 : 0;
    }
    return word < end && *word ? word : NULL;
}

/* Docker starts itself anew as /proc/self/exe, under the name of what it does; a private criu is an argument of its loader. */
static void tell_apart(const char *pid, char program[PROGRAM])
{
    char words[1024];
    bool loader = strncmp(program, "ld-linux", 8) == 0;
    if ((!loader && strcmp(program, "exe") != 0) || !read_about(pid, "cmdline", words, sizeof words))
        return;
    const char *word = word_of(words, sizeof words, loader);
    size_t len = word ? strcspn(word, ": ") : 0; /* criu writes what it does behind its name */
    const char *slash = word ? memrchr(word, '/', len) : NULL;
    if (len)
        snprintf(program, PROGRAM, "%.*s", (int)(word + len - (slash ? slash + 1 : word)),
                 slash ? slash + 1 : word);
}

static void add_used(struct cpu_use *use, const char *program, unsigned long long ticks)
{
    int i = 0;
    while (i < use->used_count && strcmp(use->used[i].program, program) != 0)
        i++;
    if (i == PROGRAMS_MAX)
        return;
    if (i == use->used_count)
        memcpy(use->used[use->used_count++].program, program, PROGRAM);
    use->used[i].ticks += ticks;
}

/* A number may come again, for another process. */
static const struct seen *find_before(const struct cpu_use *use, uint32_t pid, unsigned long long started)
{
    for (size_t i = 0; i < use->before_count; i++)
        if (use->before[i].pid == pid && use->before[i].started == started)
            return &use->before[i];
    return NULL;
}

static void keep(struct cpu_use *use, struct seen seen)
{
    if ((use->now_count & (use->now_count - 1)) == 0) /* full at every power of two */
        use->now = mem_resize(use->now, (use->now_count ? 2 * use->now_count : 1) * sizeof *use->now);
    use->now[use->now_count++] = seen;
}

/* A process that is new since the last sample has used all its time since then. */
static void meet(struct cpu_use *use, const char *name)
{
    char line[1024], program[PROGRAM] = "";
    struct seen seen = {.pid = (uint32_t)strtoul(name, NULL, 10)};
    if (!read_about(name, "stat", line, sizeof line) ||
        !cpu_use_parse(line, program, &seen.ticks, &seen.started))
        return;
    tell_apart(name, program);
    const struct seen *before = find_before(use, seen.pid, seen.started);
    unsigned long long earlier = before ? before->ticks : 0;
    if (seen.ticks > earlier)
        add_used(use, program, seen.ticks - earlier);
    keep(use, seen);
}

static void look(struct cpu_use *use)
{
    DIR *proc = opendir("/proc");
    free(use->before);
    use->before = steal(use->now);
    use->before_count = use->now_count;
    use->now_count = 0;
    use->used_count = 0;
    memset(use->used, 0, sizeof use->used);
    for (struct dirent *entry; proc && (entry = readdir(proc));)
        if (isdigit((unsigned char)entry->d_name[0]) && is_here(use, entry->d_name))
            meet(use, entry->d_name);
    if (proc)
        closedir(proc);
}

struct cpu_use *cpu_use_new(void)
{
    struct cpu_use *use = mem_alloc(sizeof *use);
    use->ticks_per_s = sysconf(_SC_CLK_TCK);
    (void)!stat("/proc/self/ns/net", &use->home);
    look(use);
    return use;
}

void cpu_use_free(struct cpu_use *use)
{
    if (!use)
        return;
    free(use->before);
    free(use->now);
    free(use);
}

void cpu_use_sample(struct cpu_use *use, cpu_use_report *report, void *context)
{
    look(use);
    for (int i = 0; i < use->used_count; i++)
        report(context, use->used[i].program,
               simtime_ns((int64_t)use->used[i].ticks * (1000000000 / use->ticks_per_s)));
}
