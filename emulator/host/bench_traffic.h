/* Traffic between two namespaces of this machine, measured: what links are benchmarked with. Addresses are IPv4; every
 * function blocks until it is done. */
#ifndef ROAMLAB_BENCH_TRAFFIC_H
#define ROAMLAB_BENCH_TRAFFIC_H

#include "err.h"
#include "simtime.h"

struct traffic_end {
    const char *namespace; /* a path */
    const char *address;   /* in it */
};

struct traffic_errors {
    double p50_us, p99_us, p999_us; /* of the packets that arrived, when they did: "wire time", RFC 7679, 3.7.2 */
    double read_p99_us;             /* when the receiving program had them: with its wake-up, "host time" */
    double lost;                    /* the share of the others */
};

/* One TCP flow of so many seconds: Mbit/s of payload after the first third. */
int traffic_tcp(const struct traffic_end *from, const struct traffic_end *to, double seconds, double *mbit,
                struct err *e);

/* Datagrams of 64 bytes of Ethernet, as fast as one thread sends them: how many arrive in a second. */
int traffic_small(const struct traffic_end *from, const struct traffic_end *to, double seconds,
                  double *per_second, struct err *e);

/* `count` datagrams, `apart` from each other on average: how far their ways deviate from `delay`. */
int traffic_delay(const struct traffic_end *from, const struct traffic_end *to, int count,
                  struct simtime apart, struct simtime delay, struct traffic_errors *errors, struct err *e);

#endif
