#include "commands.h"
#include "import.h"
#include "mem.h"

#include <getopt.h>
#include <string.h>

static const char USAGE[] =
    "usage: roamlab import [-o DIR] kim22-log FILE\n"
    "       roamlab import --scenario SCENARIO [--json] [--set PATH=VALUE]… FORMAT FILE\n"
    "\n"
    "kim22-log: an event log in the text form of the paper (and of our own events.log) becomes a result folder (default\n"
    "results/NAME-TIMESTAMP). Lines carry the clock of their reporter: the offsets are estimated from messages seen at both\n"
    "ends and taken out; what was received before it was sent all the same is named.\n"
    "\n"
    "Files of tracks become an association timeline: which access point each device of the file is associated with when, by\n"
    "the places of access points, the radio and the roaming decision of the scenario, up to its duration. CSV on standard\n"
    "output as the file is read: device, at_s, ap (empty: none is heard), rssi_dbm, silent_ms (the handoff's silence).\n"
    "With --json one object with the devices and their visits, to be pasted into muds. FILE may be compressed by gzip, or\n"
    "/dev/stdin.\n"
    "\n"
    "Formats of tracks:\n";

static const char USAGE_END[] =
    "\nExit status: 0 good; 1 an invariant does not hold in a log; 2 usage or bad input; 4 it failed.\n";

struct request {
    const char *out;
    struct import_tracks tracks;
    struct command_settings settings;
};

static void print_help(void)
{
    const struct track_format *format;
    fputs(USAGE, stdout);
    for (int i = 0; (format = track_format_at(i)); i++)
        printf("  %-11s %s\n", format->name, format->help);
    fputs(USAGE_END, stdout);
}

/* -1 = go on, else the exit status. */
static int parse(struct request *r, int argc, char **argv)
{
    static const struct option options[] = {
        {"scenario", required_argument, NULL, 's'},
        {"json", no_argument, NULL, 'j'},
        {"set", required_argument, NULL, 'S'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    optind = 0;
    for (int option, status; (option = getopt_long(argc, argv, "o:h", options, NULL)) != -1;)
        switch (option) {
        case 'h':
            print_help();
            return 0;
        case 'o':
            r->out = optarg;
            break;
        case 's':
            r->tracks.scenario = optarg;
            break;
        case 'j':
            r->tracks.json = true;
            break;
        case 'S':
            status = command_setting("import", optarg, &r->settings);
            if (status)
                return status;
            break;
        default:
            return 2; /* getopt has said what is wrong */
        }
    return argc - optind == 2 ? -1 : command_usage("import", "a format and a file are needed");
}

int import_main(int argc, char **argv)
{
    struct request r = {0};
    int status = parse(&r, argc, argv);
    if (status >= 0)
        return status;
    const char *format = argv[optind];
    bool to_tracks = r.tracks.scenario || r.tracks.json || r.settings.count;
    r.tracks.file = argv[optind + 1];
    r.tracks.settings = &r.settings;
    r.tracks.format = track_format_of(format);
    if (!r.tracks.format && strcmp(format, "kim22-log") != 0)
        return command_bad_value("import", "there is no format", format);
    if (!r.tracks.format)
        return to_tracks ? command_usage("import", "kim22-log takes only -o DIR")
                         : import_kim22(r.tracks.file, r.out);
    if (r.out || !r.tracks.scenario)
        return command_usage("import", r.out ? "tracks go to standard output: no -o"
                                             : "--scenario is needed, for the places of access points");
    return import_tracks(&r.tracks);
}
