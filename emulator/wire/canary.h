/* What no eavesdropper may read of a container: a file with an ID and a password, as Byeon21 had one, chosen by the seed so
 * that nobody else's bytes are taken for it. The service has it in its memory and in its container layer; the packet check
 * looks for it on the wire. */
#ifndef ROAMLAB_CANARY_H
#define ROAMLAB_CANARY_H

#include <stdint.h>

/* Every word begins with CANARY_MARK and has CANARY_LENGTH characters. */
#define CANARY_MARK "canary-"
enum { CANARY_LENGTH = 28, CANARY_CONTENTS_MAX = 96 };

struct canary {
    char name[CANARY_LENGTH + 1]; /* of the file */
    char id[CANARY_LENGTH + 1], password[CANARY_LENGTH + 1];
};

void canary_make(struct canary *canary, uint64_t seed, uint32_t mud);
/* What the file holds, as text. */
void canary_contents(const struct canary *canary, char out[CANARY_CONTENTS_MAX]);

#endif
