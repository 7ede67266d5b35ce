#include "log_date.h"

#include <string.h>
#include <time.h>

enum { MICROSECONDS = 1000000 };

static void put_digits(char *out, int width, int64_t value)
{
    for (int i = width - 1; i >= 0; i--, value /= 10)
        out[i] = (char)('0' + value % 10);
}

void log_date_format(struct simtime since_1970, char out[LOG_DATE_LENGTH + 1])
{
    /* Lines come in order of time: the calendar is worked out once a second, not once a line. */
    static _Thread_local int64_t known_second = -1;
    static _Thread_local char known[LOG_DATE_LENGTH + 1];

    int64_t us = since_1970.ns / 1000 - (since_1970.ns % 1000 < 0);
    int64_t second = us / MICROSECONDS - (us % MICROSECONDS < 0);
    if (second != known_second || !known[0]) {
        struct tm tm;
        time_t t = (time_t)second;
        gmtime_r(&t, &tm);
        strftime(known, sizeof known, "%Y-%m-%d-%H-%M-%S-", &tm);
        known_second = second;
    }
    memcpy(out, known, LOG_DATE_LENGTH - 6);
    put_digits(out + LOG_DATE_LENGTH - 6, 6, us - second * MICROSECONDS);
    out[LOG_DATE_LENGTH] = '\0';
}

static bool take_digits(const char **at, int width, char end, int *value)
{
    *value = 0;
    for (int i = 0; i < width; i++, (*at)++) {
        if (**at < '0' || **at > '9')
            return false;
        *value = *value * 10 + (**at - '0');
    }
    if (end && *(*at)++ != end)
        return false;
    return true;
}

bool log_date_parse(const char *text, size_t len, struct simtime *since_1970)
{
    struct tm tm = {0};
    int us;
    if (len != LOG_DATE_LENGTH)
        return false;
    if (!take_digits(&text, 4, '-', &tm.tm_year) || !take_digits(&text, 2, '-', &tm.tm_mon) ||
        !take_digits(&text, 2, '-', &tm.tm_mday) || !take_digits(&text, 2, '-', &tm.tm_hour) ||
        !take_digits(&text, 2, '-', &tm.tm_min) || !take_digits(&text, 2, '-', &tm.tm_sec) ||
        !take_digits(&text, 6, '\0', &us))
        return false;
    if (tm.tm_year < 1970 || tm.tm_year > 2099 || tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 59)
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    struct tm normal = tm;
    time_t seconds = timegm(&normal); /* turns 30 February into March: then it was no date */
    if (normal.tm_mon != tm.tm_mon || normal.tm_mday != tm.tm_mday)
        return false;
    *since_1970 = simtime_add(simtime_s(seconds), simtime_us(us));
    return true;
}
