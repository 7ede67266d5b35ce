/* Preloaded into a program: its CLOCK_MONOTONIC runs SKEW_PPM parts in a million faster than the kernel's, timers included. */
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static double rate(void)
{
    static double known;
    const char *ppm = getenv("SKEW_PPM");
    if (known == 0)
        known = 1 + (ppm ? atof(ppm) : 0) * 1e-6;
    return known;
}

static struct timespec scaled(struct timespec t, double by)
{
    double ns = ((double)t.tv_sec * 1e9 + (double)t.tv_nsec) * (by - 1);
    long long whole = (long long)t.tv_sec * 1000000000 + t.tv_nsec + (long long)ns;
    return (struct timespec){whole / 1000000000, whole % 1000000000};
}

int clock_gettime(clockid_t id, struct timespec *t)
{
    int status = (int)syscall(SYS_clock_gettime, id, t);
    if (status == 0 && id == CLOCK_MONOTONIC)
        *t = scaled(*t, rate());
    return status;
}

int timerfd_settime(int fd, int flags, const struct itimerspec *wanted, struct itimerspec *old)
{
    struct itimerspec real = *wanted;
    if (flags & TFD_TIMER_ABSTIME && (wanted->it_value.tv_sec || wanted->it_value.tv_nsec))
        real.it_value = scaled(wanted->it_value, 1 / rate());
    return (int)syscall(SYS_timerfd_settime, fd, flags, &real, old);
}

int clock_nanosleep(clockid_t id, int flags, const struct timespec *wanted, struct timespec *left)
{
    struct timespec real = id == CLOCK_MONOTONIC && flags & TIMER_ABSTIME ? scaled(*wanted, 1 / rate()) : *wanted;
    return syscall(SYS_clock_nanosleep, id, flags, &real, left) < 0 ? errno : 0;
}
