/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A growable run of bytes.  The owner reserves, then puts without checks. */
#ifndef LOADSTORE_BUFFER_H
#define LOADSTORE_BUFFER_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    uint8_t *bytes;
    size_t length;
    size_t capacity;
} LsBuffer;

/* Grows memory or ends the process: a recorder that cannot hold what the guest
 * did has nothing true left to say. */
static inline void *ls_grow(void *memory, size_t bytes)
{
    void *grown = realloc(memory, bytes);

    if (!grown) {
        fprintf(stderr, "loadstore: out of memory (%zu bytes)\n", bytes);
        abort();
    }
    return grown;
}

static inline void ls_buffer_reserve(LsBuffer *b, size_t more)
{
    if (b->capacity - b->length < more) {
        size_t wanted = b->capacity * 2;

        if (wanted < b->length + more + 4096) {
            wanted = b->length + more + 4096;
        }
        b->bytes = ls_grow(b->bytes, wanted);
        b->capacity = wanted;
    }
}

static inline void ls_put_u8(LsBuffer *b, uint8_t value)
{
    b->bytes[b->length++] = value;
}

/* Writes the `bytes` low bytes of value; 8 bytes of room are needed. */
static inline void ls_put_low(LsBuffer *b, uint64_t value, unsigned bytes)
{
    memcpy(b->bytes + b->length, &value, 8);
    b->length += bytes;
}

static inline void ls_put_varint(LsBuffer *b, uint64_t value)
{
    while (value > 127) {
        ls_put_u8(b, (uint8_t)(value | 128));
        value >>= 7;
    }
    ls_put_u8(b, (uint8_t)value);
}

static inline uint64_t ls_zigzag(int64_t value)
{
    return (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
}

#endif
