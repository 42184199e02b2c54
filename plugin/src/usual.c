/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The encoder's fast path: block executions whose accesses have the block's
 * usual shape, with nothing between them and another block behind.  More than
 * nine in ten are so.  State that changes with every word is in locals and goes
 * back to the encoder when the path is left or a surprise is coded.
 */
#include "predict.h"
#include "words.h"

/* What one block execution's accesses change. */
typedef struct {
    uint64_t h0, h1, h2;
    uint32_t run;
} History;

/* Encodes accesses as long as they follow the shape; returns how many did. */
static inline __attribute__((always_inline)) uint32_t
follow_shape(LsEncoder *e, LsSlot *s, uint32_t count, const uint64_t *at,
             History *h)
{
    for (uint32_t i = 0; i < count; i++, s++) {
        uint64_t a = (uint64_t)((int64_t)at[i] >> 16);

        if (UNLIKELY(s->tag != (uint16_t)at[i])) {
            return i;
        }
        if (LIKELY(ls_predict(s, h->h0, h->h1, h->h2) == a)) {
            h->run++;
        } else {
            ls_encode_miss(e, s, h->h0, h->h1, h->h2, a, h->run);
            h->run = 0;
        }
        s->last = a;
        h->h2 = h->h1;
        h->h1 = h->h0;
        h->h0 = a;
    }
    return count;
}

static COLD bool are_accesses(const uint64_t *at, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (at[i] & LS_NOT_ACCESS) {
            return false;
        }
    }
    return true;
}

const uint64_t *ls_encode_usual(LsEncoder *e, const uint64_t *at,
                                const uint64_t *end, uint32_t *done)
{
    uint32_t id = ls_word_id(*at);
    LsBlockState *b = ls_encode_state(e, id);
    History h = { e->h0, e->h1, e->h2, e->access_run };
    uint32_t p1 = e->p1, p2 = e->p2, p3 = e->p3;
    uint32_t blocks = ls_chunk_blocks_left(e);
    uint64_t icount = e->running->icount;
    uint64_t pending_rep = e->running->pending_rep;
    uint64_t accesses = 0, stores = 0, user_accesses = 0;
    const uint32_t blocks_left = blocks;
    const uint64_t accesses_left = ls_chunk_accesses_left(e);

    *done = 0;
    while (b->straight && (size_t)(end - at) > b->shape_count + 1u &&
           blocks && accesses < accesses_left) {
        const uint64_t *next = at + 1 + b->shape_count;
        const uint32_t count = b->shape_count;
        uint32_t *next3;
        LsBlockState *to;

        if (UNLIKELY((*next & LS_WORD_KIND) != LS_WORD_BLOCK)) {
            break;
        }
        /* It may be the payload of a word that is no access; then nothing can be
         * learned from it.  What is known already does no harm: the accesses'
         * tags will not fit. */
        if (UNLIKELY(!ls_encode_is_known(e, ls_near_id(*next)) &&
                     !are_accesses(at + 1, count))) {
            break;
        }
        to = ls_encode_state(e, ls_near_id(*next));
        b = &e->blocks[id]; /* may have moved */
        __builtin_prefetch(e->slots + to->first_slot);
        if (UNLIKELY(ls_may_redo(b, to, *next))) {
            break;
        }
        ls_encode_reserve(e, count);
        e->slot_h0 = h.h0;
        *done = follow_shape(e, e->slots + b->first_slot, count, at + 1, &h);
        if (UNLIKELY(*done != count)) {
            break;
        }
        *done = 0;
        next3 = &e->next3[ls_next3_slot(p1, p2, p3)];
        if (LIKELY(*next3 == id)) {
            e->block_run++;
        } else {
            e->p1 = p1;
            ls_encode_surprise(e, b, id, count, true, next3);
        }
        p3 = p2;
        p2 = p1;
        p1 = id;
        blocks--;
        accesses += count;
        stores += b->shape_stores;
        user_accesses += b->user ? count : 0;
        icount += b->insn_count - (uint64_t)(pending_rep == b->vaddr);
        pending_rep = b->last_rep;
        at = next;
        b = to;
        id = ls_near_id(*at);
    }
    e->h0 = h.h0;
    e->h1 = h.h1;
    e->h2 = h.h2;
    e->access_run = h.run;
    e->p1 = p1;
    e->p2 = p2;
    e->p3 = p3;
    e->running->icount = icount;
    e->running->pending_rep = pending_rep;
    e->chunk.block_count += blocks_left - blocks;
    e->chunk.access_count += (uint32_t)accesses;
    e->chunk.stores += (uint32_t)stores;
    e->chunk.user_accesses += (uint32_t)user_accesses;
    return at;
}
