/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check.h"
#include "options.h"

#include <string.h>

static char *arguments[16];
static LsOptions options;

/* Parses arguments that are separated by spaces. */
static const char *parse(const char *text)
{
    static char copy[512];
    int count = 0;

    strcpy(copy, text);
    for (char *at = strtok(copy, " "); at; at = strtok(NULL, " ")) {
        arguments[count++] = at;
    }
    return ls_options_parse(&options, count, arguments);
}

TEST(options_are_all_understood)
{
    CHECK_TEXT(parse("out=/tmp/a=b meta=m.json control=c events=e start=paused "
                     "max-accesses=1 max-instructions=18446744073709551615 "
                     "max-bytes=1000000 fault=drop:9 restores=logged"), NULL);
    CHECK_TEXT(options.out, "/tmp/a=b");
    CHECK_TEXT(options.meta, "m.json");
    CHECK_TEXT(options.control, "c");
    CHECK_TEXT(options.events, "e");
    CHECK_TEXT(options.fault, "drop:9");
    CHECK(options.paused);
    CHECK(options.restores_are_logged);
    CHECK_EQ(options.limits.accesses, 1);
    CHECK_EQ(options.limits.instructions, UINT64_MAX);
    CHECK_EQ(options.limits.bytes, 1000000);
}

TEST(options_are_all_optional)
{
    CHECK_TEXT(parse(""), NULL);
    CHECK(!options.out && !options.meta && !options.control);
    CHECK(!options.events && !options.paused && !options.fault);
    CHECK(!options.restores_are_logged);
    CHECK_EQ(options.limits.accesses | options.limits.instructions |
                 options.limits.bytes, 0);
}

TEST(options_name_the_argument_that_is_wrong)
{
    static const char *const wrong[] = {
        "out=", "fault=", "out", "outfile=a", "Out=a", "start=running", "start=", "meta=",
        "restores=",
        "max-accesses=", "max-accesses=0", "max-accesses=-1",
        "max-accesses=+1", "max-accesses=1k", "max-accesses=0x10",
        "max-accesses=18446744073709551616", "max-bytes=1.5",
        "max-instructions=one", "unknown=1", "=",
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char text[64] = "out=a ";

        strcat(text, wrong[i]);
        CHECK_TEXT(parse(text), wrong[i]);
    }
}
