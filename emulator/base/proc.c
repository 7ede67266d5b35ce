#include "proc.h"
#include "files.h"
#include "mem.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static long number_of(const char *path, const char *field)
{
    autofree char *beginning = mem_printf("\n%s:", field);
    struct buf text = BUF_INIT;
    const char *line = files_read(path, 0, &text, NULL) == 0 ? strstr(buf_text(&text), beginning) : NULL;
    long found = line ? strtol(line + strlen(beginning), NULL, 10) : 0;
    buf_free(&text);
    return found;
}

pid_t proc_status(pid_t pid, const char *field)
{
    autofree char *path = mem_printf("/proc/%d/status", pid);
    return (pid_t)number_of(path, field);
}

uint64_t proc_available_memory(void)
{
    return (uint64_t)number_of("/proc/meminfo", "MemAvailable") << 10;
}

double proc_own_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

char *proc_text_after(pid_t pid, const char *file, const char *beginning)
{
    autofree char *path = mem_printf("/proc/%d/%s", pid, file);
    struct buf texts = BUF_INIT;
    char *found = NULL;
    if (files_read(path, 0, &texts, NULL) == 0 && texts.len) {
        const char *at = buf_text(&texts), *end = at + texts.len;
        for (; at < end && !found; at += strlen(at) + 1)
            if (!strncmp(at, beginning, strlen(beginning)))
                found = mem_copy_string(at + strlen(beginning));
    }
    buf_free(&texts);
    return found;
}
