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
    LS_RING_WORDS = 1 << 22,  /* 32 MiB: 40 ms of a busy guest */
    LS_RING_SLACK = 64,       /* what a slow path may push without asking */
    LS_RING_STEP = 1 << 16,   /* the writer takes a slow path this often */
};

typedef struct {
    uint64_t *words;
    _Atomic(uint64_t *) tail;
    char pad[64 - sizeof(uint64_t *) * 2];
} LsRing;

/* Returns false, with errno set, when the memory cannot be had. */
bool ls_ring_open(LsRing *ring);

/* How many words lie between two pointers into the first mapping. */
static inline size_t ls_ring_between(const uint64_t *from, const uint64_t *to)
{
    return (size_t)(to - from) & (LS_RING_WORDS - 1);
}

#endif
