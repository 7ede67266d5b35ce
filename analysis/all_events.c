#include "all_events.h"
#include "interrupt.h"

int all_events_open(const char *folder, uint32_t kinds, struct event_reader **out, struct err *e)
{
    int status = event_reader_open(folder, kinds, out, e);
    if (status == 0)
        event_reader_stop_when(*out, interrupt_signal);
    return status;
}
