/* An actor's alarm as a timer of the loop: the timer lives in the room that the alarm reserves for its
 * port. */
#ifndef ROAMLAB_LOOP_ALARM_H
#define ROAMLAB_LOOP_ALARM_H

#include "loop.h"
#include "port.h"

void loop_alarm_set(struct loop *loop, struct alarm *alarm, struct simtime at);
void loop_alarm_clear(struct loop *loop, struct alarm *alarm);

#endif
