/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading a line of QEMU's log, which is not terminated: it ends at `end`. */
#ifndef LOADSTORE_LOG_LINE_H
#define LOADSTORE_LOG_LINE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static inline bool ls_line_starts(const char *line, const char *end,
                                  const char *with)
{
    size_t len = strlen(with);

    return (size_t)(end - line) >= len && !memcmp(line, with, len);
}

/* The number behind the first `name` in the line, or `otherwise`. */
static inline uint64_t ls_line_number(const char *line, const char *end,
                                      const char *name, int base,
                                      uint64_t otherwise)
{
    size_t len = strlen(name);

    for (const char *at = line; at + len < end; at++) {
        if (!memcmp(at, name, len)) {
            return strtoull(at + len, NULL, base);
        }
    }
    return otherwise;
}

#endif
