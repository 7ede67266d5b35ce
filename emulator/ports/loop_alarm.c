#include "loop_alarm.h"
#include "mem.h"

_Static_assert(sizeof(((struct alarm *)0)->reserved) >= sizeof(struct timer),
               "an alarm has room for the loop's timer");

static struct timer *timer_of(struct alarm *alarm)
{
    return (struct timer *)(void *)alarm->reserved;
}

static void fire(struct timer *timer)
{
    struct alarm *alarm = container_of((void **)(void *)timer, struct alarm, reserved);
    alarm->ring(alarm);
}

void loop_alarm_set(struct loop *loop, struct alarm *alarm, struct simtime at)
{
    timer_of(alarm)->fire = fire;
    loop_arm(loop, timer_of(alarm), at);
}

void loop_alarm_clear(struct loop *loop, struct alarm *alarm)
{
    loop_cancel(loop, timer_of(alarm));
}
