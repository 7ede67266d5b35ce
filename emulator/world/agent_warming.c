/* What warming its carrier's connections takes an agent, as events (EVENT_WARMED). */
#include "agent_internal.h"

void agent_tell_warming(struct agent *a)
{
    const struct carrier *carrier = agent_carrier(a);
    struct transfer_warming all = {0};
    for (int i = 0; a->edge >= 0 && carrier->warming && i < a->world.layout.edge_count; i++) {
        struct transfer_warming one =
            a->peers[i] ? carrier->warming(a->peers[i]) : (struct transfer_warming){0};
        all.connections += one.connections;
        all.bytes += one.bytes;
    }
    if (all.bytes == a->warming.bytes)
        return;
    struct report r = report_of_warming((uint32_t)a->edge, all.connections - a->warming.connections,
                                        all.bytes - a->warming.bytes);
    struct port *port = real_port(a->real);
    port->operations->report(port, &r);
    a->warming = all;
}
