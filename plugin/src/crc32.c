/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CRC-32, four bytes at a time (see crc32.h). */
#include "crc32.h"

#include <string.h>

static uint32_t table[4][256];

__attribute__((constructor)) static void fill(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;

        for (int bit = 0; bit < 8; bit++) {
            c = c & 1 ? c >> 1 ^ 0xedb88320u : c >> 1;
        }
        table[0][i] = c;
    }
    for (unsigned t = 1; t < 4; t++) {
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t c = table[t - 1][i];

            table[t][i] = c >> 8 ^ table[0][c & 0xff];
        }
    }
}

uint32_t ls_crc32(uint32_t crc, const void *data, size_t bytes)
{
    const uint8_t *at = data;
    uint32_t c = ~crc;

    for (; bytes >= 4; bytes -= 4, at += 4) {
        uint32_t word;

        memcpy(&word, at, 4);
        c ^= word;
        c = table[3][c & 0xff] ^ table[2][c >> 8 & 0xff] ^
            table[1][c >> 16 & 0xff] ^ table[0][c >> 24];
    }
    for (; bytes; bytes--, at++) {
        c = c >> 8 ^ table[0][(c ^ *at) & 0xff];
    }
    return ~c;
}
