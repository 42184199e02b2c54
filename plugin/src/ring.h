/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A ring of words between one vCPU thread and its encoder.
 *
 * The memory is mapped twice in a row, so both sides always see what they
 * want as one run of words.  The vCPU thread alone moves `head`, the encoder
 * alone moves `tail`; both are pointers into the first mapping.
 */
#ifndef LOADSTORE_RING_H
#define LOADSTORE_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    /* One vCPU thread: 128 MiB, 0.1 s of a busy guest, which outlasts most
     * stretches that are slow to encode.  Where there may be many: 32 MiB. */
    LS_RING_WORDS = 1 << 24,
    LS_RING_WORDS_SMP = 1 << 22,
    LS_RING_SLACK = 64,       /* what a slow path may push without asking */
    LS_BLOCK_WORDS = 1 << 18, /* and a block's accesses: 512 instructions with
                                 the most an instruction makes, xsave with
                                 2,696 bytes, are fewer */
    LS_RING_STEP = 1 << 16,   /* the writer takes a slow path this often */
};

typedef struct {
    uint64_t *words;
    size_t size;              /* words, a power of two */
    _Atomic(uint64_t *) tail;
    bool populated;           /* or about to be */
    char pad[64 - sizeof(uint64_t *) * 3 - sizeof(bool)];
} LsRing;

/* `size` is a power of two of at least 512 words.  Returns false, with errno
 * set, when the memory cannot be had. */
bool ls_ring_open(LsRing *ring, size_t size);

/* Has the kernel provide the memory now, which then costs the vCPU thread no
 * page faults; in another thread.  It takes some 0.1 s. */
void ls_ring_populate(const LsRing *ring);

/* How many words lie between two pointers into the first mapping. */
static inline size_t ls_ring_between(const LsRing *ring, const uint64_t *from,
                                     const uint64_t *to)
{
    return (size_t)(to - from) & (ring->size - 1);
}

/* From this many words on the vCPU thread waits for room. */
static inline size_t ls_ring_full(const LsRing *ring)
{
    return ring->size - 1 - 2 * LS_RING_SLACK - LS_BLOCK_WORDS;
}

#endif
