/* Errors as values: a fallible function returns 0 or -errno and takes a `struct err *` as its last argument.
 *
 * The innermost function sets WHAT went wrong, every caller on the way out may put its own context in front,
 * and anyone may add what to do about it. main prints the result once:
 *
 *     roamlab: edge es2: restore: docker: POST /containers/…/start: 500 criu failed (see restore.log)
 *
 * A NULL `struct err *` is allowed everywhere: it loses the text, and where a caller wraps, the code (-EIO).
 * The struct owns its text; no freeing. */
#ifndef ROAMLAB_ERR_H
#define ROAMLAB_ERR_H

struct err {
    int code;       /* positive errno, or one of enum err_exit below; 0 = no error */
    char text[640]; /* "context: context: what" */
    char hint[320]; /* what to do next, empty if nobody knows */
};

#define ERR_INIT {0}

/* Sets the error. `code` is a positive errno. Returns -code, so that `return err_set(…)` reads well. */
int err_set(struct err *e, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* As err_set with the current errno, its text appended: "open /x: No such file or directory". */
int err_errno(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "context: " in front. Returns -code of the error that is already there. */
int err_wrap(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Says what to do next. Keeps the first hint, which stood closest to the cause. Returns -code. */
int err_hint(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints "roamlab: TEXT (HINT)" and a newline to stderr. */
void err_print(const struct err *e);

#endif
