/* Where the service that the tests start is: ROAMLAB_SERVICE, or that of their own build. */
#ifndef ROAMLAB_SERVICE_PROGRAM_H
#define ROAMLAB_SERVICE_PROGRAM_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static inline const char *service_program(void)
{
    static char beside[4096];
    const char *program = getenv("ROAMLAB_SERVICE");
    if (program)
        return program;
    ssize_t len = readlink("/proc/self/exe", beside, sizeof beside - 32);
    beside[len > 0 ? len : 0] = '\0';
    for (int i = 0; i < 2 && strrchr(beside, '/'); i++) /* BUILD/tests/NAME_test */
        *strrchr(beside, '/') = '\0';
    strcat(beside, "/roamlab-service");
    return beside;
}

#endif
