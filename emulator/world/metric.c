#include "metric.h"

#include "mem.h"

#include <ctype.h>
#include <string.h>

static const char *const metrics[] = {
    "requests.sent",
    "requests.answered",
    "requests.abandoned",
    "requests.lost",
    "requests.duplicated",
    "response_ms.mean",
    "response_ms.p50",
    "response_ms.p95",
    "response_ms.p99",
    "response_ms.max",
    "response_ms.ci95",
    "response_ms.n",
    "roaming.associations",
    "roaming.handoffs",
    "roaming.handoff_ms.mean",
    "roaming.handoff_ms.p50",
    "roaming.handoff_ms.p95",
    "roaming.handoff_ms.p99",
    "roaming.handoff_ms.max",
    "roaming.handoff_ms.ci95",
    "roaming.handoff_ms.n",
    "roaming.phases_ms.probe",
    "roaming.phases_ms.authentication",
    "roaming.phases_ms.reassociation",
    "roaming.phases_ms.n",
    "roaming.outages",
    "roaming.outage_s.total",
    "roaming.outage_s.mean",
    "roaming.outage_s.max",
    "roaming.outage_s.ci95",
    "roaming.outage_s.n",
    "migration_s.mean",
    "migration_s.min",
    "migration_s.max",
    "migration_s.ci95",
    "migration_s.n",
    "migrations.count",
    "migrations.finished",
    "migrations.failed",
    "migrations.superseded",
    "migrations.N.begin_s",
    "migrations.N.sent_s",
    "migrations.N.run_s",
    "migrations.N.ready_s",
    "migrations.N.total_s",
    "migrations.N.freeze_ms",
    "migrations.N.hold_ms",
    "migrations.N.longest_gap_ms",
    "migrations.N.replayed",
    "migrations.N.bytes.wire",
    "migrations.N.bytes.memory",
    "migrations.N.bytes.layer",
    "migrations.N.bytes.volume",
    "migrations.N.bytes.image",
    "migrations.N.stages.N.begin_s",
    "migrations.N.stages.N.seconds",
    "migrations.N.stages.N.bytes",
    "migrations.N.stages.N.parts",
    "migrations.N.stages.N.busy_s",
    "links.N.forward.packets",
    "links.N.forward.bytes",
    "links.N.forward.dropped",
    "links.N.forward.lost",
    "links.N.back.packets",
    "links.N.back.bytes",
    "links.N.back.dropped",
    "links.N.back.lost",
    "warming.connections",
    "warming.bytes",
    "packet_check.packets",
    "packet_check.bytes",
    "packet_check.gaps",
    "packet_check.names",
    "packet_check.contents",
    "packet_check.credentials",
    "cpu.N.seconds",
    "cpu.N.transfer_percent",
    "invariants.ok",
    "events.received",
    "events.reported",
    "drift_ms.p50",
    "drift_ms.p99",
    "drift_ms.max",
    "drift_ms.bound",
    "drift_ms.valid",
    "clock_ms.uncertainty",
    "clock_ms.bound",
    "clock_ms.valid",
};

/* 1 to 9 digits without a leading zero; 0 if there is no such number. */
static size_t number_length(const char *text)
{
    size_t n = 0;
    while (isdigit((unsigned char)text[n]))
        n++;
    return n > 9 || (n > 1 && text[0] == '0') ? 0 : n;
}

static bool matches(const char *pattern, const char *path)
{
    while (*pattern) {
        if (pattern[0] == 'N') {
            size_t n = number_length(path);
            if (n == 0)
                return false;
            path += n;
            pattern++;
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    return *path == '\0';
}

const char *metric_of(const char *path)
{
    for (size_t i = 0; i < ARRAY_LEN(metrics); i++)
        if (matches(metrics[i], path))
            return metrics[i];
    return NULL;
}

bool metric_exists(const char *path)
{
    return metric_of(path);
}

const char *metric_at(int i)
{
    return i >= 0 && (size_t)i < ARRAY_LEN(metrics) ? metrics[i] : NULL;
}
