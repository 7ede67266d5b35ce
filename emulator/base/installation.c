#include "installation.h"
#include "mem.h"

#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

static char *beside(const char *path)
{
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    self[len > 0 ? len : 0] = '\0';
    return mem_printf("%s/%s", dirname(self), path);
}

char *installation_service(void)
{
    return beside("roamlab-service");
}

char *installation_tool(const char *name)
{
    autofree char *installed = mem_printf("../share/roamlab/tools/%s", name), *here = beside(installed);
    if (access(here, X_OK) == 0) {
        char whole[PATH_MAX];
        return mem_copy_string(realpath(here, whole) ? whole : here);
    }
    return mem_printf("tools/%s", name);
}
