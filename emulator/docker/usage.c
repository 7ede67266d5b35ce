/* What a container uses, from its control groups: version 1 (memory.stat, cpuacct.usage) or 2 (memory.stat, cpu.stat). */
#include "container.h"
#include "files.h"
#include "mem.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The number behind `key` at the beginning of a line; an empty key: the only one. */
static bool number_in(const char *file, const char *key, uint64_t *number)
{
    struct buf text = BUF_INIT;
    bool found = false;
    size_t len = strlen(key);
    if (files_read(file, 0, &text, NULL) == 0)
        for (const char *line = buf_text(&text); line && !found; line = strchr(line, '\n'), line += line != NULL)
            if (!strncmp(line, key, len) && (len == 0 || line[len] == ' '))
                found = sscanf(line + len, "%" SCNu64, number) == 1;
    buf_free(&text);
    return found;
}

static bool read_number(const char *group, const char *name, const char *key, uint64_t *number)
{
    autofree char *file = group ? mem_printf("%s/%s", group, name) : NULL;
    return file && number_in(file, key, number);
}

int docker_container_usage(const struct docker_container *c, struct docker_usage *u, struct err *e)
{
    pid_t pid = c->pid;
    autofree char *memory = docker_control_group_of(pid, "memory"), *cpu = docker_control_group_of(pid, "cpuacct"),
                  *both = docker_control_group_of(pid, "");
    uint64_t us;
    bool known = read_number(memory, "memory.stat", "total_rss", &u->memory_bytes) ||
                 read_number(both, "memory.stat", "anon", &u->memory_bytes);
    if (known && read_number(cpu, "cpuacct.usage", "", &u->cpu_ns))
        return 0;
    if (known && read_number(both, "cpu.stat", "usage_usec", &us)) {
        u->cpu_ns = us * 1000;
        return 0;
    }
    return err_set(e, EOPNOTSUPP, "%s: its control groups do not tell what it uses", c->name);
}
