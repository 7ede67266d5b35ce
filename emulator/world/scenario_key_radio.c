/* The keys of access points' places, of the radio, and of how devices move. */
#include "scenario_key.h"

#include "mem.h"

#include <math.h>

static const struct scenario_key ap_rows[] = {
    {.name = "host", .kind = KEY_WORD, .field = KEY_NO_FIELD, .help = "the host it runs on"},
    {.name = "edge",
     .kind = KEY_WORD,
     .field = KEY_NO_FIELD,
     .help = "the edge server that this access point is wired to"},
    {"x_m", KEY_NUMBER, FIELD(scenario_ap, x_m), false, -1e7, 1e7, NAN, "metres to the east", 0, 0},
    {"y_m", KEY_NUMBER, FIELD(scenario_ap, y_m), false, -1e7, 1e7, NAN, "metres to the north", 0, 0},
    {"tx_power_dbm", KEY_NUMBER, FIELD(scenario_ap, tx_power_dbm), false, -50, 60, 20,
     "transmitted power with antenna gains, in dBm", 0, 0},
    {"channel", KEY_WHOLE, FIELD(scenario_ap, channel), false, 1, 233, NAN, "its channel", 0, 0},
    {"count", KEY_WHOLE, KEY_NO_FIELD, false, 1, SCENARIO_APS_MAX, 1,
     "how many access points of this kind, NAME-1 to NAME-N, in a grid", 0, 0},
    {"columns", KEY_WHOLE, KEY_NO_FIELD, false, 1, SCENARIO_APS_MAX, NAN, "columns of the grid", 0, 0},
    {"spacing_m", KEY_NUMBER, KEY_NO_FIELD, false, 0.1, 1e6, 100, "metres between neighbours of the grid", 0,
     0},
    {.name = "layout", .kind = KEY_WORD, .field = KEY_NO_FIELD, .help = "of the grid: square or hexagonal"},
};
const struct scenario_keys scenario_ap_keys = KEYS(ap_rows);

static const struct scenario_key roaming_rows[] = {
    {.name = "choose",
     .kind = KEY_WORD,
     .field = KEY_NO_FIELD,
     .help = "which access point is better, such as strongest"},
    {"threshold_dbm", KEY_NUMBER, FIELD(roaming_options, threshold_dbm), false, -200, 100, NAN,
     "it looks for another one only while the present one is weaker", 0, 0},
    {"hysteresis_db", KEY_NUMBER, FIELD(roaming_options, hysteresis_db), false, 0, 100, 4,
     "by how much another one must be better", 0, 0},
    {"time_to_trigger_ms", KEY_MS, FIELD(roaming_options, time_to_trigger), false, 0, 3600e3, 0,
     "for how long another one must be better", 0, 0},
    {"load_db", KEY_NUMBER, FIELD(roaming_options, load_db), false, 0, 100, 1,
     "load-aware: what every station that shares an access point counts", 0, 0},
    {"delay_weight", KEY_NUMBER, KEY_NO_FIELD, false, 0, 1e6, 100,
     "least-cost: how many requests' round trips count beside the migration", 0, 0},
};
static const struct scenario_keys roaming_keys = KEYS(roaming_rows);

#define RADIO(key, member, low, high, value, what)                                                           \
    {                                                                                                        \
        key, KEY_NUMBER, FIELD(scenario_radio, radio.member), false, low, high, value, what, 0, 0            \
    }
#define HANDOFF_MS(key, member, low, value, what)                                                            \
    {                                                                                                        \
        key, KEY_MS, FIELD(scenario_radio, handoff.member), false, low, 60e3, value, what, 0, 0              \
    }
