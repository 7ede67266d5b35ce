/* What programs used of their hosts' CPUs in a real run, and how much of one CPU that was while containers were being transferred (Byeon21
 * shows ssh, scp and dockerd this way). Virtual time uses none. */
#ifndef ROAMLAB_CPU_LOAD_H
#define ROAMLAB_CPU_LOAD_H

#include "run_record.h"

#include <json-c/json.h>

/* The transfers of a run, one behind the other where they overlap. */
struct cpu_load_spans {
    struct cpu_load_span {
        struct simtime begin, end;
    } * list; /* owned */
    size_t count;
};
void cpu_load_transfers(const struct run_record *record, struct cpu_load_spans *spans);
void cpu_load_spans_free(struct cpu_load_spans *spans);

/* [{"host", "program", "seconds", "transfer_percent"}], the greatest use first; NULL if none was recorded. transfer_percent: of one CPU, over
 * all transfers; null without any. */
json_object *cpu_load_json(const struct run_record *record);

#endif
