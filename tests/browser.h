/* A page in Chromium that stays open, and is asked what it shows while it changes: DevTools' protocol over the pipes of
 * --remote-debugging-pipe, JSON messages that end with a zero byte. */
#ifndef ROAMLAB_TEST_BROWSER_H
#define ROAMLAB_TEST_BROWSER_H

#include "folder.h"
#include "json_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

struct browser {
    pid_t pid;
    int orders;
    FILE *answers;
    int last; /* order's id */
    char *session;
};

static inline void browser_become(const char *folder, int orders, int answers)
{
    autofree char *profile = mem_printf("--user-data-dir=%s/profile-%d", folder, (int)getpid()),
                  *log = mem_printf("%s/log", folder);
    int fds[2] = {fcntl(orders, F_DUPFD, 10), fcntl(answers, F_DUPFD, 10)},
        out = open(log, O_WRONLY | O_CREAT, 0644);
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* also when a test fails */
    dup2(out, 1);
    dup2(out, 2);
    dup2(fds[0], 3);
    dup2(fds[1], 4);
    close_range(5, ~0u, 0);
    execlp("chromium", "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
           "--disable-background-networking", "--disable-component-update", "--disable-sync",
           "--remote-debugging-pipe", profile, "about:blank", NULL);
    _exit(127);
}

/* The answer to an order; without a session it is the browser that is asked. json_object_put() it. */
static inline json_object *browser_order(struct browser *b, const char *method, json_object *parameters)
{
    json_object *order = json_object_new_object(), *answer = NULL;
    char *line = NULL;
    size_t size = 0;
    json_object_object_add(order, "id", json_object_new_int(++b->last));
    json_object_object_add(order, "method", json_object_new_string(method));
    json_object_object_add(order, "params", parameters);
    if (b->session)
        json_object_object_add(order, "sessionId", json_object_new_string(b->session));
    const char *text = json_object_to_json_string(order);
    assert_int_equal(write(b->orders, text, strlen(text) + 1), strlen(text) + 1);
    json_object_put(order);
    while (!answer && getdelim(&line, &size, '\0', b->answers) > 0) { /* events come in between */
        answer = json_tokener_parse(line);
        if (json_number_at(answer, "id") != b->last) {
            json_object_put(answer);
            answer = NULL;
        }
    }
    free(line);
    if (!answer)
        fail_msg("%s: chromium is gone", method);
    return answer;
}

static inline json_object *browser_parameter(const char *name, const char *value)
{
    json_object *o = json_object_new_object();
    json_object_object_add(o, name, json_object_new_string(value));
    return o;
}

/* Opens the page at the address. The folder gets Chromium's files. */
static inline struct browser browser_open(const char *folder, const char *address)
{
    int orders[2], answers[2];
    assert_true(pipe2(orders, O_CLOEXEC) == 0 && pipe2(answers, O_CLOEXEC) == 0);
    struct browser b = {.pid = fork(), .orders = orders[1], .answers = fdopen(answers[0], "re")};
    if (b.pid == 0)
        browser_become(folder, orders[0], answers[1]);
    close(orders[0]);
    close(answers[1]);
    json_object *target = browser_order(&b, "Target.createTarget", browser_parameter("url", address));
    json_object *attach = browser_parameter("targetId", json_text_at(target, "result.targetId"));
    json_object_object_add(attach, "flatten", json_object_new_boolean(true));
    json_object *attached = browser_order(&b, "Target.attachToTarget", attach);
    b.session = mem_copy_string(json_text_at(attached, "result.sessionId"));
    json_object_put(target);
    json_object_put(attached);
    assert_string_not_equal(b.session, "");
    return b;
}

/* The number that an expression of the page's script has now, -1 for none, as on a page that is not there yet. */
static inline int browser_number(struct browser *b, const char *expression)
{
    json_object *answer = browser_order(b, "Runtime.evaluate", browser_parameter("expression", expression));
    double value = json_number_at(answer, "result.result.value");
    json_object_put(answer);
    return isfinite(value) ? (int)value : -1;
}

/* Waits until that number is above another, and gives it; a page that never gets there fails the test after a minute. */
static inline int browser_until_above(struct browser *b, const char *expression, int than)
{
    for (int tries = 0; tries < 600; tries++) {
        int value = browser_number(b, expression);
        if (value > than)
            return value;
        usleep(100000);
    }
    fail_msg("%s stays at %d or below", expression, than);
    return -1;
}

/* It ends when nobody orders any more. */
static inline void browser_close(struct browser *b)
{
    close(b->orders);
    while (fgetc(b->answers) != EOF)
        continue;
    fclose(b->answers);
    waitpid(b->pid, NULL, 0);
    free(b->session);
}

#endif
