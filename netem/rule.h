/* The iptables rules of one direction of a link, where its packets arrive: one that sends them to an NFQUEUE, and behind
 * it one that counts those which pass because the other is not there. They carry a comment, by which they are known as
 * ours. */
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
    uint16_t queue; /* also in the comment: it tells the rules of an interface apart */
};

enum rule_kind { RULE_QUEUE, RULE_COUNT };

int rule_add(const struct rule *rule, enum rule_kind kind, struct err *e);
int rule_remove(const struct rule *rule, enum rule_kind kind, struct err *e);
/* What the counting rule has seen: packets as the kernel has them (a super-packet is one) and their IP bytes. ENOENT if it
 * is not there. */
int rule_read(const struct rule *rule, uint64_t *packets, uint64_t *bytes, struct err *e);
/* Takes away all of ours that are about the interface. */
int rule_clear(const char *namespace, const char *interface, struct err *e);

#endif
