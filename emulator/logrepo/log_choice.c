#include "log_choice.h"

#include <stddef.h>
#include <string.h>

static const char *const names[LOG_MODES] = {
    [LOG_FULL] = "full", [LOG_SAMPLED] = "sampled", [LOG_AGGREGATE] = "aggregate"};

/* By request, by handoff or by device; all other kinds are rare. */
static const uint32_t numerous = 1u << EVENT_MESSAGE | 1u << EVENT_TRANSITION | 1u << EVENT_REQUEST |
                                 1u << EVENT_EXECUTED | 1u << EVENT_CONTAINER | 1u << EVENT_SENT_TOTAL |
                                 1u << EVENT_HANDOFF | 1u << EVENT_OUTAGE;

const char *log_mode_name(int mode)
{
    return mode >= 0 && mode < LOG_MODES ? names[mode] : NULL;
}

enum log_mode log_mode_of(const char *name)
{
    int mode = 0;
    while (mode < LOG_MODES && strcmp(names[mode], name) != 0)
        mode++;
    return (enum log_mode)mode;
}

bool log_keeps(const struct log_choice *choice, enum event_kind kind, int32_t mud)
{
    bool whole = mud >= 0 && choice->mode == LOG_SAMPLED && (uint32_t)mud % choice->every == 0;
    return choice->mode == LOG_FULL || whole || !(numerous >> kind & 1);
}

uint32_t log_unwanted(const struct log_choice *choice)
{
    return choice->mode == LOG_FULL ? 0 : 1u << EVENT_MESSAGE | 1u << EVENT_TRANSITION;
}