static const struct scenario_key radio_rows[] = {
    {.name = "path_loss",
     .kind = KEY_WORD,
     .field = KEY_NO_FIELD,
     .help = "how a signal weakens with distance, such as log-distance"},
    RADIO("frequency_mhz", path_loss.frequency_mhz, 1, 1e6, 2437, "carrier frequency in MHz"),
    RADIO("exponent", path_loss.exponent, 0.1, 20, 3, "log-distance: of the distance"),
    RADIO("reference_m", path_loss.reference_m, 0.001, 1e4, 1, "log-distance: reference distance in metres"),
    RADIO("reference_loss_db", path_loss.reference_loss_db, 0, 300, 0,
          "log-distance: loss at the reference distance; 0 = free space's"),
    RADIO("transmitter_m", path_loss.transmitter_m, 0.001, 1e4, 3,
          "two-ray: height of access points' antennas"),
    RADIO("receiver_m", path_loss.receiver_m, 0.001, 1e4, 1.5, "two-ray: height of devices' antennas"),
    {.name = "indoor",
     .kind = KEY_WORD,
     .field = KEY_NO_FIELD,
     .help = "itu-indoor: what the building is for"},
    {"floors", KEY_WHOLE, FIELD(scenario_radio, radio.path_loss.floors), false, 0, 100, 0,
     "itu-indoor: floors between access points and devices", 0, 0},
    RADIO("power_coefficient", path_loss.power_coefficient, 0, 100, 0,
          "itu-indoor: N; 0 = the Recommendation's"),
    RADIO("floor_loss_db", path_loss.floor_loss_db, 0, 300, 0, "itu-indoor: Lf; 0 = the Recommendation's"),
    RADIO("shadowing_db", shadowing_db, 0, 30, 0, "standard deviation of log-normal shadowing; 0 = none"),
    RADIO("correlation_m", correlation_m, 0.1, 1e5, 20, "where the correlation of shadowing is 1/e"),
    RADIO("bandwidth_mhz", bandwidth_mhz, 0.001, 1e5, 20, "bandwidth in MHz"),
    RADIO("noise_figure_db", noise_figure_db, 0, 60, 7, "of the receiver"),
    RADIO("sensitivity_dbm", sensitivity_dbm, -200, 50, -82, "what is weaker is not heard"),
    RADIO("least_snr_db", least_snr_db, -50, 100, 4, "what stands less above the noise is not heard either"),
    {.name = "scan",
     .kind = KEY_WORD,
     .field = KEY_NO_FIELD,
     .help = "how it looks for access points at a handoff"},
    {"scan_interval_ms", KEY_MS, FIELD(scenario_radio, scan_interval), false, 1, 3600e3, 1000,
     "milliseconds between two measurements", 0, 0},
    {"channels", KEY_WHOLE, FIELD(scenario_radio, handoff.channels), false, 1, 233, 11,
     "how many channels it scans", 0, 0},
    HANDOFF_MS("min_channel_ms", min_channel, 0, 20, "active scan: wait on a channel where nobody answers"),
    HANDOFF_MS("max_channel_ms", max_channel, 0, 40, "active scan: wait on a channel where somebody answers"),
    HANDOFF_MS("beacon_interval_ms", beacon_interval, 1, 102.4, "passive scan: wait on every channel"),
    HANDOFF_MS("authentication_ms", authentication, 0, 2, "mean silence while it authenticates"),
    HANDOFF_MS("reassociation_ms", reassociation, 0, 2, "mean silence while it reassociates"),
    {"spread", KEY_NUMBER, FIELD(scenario_radio, handoff.spread), false, 0, 1, 0.25,
     "each phase lasts its mean times 1 - spread to 1 + spread", 0, 0},
    {.name = "roaming",
     .kind = KEY_OBJECT,
     .field = KEY_NO_FIELD,
     .help = "when a device changes access points, and to which",
     .children = &roaming_keys},
};
const struct scenario_keys scenario_radio_keys = KEYS(radio_rows), *const scenario_roaming_keys =
                                                                       &roaming_keys;

#define WALK(key, kind, member, low, high, value, what)                                                      \
    {                                                                                                        \
        key, kind, FIELD(scenario_mobility, generator.member), false, low, high, value, what, 0, 0           \
    }
static const struct scenario_key mobility_rows[] = {
    {.name = "model",
     .kind = KEY_WORD,
     .field = KEY_NO_FIELD,
     .help = "draws tracks, such as random-waypoint"},
    WALK("width_m", KEY_NUMBER, width_m, 1, 1e6, 1000, "the area is as wide"),
    WALK("height_m", KEY_NUMBER, height_m, 0, 1e6, 1000, "the area is as high"),
    WALK("speed_min_mps", KEY_NUMBER, speed_min_mps, 0.001, 1000, 0.5, "least speed in metres per second"),
    WALK("speed_max_mps", KEY_NUMBER, speed_max_mps, 0.001, 1000, 2, "greatest speed in metres per second"),
    {"speed_mps", KEY_NUMBER, KEY_NO_FIELD, false, 0.001, 1000, NAN, "speed, in place of least and greatest",
     0, 0},
    WALK("pause_min_s", KEY_SECONDS, pause_min, 0, 1e6, 0, "shortest pause after a way"),
    WALK("pause_max_s", KEY_SECONDS, pause_max, 0, 1e6, 0, "longest pause after a way"),
    WALK("step_s", KEY_SECONDS, step, 0.001, 1e6, 1,
         "gauss-markov: from one change of speed and direction to the next"),
    WALK("memory", KEY_NUMBER, memory, 0, 0.999999, 0.85, "gauss-markov: how much of them stays"),
    WALK("speed_deviation_mps", KEY_NUMBER, speed_deviation_mps, 0, 1000, 0.25, "gauss-markov: of the speed"),
    WALK("direction_deviation_deg", KEY_NUMBER, direction_deviation_deg, 0, 360, 30,
         "gauss-markov: of the direction"),
    WALK("block_m", KEY_NUMBER, block_m, 0.1, 1e6, 100, "manhattan: from street to street"),
    WALK("turn_probability", KEY_NUMBER, turn_probability, 0, 1, 0.5, "manhattan: at a crossing"),
    {.name = "tracks",
     .kind = KEY_PATH,
     .field = KEY_NO_FIELD,
     .max = 4000,
     .help = "a file of tracks, relative to the scenario's folder"},
    {.name = "format", .kind = KEY_WORD, .field = KEY_NO_FIELD, .help = "of the file of tracks, such as fcd"},
};
const struct scenario_keys scenario_mobility_keys = KEYS(mobility_rows);
