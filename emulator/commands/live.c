#include "live.h"
#include "clock.h"
#include "command_line.h"
#include "decimal.h"
#include "interrupt.h"
#include "report.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

enum { LOOK_EVERY_MS = 20 };

int live_take_port(struct live *live, const char *command, const char *port)
{
    uint64_t number = 0;
    int status = port ? command_number(command, "--live", port, 1, UINT16_MAX, &number) : 0;
    if (status)
        return status;
    live->wanted = true;
    live->port = (uint16_t)number;
    return 0;
}

int live_take_speed(struct live *live, const char *command, const char *speed)
{
    double factor;
    if (!decimal_parse(speed, strlen(speed), &factor) || !(factor >= 0.01 && factor <= 10000))
        return command_bad_value(command, "--speed wants a number from 0.01 to 10000", speed);
    live->percent = llround(factor * 100);
    return 0;
}

/* Until the instant of CLOCK_MONOTONIC, or a signal. */
static void wait_until(struct simtime instant)
{
    struct pollfd signal = {.fd = interrupt_fd(), .events = POLLIN};
    for (struct simtime left; !interrupt_signal() && (left = simtime_sub(instant, clock_monotonic())).ns > 0;)
        ppoll(&signal, 1, &(struct timespec){left.ns / 1000000000, left.ns % 1000000000}, NULL);
}

static void wait_for_readers(const struct live *live)
{
    while (!live_server_is_read(live->server) && !interrupt_signal())
        wait_until(simtime_add(clock_monotonic(), simtime_ms(LOOK_EVERY_MS)));
}

int live_begin(struct live *live, json_object *data, const char *folder, bool paced, struct err *e)
{
    struct buf page = BUF_INIT;
    interrupt_catch();
    report_live_page(&page, data);
    live->feed = live_feed_new();
    int status = live_server_start(live->port, buf_text(&page), live->feed, folder, &live->server, e);
    buf_free(&page);
    if (status < 0)
        return status;
    printf("http://127.0.0.1:%u/  %s; Ctrl-C ends it\n", live_server_port(live->server),
           paced ? "begins when it is opened" : "shows what happens");
    fflush(stdout);
    live->paced = paced;
    if (paced)
        wait_for_readers(live);
    live->origin = clock_monotonic();
    return 0;
}

void live_hear(void *context, const struct event *event)
{
    struct live *live = context;
    int64_t percent = live->percent ? live->percent : 100;
    if (live->paced)
        wait_until(simtime_add(live->origin, simtime_ns(event->at.ns / percent * 100)));
    live_feed_add(live->feed, event);
}

void live_stay(struct live *live, const char *how)
{
    if (!live->server)
        return;
    live_feed_end(live->feed, interrupt_signal() ? "interrupted" : how);
    wait_until(SIMTIME_NEVER);
}

void live_free(struct live *live)
{
    live_server_stop(live->server);
    live_feed_free(live->feed);
    live->server = NULL;
    live->feed = NULL;
}
