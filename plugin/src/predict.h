/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What encode.c and usual.c share: the predictors' inner parts. */
#ifndef LOADSTORE_PREDICT_H
#define LOADSTORE_PREDICT_H

#include "encoder.h"
#include "hints.h"

/* The address that the slot's selected predictor foresees (format.md 3.4). */
static inline uint64_t ls_predict(const LsSlot *s, uint64_t h0, uint64_t h1,
                                  uint64_t h2)
{
    uint64_t low = s->selected & 1 ? h0 : s->last;
    uint64_t high = s->selected & 1 ? h2 : h1;

    return (s->selected & 2 ? high : low) +
           (uint64_t)(int64_t)s->delta[s->selected];
}

/* Codes an address that the selected predictor missed, after `run` hits. */
void ls_encode_miss(LsEncoder *e, LsSlot *s, uint64_t h0, uint64_t h1,
                    uint64_t h2, uint64_t a, uint32_t run);

/* Codes a block that was not foreseen (*next3 is not its id), or whose shape is
 * another one than usual. */
void ls_encode_surprise(LsEncoder *e, const LsBlockState *b, uint32_t id,
                        uint32_t count, bool usual, uint32_t *next3);

void ls_encode_refill(LsEncoder *e, size_t words);

/* Room in every stream for a block execution of `words` words. */
static inline void ls_encode_reserve(LsEncoder *e, size_t words)
{
    if (UNLIKELY(e->budget < words + 8)) {
        ls_encode_refill(e, words + 8);
    }
    e->budget -= words + 8;
}

#endif
