#include "cpu_latency.h"

#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

enum { AT_ONCE_US = 0, ANY_US = 2000000000 };

void cpu_latency_open(struct cpu_latency *latency)
{
    *latency = (struct cpu_latency){.fd = open("/dev/cpu_dma_latency", O_WRONLY | O_CLOEXEC)};
}

void cpu_latency_close(struct cpu_latency *latency)
{
    if (latency->fd >= 0)
        close(latency->fd);
    latency->fd = -1;
}

void cpu_latency_set(struct cpu_latency *latency, bool short_wakes)
{
    int32_t us = short_wakes ? AT_ONCE_US : ANY_US;
    if (latency->fd >= 0 && latency->short_wakes != short_wakes)
        (void)!write(latency->fd, &us, sizeof us);
    latency->short_wakes = short_wakes;
}
