/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a block execution was left (left.c). */
#ifndef LOADSTORE_LEFT_H
#define LOADSTORE_LEFT_H

#include "encoder.h"

/* How a block execution was left. */
typedef struct {
    bool cut;
    uint32_t executed;
    uint32_t aborted;
    uint8_t cause;
} LsExit;

/* An event comes next.  The block's words are [at, end) here and below. */
LsExit ls_left_by_event(LsEncoder *e, const LsBlock *code,
                        const uint64_t *event, const uint64_t *at,
                        const uint64_t *end);

/* A block comes next, at `next`. */
LsExit ls_left_for_block(LsEncoder *e, uint32_t id, const uint64_t *next,
                         const uint64_t *words_end, const uint64_t *at,
                         const uint64_t *end);

/* How many of the accesses behind the first `valid` are stores. */
uint32_t ls_left_stores(const uint64_t *at, const uint64_t *end,
                        uint32_t valid);

#endif
