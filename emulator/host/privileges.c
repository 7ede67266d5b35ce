#include "privileges.h"
#include "mem.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
    int bit;
    const char *name;
} needed[] = {
    {CAP_SYS_ADMIN, "CAP_SYS_ADMIN"},       /* namespaces, mounts */
    {CAP_NET_ADMIN, "CAP_NET_ADMIN"},       /* links, rules */
    {CAP_NET_RAW, "CAP_NET_RAW"},           /* captures */
    {CAP_SYS_PTRACE, "CAP_SYS_PTRACE"},     /* checkpoints */
    {CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE"}, /* container layers */
    {CAP_CHOWN, "CAP_CHOWN"},
    {CAP_MKNOD, "CAP_MKNOD"},
    {CAP_KILL, "CAP_KILL"},
};

static int effective(uint64_t *capabilities, struct err *e)
{
    autofclose FILE *file = fopen("/proc/self/status", "re");
    char line[256];
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "CapEff: %" SCNx64, capabilities) == 1)
            return 0;
    return err_set(e, EPERM, "/proc/self/status: no CapEff line");
}

int privileges_check(struct err *e)
{
    uint64_t capabilities = 0;
    int status = effective(&capabilities, e);
    if (status < 0)
        return status;
    char missing[200] = "";
    for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
        size_t used = strlen(missing);
        if (!(capabilities >> needed[i].bit & 1))
            snprintf(missing + used, sizeof missing - used, "%s%s", used ? ", " : "", needed[i].name);
    }
    if (!missing[0])
        return 0;
    err_set(e, EPERM, "the real world needs root: this process (user %u) lacks %s", (unsigned)geteuid(),
            missing);
    return err_hint(e, "run it with sudo, or in virtual time: --world sim");
}
