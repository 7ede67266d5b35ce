/* A small good scenario that the scenario tests start from. */
#ifndef ROAMLAB_SCENARIO_FIXTURE_H
#define ROAMLAB_SCENARIO_FIXTURE_H

#include "mem.h"
#include "metric.h"
#include "scenario_key.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const char good[] =
    "{\"name\":\"t\",\"duration_s\":100,"
    "\"hosts\":{\"pc1\":{},\"pc2\":{},\"laptop\":{}},"
    "\"edges\":{\"es1\":{\"host\":\"pc1\"},\"es2\":{\"host\":\"pc2\"}},"
    "\"aps\":{\"ap1\":{\"host\":\"pc1\",\"edge\":\"es1\"},\"ap2\":{\"host\":\"pc2\",\"edge\":\"es2\"}},"
    "\"links\":[{\"between\":[\"pc1\",\"pc2\"],\"rtt_ms\":200,\"rate_mbit\":80},{\"between\":[\"laptop\","
    "\"pc1\"]}],"
    "\"muds\":{\"m1\":{\"host\":\"laptop\",\"visits\":[{\"ap\":\"ap1\",\"at_s\":1},{\"ap\":\"ap2\",\"at_"
    "request\":50}]}}}";

/* The good text with settings applied; a refusal fails the test. */
static inline struct scenario *parse_good(const struct scenario_setting *settings, int count)
{
    struct err e = ERR_INIT;
    struct scenario *s = scenario_parse("x.json", good, sizeof good - 1, settings, count, &e);
    if (!s)
        fail_msg("%s (%s)", e.text, e.hint);
    return s;
}

#endif
