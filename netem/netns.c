#include "netns.h"
#include "mem.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int open_current(int *fd, struct err *e)
{
    *fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    return *fd < 0 ? err_errno(e, "/proc/thread-self/ns/net") : 0;
}

int netns_enter(const char *path, int *back, struct err *e)
{
    *back = -1;
    if (!path)
        return 0;
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(e, "namespace %s", path);
    int status = open_current(back, e);
    if (status < 0)
        return status;
    if (setns(fd, CLONE_NEWNET) == 0)
        return 0;
    status = err_errno(e, "namespace %s: enter", path);
    close(*back);
    *back = -1;
    return status;
}

int netns_enter_private(int *back, struct err *e)
{
    int status = open_current(back, e);
    if (status < 0)
        return status;
    if (unshare(CLONE_NEWNET) == 0)
        return 0;
    status = err_errno(e, "new network namespace");
    close(*back);
    *back = -1;
    return status;
}

void netns_leave(int back)
{
    if (back < 0)
        return;
    if (setns(back, CLONE_NEWNET) < 0) {
        perror("roamlab: back to the network namespace it came from");
        abort();
    }
    close(back);
}
