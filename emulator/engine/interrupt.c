#include "interrupt.h"

#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static volatile sig_atomic_t received;
static int pipe_fds[2] = {-1, -1};

static void remember(int signal)
{
    if (!received) {
        received = signal;
        (void)!write(pipe_fds[1], "", 1);
    }
}

void interrupt_catch(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    if (pipe_fds[0] < 0 && pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK) < 0)
        return;
    struct sigaction action = {.sa_handler = remember, .sa_flags = SA_RESTART};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        sigaction(signals[i], &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int interrupt_signal(void)
{
    return received;
}

int interrupt_fd(void)
{
    return pipe_fds[0];
}
