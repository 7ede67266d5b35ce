#include "agent_cpu.h"
#include "mem.h"
#include "port.h"

enum { EVERY_MS = 100 };

static void report(void *context, const char *program, struct simtime used)
{
    struct agent_cpu *cpu = context;
    struct event event = {.at = cpu->port->operations->now(cpu->port),
                          .begin = cpu->before,
                          .kind = EVENT_CPU,
                          .reporter = cpu->host,
                          .peer = "",
                          .sender = "",
                          .text = program,
                          .mud = -1,
                          .number = -1,
                          .migration = -1,
                          .value = used.ns};
    cpu->cast->record(cpu->cast, &event);
}

static void sample(struct timer *timer)
{
    struct agent_cpu *cpu = container_of(timer, struct agent_cpu, timer);
    cpu_use_sample(cpu->use, report, cpu);
    cpu->before = cpu->port->operations->now(cpu->port);
    loop_arm_after(cpu->loop, &cpu->timer, simtime_ms(EVERY_MS));
}

void agent_cpu_begin(struct agent_cpu *cpu)
{
    cpu->use = cpu_use_new();
    cpu->before = cpu->port->operations->now(cpu->port);
    cpu->timer.fire = sample;
    loop_arm_after(cpu->loop, &cpu->timer, simtime_ms(EVERY_MS));
}

void agent_cpu_end(struct agent_cpu *cpu)
{
    if (cpu->use)
        loop_cancel(cpu->loop, &cpu->timer);
    cpu_use_free(steal(cpu->use));
}
