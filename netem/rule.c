#include "rule.h"
#include "mem.h"
#include "process.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMENT "roamlab"

enum { WORDS = 32 };

static int iptables(const char *namespace, const char *const *argv, char **output, struct err *e)
{
    struct process_options options = PROCESS_OPTIONS_INIT;
    options.argv = argv;
    options.net_namespace = namespace;
    int status = process_run(&options, output, e);
    return status < 0 ? err_hint(e, "apt-get install iptables; the kernel needs the NFQUEUE target") : 0;
}

int rule_add(const struct rule *rule, struct err *e)
{
    char queue[8], address[INET_ADDRSTRLEN];
    snprintf(queue, sizeof queue, "%u", rule->queue);
    inet_ntop(AF_INET, &rule->source, address, sizeof address);
    autofree char *source =
        rule->prefix ? mem_printf("%s/%d", address, rule->prefix) : mem_printf("0.0.0.0/0");
    const char *argv[] = {
        "iptables",    "-w",   "-t", "mangle",  "-A",        "PREROUTING", "-i", rule->interface,
        "-s",          source, "-m", "comment", "--comment", COMMENT,      "-j", "NFQUEUE",
        "--queue-num", queue,  NULL};
    return iptables(rule->namespace, argv, NULL, e);
}

/* `line` is a rule as iptables -S prints it: -A CHAIN WORD … */
static int remove_line(const char *namespace, char *line, struct err *e)
{
    const char *argv[WORDS + 6] = {"iptables", "-w", "-t", "mangle"};
    int count = 4;
    char *rest;
    for (char *word = strtok_r(line, " ", &rest); word && count < WORDS; word = strtok_r(NULL, " ", &rest))
        argv[count++] = strcmp(word, "-A") == 0 ? "-D" : word;
    return iptables(namespace, argv, NULL, e);
}

int rule_clear(const char *namespace, const char *interface, struct err *e)
{
    static const char *const list[] = {"iptables", "-w", "-t", "mangle", "-S", "PREROUTING", NULL};
    autofree char *rules = NULL, *about = mem_printf("-i %s ", interface);
    int status = iptables(namespace, list, &rules, e);
    char *rest, *line = status == 0 && rules ? strtok_r(rules, "\n", &rest) : NULL;
    for (; line && status == 0; line = strtok_r(NULL, "\n", &rest))
        if (strstr(line, about) && strstr(line, "--comment " COMMENT " -j NFQUEUE"))
            status = remove_line(namespace, line, e);
    return status;
}
