/* Pages as Chromium draws them. */
#ifndef ROAMLAB_TEST_CHROMIUM_H
#define ROAMLAB_TEST_CHROMIUM_H

#include "folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

static inline bool chromium_is_missing(void)
{
    bool missing = system("command -v chromium >/dev/null") != 0;
    if (missing)
        puts("skip: chromium is not installed (package chromium): the page is not drawn");
    return missing;
}

/* The page at the address as it is when nothing more comes; free() it. The folder gets Chromium's files, of them `log`. */
static inline char *chromium_dump(const char *folder, const char *options, const char *address)
{
    autofree char *command = mem_printf(
        "timeout 300 chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
        "--disable-background-networking --disable-component-update --disable-sync --enable-logging=stderr "
        "--user-data-dir=%s/profile %s --dump-dom %s >%s/dom 2>%s/log",
        folder, options, address, folder, folder);
    assert_int_equal(system(command), 0);
    return folder_read(folder, "dom");
}

/* The same after its script has run to its end. What the script complains of fails the test. */
static inline char *chromium_draw(const char *folder, const char *options, const char *address)
{
    char *dom = chromium_dump(folder, options, address);
    autofree char *log = folder_read(folder, "log");
    if (strstr(log, "CONSOLE"))
        fail_msg("%s", strstr(log, "CONSOLE"));
    assert_non_null(strstr(dom, "data-ready=\"yes\""));
    return dom;
}

#endif
