#include "buf.h"
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

/* free() it */
static char *help_text(void)
{
    const struct track_format *format;
    struct buf text = BUF_INIT;
    buf_printf(&text, "%s", USAGE);
    for (int i = 0; (format = track_format_at(i)); i++)
        buf_printf(&text, "  %-11s %s\n", format->name, format->help);
    buf_printf(&text, "%s", USAGE_END);
    char *copy = mem_copy_string(buf_text(&text));
    buf_free(&text);
    return copy;
}

static int take_option(void *context, int option, char *value)
{
    struct request *r = context;
    switch (option) {
    case 'o':
        r->out = value;
        return 0;
    case 's':
        r->tracks.scenario = value;
        return 0;
    case 'j':
        r->tracks.json = true;
        return 0;
    case 'S':
        return command_setting("import", value, &r->settings);
    default:
        return 2;
    }
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
    autofree char *help = help_text();
    int status = command_take_options("import", argc, argv, help, "o:", options, take_option, r);
    if (status >= 0)
        return status;
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
