#include "rule.h"
#include "mem.h"
#include "process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMENT "roamlab-"

enum { WORDS = 32, TEXT = 32 };

static int iptables(const char *namespace, const char *const *argv, char **output, struct err *e)
{
    struct process_options options = PROCESS_OPTIONS_INIT;
    options.argv = argv;
    options.net_namespace = namespace;
    int status = process_run(&options, output, e);
    return status < 0 ? err_hint(e, "apt-get install iptables; the kernel needs the NFQUEUE target") : 0;
}

static int apply(const char *operation, const struct rule *rule, enum rule_kind kind, struct err *e)
{
    char queue[TEXT], comment[TEXT], source[TEXT] = "0.0.0.0", prefix[TEXT];
    snprintf(queue, sizeof queue, "%u", rule->queue);
    snprintf(comment, sizeof comment, COMMENT "%u", rule->queue);
    if (rule->prefix)
        inet_ntop(AF_INET, &rule->source, source, sizeof source);
    snprintf(prefix, sizeof prefix, "/%d", rule->prefix);
    strcat(source, prefix);
    const char *argv[] = {
        "iptables",    "-w",   "-t", "mangle",  operation,   "PREROUTING", "-i", rule->interface,
        "-s",          source, "-m", "comment", "--comment", comment,      "-j", "NFQUEUE",
        "--queue-num", queue,  NULL};
    if (kind == RULE_COUNT)
        argv[14] = NULL; /* without a target */
    return iptables(rule->namespace, argv, NULL, e);
}

/* The queue's verdict ends the chain, so the counting rule behind it sees the others only. */
int rule_add(const struct rule *rule, enum rule_kind kind, struct err *e)
{
    return apply(kind == RULE_QUEUE ? "-I" : "-A", rule, kind, e);
}

int rule_remove(const struct rule *rule, enum rule_kind kind, struct err *e)
{
    return apply("-D", rule, kind, e);
}

/* The rules of the chain as iptables -S prints them; `option` "-v" adds what they counted. */
static int list(const char *namespace, const char *option, char **rules, struct err *e)
{
    const char *argv[] = {"iptables", "-w", "-t", "mangle", "-S", "PREROUTING", option, NULL};
    return iptables(namespace, argv, rules, e);
}

static bool is_ours(const char *line, const char *interface)
{
    char about[TEXT];
    snprintf(about, sizeof about, "-i %s ", interface);
    return strstr(line, about) && strstr(line, "--comment " COMMENT);
}

int rule_read(const struct rule *rule, uint64_t *packets, uint64_t *bytes, struct err *e)
{
    char comment[TEXT];
    snprintf(comment, sizeof comment, "--comment " COMMENT "%u -c ", rule->queue);
    autofree char *rules = NULL;
    int status = list(rule->namespace, "-v", &rules, e);
    char *rest, *line = status == 0 && rules ? strtok_r(rules, "\n", &rest) : NULL;
    for (; line; line = strtok_r(NULL, "\n", &rest)) {
        const char *counts = is_ours(line, rule->interface) ? strstr(line, comment) : NULL;
        if (counts && !strstr(counts, "NFQUEUE") &&
            sscanf(counts + strlen(comment), "%" SCNu64 " %" SCNu64, packets, bytes) == 2)
            return 0;
    }
    return status < 0 ? status : err_set(e, ENOENT, "%s: the rule that counts is gone", rule->interface);
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
    autofree char *rules = NULL;
    int status = list(namespace, NULL, &rules, e);
    char *rest, *line = status == 0 && rules ? strtok_r(rules, "\n", &rest) : NULL;
    for (; line && status == 0; line = strtok_r(NULL, "\n", &rest))
        if (is_ours(line, interface))
            status = remove_line(namespace, line, e);
    return status;
}
