/* The iptables rules that send arriving packets to an NFQUEUE. They carry a comment, by which they are known as ours. */
#ifndef ROAMLAB_RULE_H
#define ROAMLAB_RULE_H

#include "err.h"

#include <netinet/in.h>
#include <stdint.h>

struct rule {
    const char *namespace; /* a path; NULL: the calling thread's */
    const char *interface; /* where packets arrive */
    struct in_addr source; /* only those whose source begins with `prefix` bits of it; 0 = all */
    int prefix;
    uint16_t queue;
};

int rule_add(const struct rule *rule, struct err *e);
/* Takes away all of ours that are about the interface. */
int rule_clear(const char *namespace, const char *interface, struct err *e);

#endif
