/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parses the plugin's arguments (see options.h). */
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Decimal, at least 1. */
static bool parse_count(const char *text, uint64_t *count)
{
    char *end;

    errno = 0;
    *count = strtoull(text, &end, 10);
    return isdigit((unsigned char)*text) && !*end && !errno && *count;
}

const char *ls_options_parse(LsOptions *options, int argc, char **argv)
{
    const struct {
        const char *name;
        const char **text;
        uint64_t *count;
    } known[] = {
        { "out=", &options->out, NULL },
        { "meta=", &options->meta, NULL },
        { "control=", &options->control, NULL },
        { "events=", &options->events, NULL },
        { "fault=", &options->fault, NULL },
        { "max-accesses=", NULL, &options->limits.accesses },
        { "max-instructions=", NULL, &options->limits.instructions },
        { "max-bytes=", NULL, &options->limits.bytes },
    };

    memset(options, 0, sizeof(*options));
    for (int i = 0; i < argc; i++) {
        bool ok = false;

        if (!strcmp(argv[i], "start=paused")) {
            options->paused = ok = true;
        }
        if (!strcmp(argv[i], "audit=memory")) {
            options->audit = ok = true;
        }
        if (!strcmp(argv[i], "restores=logged")) {
            options->restores_are_logged = ok = true;
        }
        for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++) {
            size_t len = strlen(known[k].name);

            if (strncmp(argv[i], known[k].name, len) != 0) {
                continue;
            }
            if (known[k].text) {
                *known[k].text = argv[i] + len;
                ok = argv[i][len] != 0;
            } else {
                ok = parse_count(argv[i] + len, known[k].count);
            }
        }
        if (!ok) {
            return argv[i];
        }
    }
    return NULL;
}
