/* What a log of CRIU says that went wrong: its first two errors, where the cause stands. Not the one that CRIU writes on every machine which does
 * not let its root raise limits. */
#ifndef ROAMLAB_DOCKER_CRIU_LOG_H
#define ROAMLAB_DOCKER_CRIU_LOG_H

struct criu_quote {
    char text[400]; /* "" = no error */
};

struct criu_quote criu_log_quote(const char *log);
/* The same of a file. One that cannot be read has no errors. */
struct criu_quote criu_log_quote_file(const char *path);

#endif
