#include "command_line.h"
#include "commands.h"
#include "scenario_move.h"

#include <getopt.h>
#include <json-c/json.h>
#include <string.h>

static const char HELP[] =
    "usage: roamlab check SCENARIO…\n"
    "\n"
    "Reads scenario files and says what is wrong with them, one error each, with its JSON path.\n"
    "Prints nothing when all are good. A JSON Schema, such as the one that lies beside the scenarios, is passed over.\n"
    "Exit status: 0 good, 2 not.\n"
    "Keys, units and defaults: scenarios/README.md.\n";

/* So that all *.json of scenarios can be checked, where scenario.schema.json lies too. */
static bool is_schema(const char *path)
{
    json_object *document = json_object_from_file(path), *schema = NULL;
    json_object_object_get_ex(document, "$schema", &schema);
    bool is = json_object_is_type(schema, json_type_string) && strstr(json_object_get_string(schema), "//json-schema.org/");
    json_object_put(document);
    return is;
}

int check_main(int argc, char **argv)
{
    int status = command_options("check", argc, argv, HELP, NULL);
    if (status >= 0)
        return status;
    if (optind == argc)
        return command_usage("check", "no scenario given");
    status = 0;
    for (int i = optind; i < argc; i++) {
        struct err e = ERR_INIT;
        struct scenario *s = scenario_read(argv[i], NULL, 0, &e);
        if ((!s || scenario_move(s, s->seed, &e) < 0) && !is_schema(argv[i])) {
            err_print(&e);
            status = 2;
        }
        scenario_free(s);
    }
    return status;
}
