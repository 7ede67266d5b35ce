#include "scenario_key.h"

#include "mem.h"

#include <math.h>

#define NUMBER(name, low, high, preset, help)                                                                \
    {                                                                                                        \
        name, KEY_NUMBER, KEY_NO_FIELD, false, low, high, preset, help, 0, 0                                 \
    }
#define WHOLE(name, low, high, preset, help)                                                                 \
    {                                                                                                        \
        name, KEY_WHOLE, KEY_NO_FIELD, false, low, high, preset, help, 0, 0                                  \
    }

/* A key that is one value or {"forward", "back"}: the rows of the two, and the row of the key itself. */
#define WAYS(keys, kind, low, high, inner)                                                                   \
    static const struct scenario_key keys##_rows[] = {                                                       \
        {"forward", kind, KEY_NO_FIELD, false, low, high, 0, "from the first to the second", inner, 0},      \
        {"back", kind, KEY_NO_FIELD, false, low, high, 0, "from the second to the first", inner, 0},         \
    };                                                                                                       \
    static const struct scenario_keys keys = KEYS(keys##_rows)
#define BOTH_WAYS(name, low, high, preset, help, keys)                                                       \
    {                                                                                                        \
        name, KEY_BOTH_WAYS, KEY_NO_FIELD, false, low, high, preset, help, &(keys), 0                        \
    }

static const struct scenario_key table_rows[] = {
    {.name = "file",
     .kind = KEY_PATH,
     .field = KEY_NO_FIELD,
     .max = 4000,
     .help = "a table of numbers in the form of iproute2's *.dist, relative to the scenario's folder"},
    {.name = "text",
     .kind = KEY_TEXT,
     .field = KEY_NO_FIELD,
     .max = SCENARIO_FILE_MAX,
     .help = "the file's contents; then no file is read"},
};
static const struct scenario_keys table_keys = KEYS(table_rows);

static const struct scenario_key gilbert_elliott_rows[] = {
    {"p", KEY_NUMBER, KEY_NO_FIELD, true, 0, 1, 0, "probability to turn bad", 0, 0},
    NUMBER("r", 0, 1, NAN, "probability to turn good again; absent: 1 - p"),
    NUMBER("loss_bad", 0, 1, 1, "loss while bad (tc's 1-h)"),
    NUMBER("loss_good", 0, 1, 0, "loss while good (tc's 1-k)"),
};
static const struct scenario_keys gilbert_elliott_keys = KEYS(gilbert_elliott_rows);

static const struct scenario_key markov_rows[] = {
    {"p13", KEY_NUMBER, KEY_NO_FIELD, true, 0, 1, 0, "from good to lost in a burst", 0, 0},
    NUMBER("p31", 0, 1, NAN, "from lost in a burst to good; absent: 1 - p13"),
    NUMBER("p32", 0, 1, 0, "from lost in a burst to received in a burst"),
    NUMBER("p23", 0, 1, 1, "from received in a burst to lost in a burst"),
    NUMBER("p14", 0, 1, 0, "from good to lost alone"),
};
static const struct scenario_keys markov_keys = KEYS(markov_rows);

static const struct scenario_key loss_rows[] = {
    NUMBER("probability", 0, 1, 0, "of any packet to be lost"),
    NUMBER("correlation", 0, 1, 0, "with the packet before"),
    {.name = "gilbert_elliott",
     .kind = KEY_OBJECT,
     .field = KEY_NO_FIELD,
     .help = "a good and a bad state, such as {\"p\": 0.01, \"r\": 0.3}",
     .children = &gilbert_elliott_keys},
    {.name = "markov",
     .kind = KEY_OBJECT,
     .field = KEY_NO_FIELD,
     .help = "four states, such as {\"p13\": 0.01, \"p31\": 0.3}",
     .children = &markov_keys},
};
static const struct scenario_keys loss_keys = KEYS(loss_rows);

static const struct scenario_key chance_rows[] = {
    {"probability", KEY_NUMBER, KEY_NO_FIELD, true, 0, 1, 0, "of any packet", 0, 0},
    NUMBER("correlation", 0, 1, 0, "with the packet before"),
};
static const struct scenario_keys chance_keys = KEYS(chance_rows);

static const struct scenario_key reorder_rows[] = {
    {"probability", KEY_NUMBER, KEY_NO_FIELD, true, 0, 1, 0, "of a packet to leave without the delay", 0, 0},
    NUMBER("correlation", 0, 1, 0, "with the packet before"),
    WHOLE("gap", 1, 4294967295.0, 1, "only every so many packets"),
};
static const struct scenario_keys reorder_keys = KEYS(reorder_rows);

static const struct scenario_key slot_rows[] = {
    {"min_ms", KEY_NUMBER, KEY_NO_FIELD, true, 0, 60000, 0, "least time between bursts in milliseconds", 0,
     0},
    NUMBER("max_ms", 0, 60000, NAN, "longest time between bursts in milliseconds; absent: min_ms"),
    WHOLE("packets", 0, 2147483647, 0, "packets in a burst; 0 = any number"),
    WHOLE("bytes", 0, 2147483647, 0, "bytes in a burst; 0 = any number"),
};
static const struct scenario_keys slot_keys = KEYS(slot_rows);

WAYS(rate_keys, KEY_NUMBER, 0.001, 400000, 0);
WAYS(delay_keys, KEY_NUMBER, 0, 60000, 0);
WAYS(jitter_keys, KEY_NUMBER, 0, 2147, 0);
WAYS(share_keys, KEY_NUMBER, 0, 1, 0);
WAYS(distribution_keys, KEY_WORD_OR, 0, 0, &table_keys);
WAYS(overhead_keys, KEY_WHOLE, -1000, 1000, 0);
WAYS(cell_keys, KEY_WHOLE, 1, 65535, 0);
WAYS(packets_keys, KEY_WHOLE, 1, 10000000, 0);
WAYS(bytes_keys, KEY_WHOLE, 1, 4294967295.0, 0);
WAYS(loss_ways, KEY_NUMBER_OR, 0, 1, &loss_keys);
WAYS(chance_ways, KEY_NUMBER_OR, 0, 1, &chance_keys);
WAYS(reorder_ways, KEY_NUMBER_OR, 0, 1, &reorder_keys);
WAYS(slot_ways, KEY_OBJECT, 0, 0, &slot_keys);

static const struct scenario_key schedule_rows[] = {
    {"at_s", KEY_NUMBER, KEY_NO_FIELD, true, 0, 31536000, 0, "seconds from the start of the run", 0, 0},
    {.name = "shape",
     .kind = KEY_WORD,
     .field = KEY_NO_FIELD,
     .help = "step: at once; linear: evenly from the entry before"},
    NUMBER("rtt_ms", 0, 60000, 0, "round-trip time in milliseconds"),
    BOTH_WAYS("delay_ms", 0, 60000, 0, "one-way delay in milliseconds", delay_keys),
    BOTH_WAYS("jitter_ms", 0, 2147, 0, "deviation of the delay in milliseconds", jitter_keys),
    BOTH_WAYS("rate_mbit", 0.001, 400000, 0, "Mbit/s", rate_keys),
    BOTH_WAYS("loss", 0, 1, 0, "probability that a packet is lost", share_keys),
    BOTH_WAYS("duplicate", 0, 1, 0, "probability that a packet is doubled", share_keys),
    BOTH_WAYS("corrupt", 0, 1, 0, "probability that a bit of a packet is turned", share_keys),
};
static const struct scenario_keys schedule_keys = KEYS(schedule_rows);

static const struct scenario_key trace_rows[] = {
    {.name = "file",
     .kind = KEY_PATH,
     .field = KEY_NO_FIELD,
     .max = 4000,
     .help = "the trace, relative to the scenario's folder"},
    {.name = "file_back",
     .kind = KEY_PATH,
     .field = KEY_NO_FIELD,
     .max = 4000,
     .help = "the trace of the way back; absent: file is for both"},
    {.name = "format", .kind = KEY_WORD, .field = KEY_NO_FIELD, .help = "csv or mahimahi"},
    {.name = "repeat",
     .kind = KEY_SWITCH,
     .field = KEY_NO_FIELD,
     .preset = NAN,
     .help = "begin again at the end; absent: as the format does"},
    {.name = "text",
     .kind = KEY_TEXT,
     .field = KEY_NO_FIELD,
     .max = SCENARIO_FILE_MAX,
     .help = "the contents of file; then no file is read"},
    {.name = "text_back",
     .kind = KEY_TEXT,
     .field = KEY_NO_FIELD,
     .max = SCENARIO_FILE_MAX,
     .help = "the contents of file_back; then no file is read"},
};
static const struct scenario_keys trace_keys = KEYS(trace_rows);

static const struct scenario_key link_rows[] = {
    {.name = "between",
     .kind = KEY_PAIR,
     .field = KEY_NO_FIELD,
     .required = true,
     .help = "the names of two hosts"},
    {.name = "congestion",
     .kind = KEY_WORD,
     .field = KEY_NO_FIELD,
     .help = "TCP congestion control of flows over the link, such as cubic or bbr"},
    NUMBER("in_use", 0, 0.999, PLACEMENT_LINK_USE, "share that others use, for placement weighted"),
    NUMBER("rtt_ms", 0, 60000, 0, "round-trip time in milliseconds"),
    BOTH_WAYS("delay_ms", 0, 60000, 0, "one-way delay in milliseconds, instead of rtt_ms", delay_keys),
    BOTH_WAYS("jitter_ms", 0, 2147, 0, "deviation of the delay in milliseconds", jitter_keys),
    BOTH_WAYS("jitter_correlation", 0, 1, 0, "of a packet's deviation with the one before", share_keys),
    BOTH_WAYS("distribution", 0, 0, 0,
              "of the jitter: uniform, normal, pareto, paretonormal or {\"file\": …}", distribution_keys),
    BOTH_WAYS("rate_mbit", 0.001, 400000, 0,
              "Mbit/s, or {\"forward\": …, \"back\": …}; leave it out for an unshaped link", rate_keys),
    BOTH_WAYS("packet_overhead_bytes", -1000, 1000, 0, "bytes that each packet is longer on the line",
              overhead_keys),
    BOTH_WAYS("cell_bytes", 1, 65535, 0, "the line carries cells of so many bytes, such as ATM's 48",
              cell_keys),
    BOTH_WAYS("cell_overhead_bytes", -1000, 1000, 0,
              "bytes that each cell is longer on the line, such as ATM's 5", overhead_keys),
    BOTH_WAYS("queue_packets", 1, 10000000, LINK_QUEUE_DEFAULT,
              "length of the queue per direction in packets of 1500 bytes", packets_keys),
    BOTH_WAYS("queue_bytes", 1, 4294967295.0, 0, "length of the queue per direction in bytes", bytes_keys),
    BOTH_WAYS("loss", 0, 1, 0,
              "probability that a packet is lost, or a model such as {\"gilbert_elliott\": …}", loss_ways),
    BOTH_WAYS("duplicate", 0, 1, 0, "probability that a packet is doubled", chance_ways),
    BOTH_WAYS("corrupt", 0, 1, 0, "probability that a bit of a packet is turned", chance_ways),
    BOTH_WAYS("reorder", 0, 1, 0, "probability that a packet leaves without the delay", reorder_ways),
    BOTH_WAYS("slot", 0, 0, 0, "packets leave in bursts only, such as {\"min_ms\": 5, \"max_ms\": 10}",
              slot_ways),
    {.name = "schedule",
     .kind = KEY_LIST,
     .field = KEY_NO_FIELD,
     .min = 1,
     .max = SCENARIO_SCHEDULE_MAX,
     .help = "how it changes during the run, such as [{\"at_s\": 10, \"rate_mbit\": 5}]",
     .children = &schedule_keys},
    {.name = "trace",
     .kind = KEY_OBJECT,
     .field = KEY_NO_FIELD,
     .help = "how it changes during the run, from a file",
     .children = &trace_keys},
};
const struct scenario_keys scenario_link_keys = KEYS(link_rows);
/* What shapes a link, wherever it is: the rows behind `between`, `congestion` and `in_use`. */
const struct scenario_keys scenario_shaping_keys = {link_rows + 3, (int)ARRAY_LEN(link_rows) - 3};
