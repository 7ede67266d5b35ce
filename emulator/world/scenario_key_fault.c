#include "scenario_key.h"

#include <math.h>

static const struct scenario_key fault_rows[] = {
    {.name = "effect",
     .kind = KEY_WORD,
     .field = KEY_NO_FIELD,
     .help =
         "on an operation: fails, disk-full, hangs, slow, truncated, flipped; on containers: killed; on messages: lost, doubled, delayed; on a host: stopped, "
         "restarted, power-loss, clock"},
    {.name = "operation", .kind = KEY_WORD, .field = KEY_NO_FIELD, .help = "the operation that it strikes"},
    {.name = "edge",
     .kind = KEY_WORD,
     .field = KEY_NO_FIELD,
     .help = "the edge server where it fails; absent: any"},
    {.name = "mud",
     .kind = KEY_WORD,
     .field = KEY_NO_FIELD,
     .help = "the device whose container it hits; absent: any"},
    {"times", KEY_WHOLE, FIELD(fault, times), false, 0, 1000000, 1, "how often it fails; 0 = always", 0, 0},
    {.name = "between",
     .kind = KEY_PAIR,
     .field = KEY_NO_FIELD,
     .help = "on messages: the names of two hosts; absent: any"},
    {.name = "message", .kind = KEY_WORD, .field = KEY_NO_FIELD, .help = "on messages: their kind; absent: any"},
    {"share", KEY_NUMBER, FIELD(fault, share), false, 0, 1, 1, "on messages: probability of each", 0, 0},
    {"delay_ms", KEY_MS, FIELD(fault, delay), false, 0, 3600e3, 100,
     "slow: so many milliseconds later; doubled, delayed: at most", 0, 0},
    {.name = "host", .kind = KEY_WORD, .field = KEY_NO_FIELD, .help = "on a host: its name"},
    {"jump_s", KEY_SECONDS, FIELD(fault, jump), false, -31536000, 31536000, 288,
     "clock: seconds forward, or back, that the calendar clock jumps", 0, 0},
    {"from_s", KEY_SECONDS, FIELD(fault, from), false, 0, 31536000, 0, "seconds from the start of the run", 0,
     0},
    {"to_s", KEY_SECONDS, FIELD(fault, to), false, 0, 31536000, NAN,
     "when it is over, in seconds from the start of the run; absent: never", 0, 0},
};
const struct scenario_keys scenario_fault_keys = KEYS(fault_rows);
