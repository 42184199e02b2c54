/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check.h"
#include "crc32.h"

#include <string.h>

/* The check value of the CRC catalogues and others known from zlib. */
TEST(crc32_gives_known_values)
{
    uint8_t zeros[32] = { 0 };

    CHECK_EQ(ls_crc32(0, "", 0), 0);
    CHECK_EQ(ls_crc32(0, "123456789", 9), 0xcbf43926);
    CHECK_EQ(ls_crc32(0, "a", 1), 0xe8b7be43);
    CHECK_EQ(ls_crc32(0, "abc", 3), 0x352441c2);
    CHECK_EQ(ls_crc32(0, zeros, 32), 0x190a55ad);
    CHECK_EQ(ls_crc32(0, "The quick brown fox jumps over the lazy dog", 43),
             0x414fa339);
}

static uint32_t bit_by_bit(const uint8_t *bytes, size_t count)
{
    uint32_t c = UINT32_MAX;

    while (count--) {
        c ^= *bytes++;
        for (int i = 0; i < 8; i++) {
            c = c & 1 ? c >> 1 ^ 0xedb88320u : c >> 1;
        }
    }
    return ~c;
}

TEST(crc32_agrees_with_the_definition_at_any_place_and_split)
{
    uint8_t bytes[64];
    uint32_t seed = 1;

    for (size_t i = 0; i < sizeof(bytes); i++) {
        seed = seed * 1664525 + 1013904223;
        bytes[i] = (uint8_t)(seed >> 24);
    }
    for (size_t at = 0; at < 8; at++) {
        for (size_t count = 0; count < 40; count++) {
            uint32_t whole = bit_by_bit(bytes + at, count);
            size_t half = count / 3;

            check_context("%zu bytes at %zu", count, at);
            CHECK_EQ(ls_crc32(0, bytes + at, count), whole);
            CHECK_EQ(ls_crc32(ls_crc32(0, bytes + at, half),
                              bytes + at + half, count - half), whole);
        }
    }
}
