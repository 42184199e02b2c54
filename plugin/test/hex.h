/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes as text: pairs of hex digits; spaces may stand between them. */
#ifndef LOADSTORE_HEX_H
#define LOADSTORE_HEX_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

static inline size_t hex_bytes(const char *text, uint8_t *bytes, size_t room)
{
    size_t count = 0;

    while (*text) {
        char pair[3] = { text[0], text[1], 0 };
        char *end;

        if (*text == ' ') {
            text++;
            continue;
        }
        if (count == room) {
            abort();
        }
        bytes[count++] = (uint8_t)strtoul(pair, &end, 16);
        if (end != pair + 2) {
            abort();
        }
        text += 2;
    }
    return count;
}

#endif
