#include "criu_log.h"
#include "files.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { LOG_BYTES_MAX = 65536, ERROR_BYTES_MAX = 160 };

static bool is_everywhere(const char *error)
{
    const char *limit = strstr(error, "RLIMIT_NOFILE");
    return limit && limit < error + strcspn(error, "\n");
}

/* NULL: there is none any more. */
static const char *find_error(const char *log)
{
    while ((log = strstr(log, "Error (")) && is_everywhere(log))
        log += strcspn(log, "\n");
    return log;
}

static int bytes_of(const char *error)
{
    size_t len = strcspn(error, "\n");
    return len < ERROR_BYTES_MAX ? (int)len : ERROR_BYTES_MAX;
}

struct criu_quote criu_log_quote(const char *log)
{
    struct criu_quote quote = {""};
    const char *first = find_error(log), *second = first ? find_error(first + strcspn(first, "\n")) : NULL;
    if (first)
        snprintf(quote.text, sizeof quote.text, "%.*s%s%.*s", bytes_of(first), first, second ? " / " : "",
                 second ? bytes_of(second) : 0, second ? second : "");
    return quote;
}

struct criu_quote criu_log_quote_file(const char *path)
{
    struct buf log = BUF_INIT;
    files_read(path, LOG_BYTES_MAX, &log, NULL);
    struct criu_quote quote = criu_log_quote(buf_text(&log));
    buf_free(&log);
    return quote;
}
