/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the capture's files share: the recorders, and pushing words. */
#ifndef LOADSTORE_PUSH_H
#define LOADSTORE_PUSH_H

#include "hints.h"
#include "record.h"
#include "words.h"

/* The recorder of the calling thread.  With a single possible vCPU there is one
 * thread, and its recorder is `ls_solo`, at an address known when we compile. */
extern __thread LsRecorder *ls_self
    __attribute__((tls_model("initial-exec"), visibility("hidden")));
extern LsRecorder ls_solo __attribute__((visibility("hidden")));

/* Wraps the head, waits for room, and lets the page cache be verified. */
void ls_make_room(LsRecorder *r);

/* Sets where the vCPU's registers are (cpu_view.h); NULL: it cannot be known. */
void ls_set_view(LsRecorder *r, const uint8_t *eip);

/* Makes the next block be looked at as if something had happened before it. */
void ls_look_closely(LsRecorder *r);

/* Userdata of an access that may be redone: the id of its block, and the index of its
 * instruction where an access word has it. */
static inline uint64_t ls_site(uint32_t id, uint64_t index)
{
    return (uint64_t)id << 16 | index << LS_ACCESS_INDEX_SHIFT;
}

static inline uint32_t ls_site_id(uint64_t site)
{
    return (uint32_t)(site >> 16);
}

static inline uint64_t ls_word(uint64_t payload, unsigned tag)
{
    return payload << 16 | tag;
}

/* Where there is room: slow paths leave LS_RING_SLACK words, blocks
 * LS_BLOCK_WORDS.  Returns where the next word goes. */
static inline uint64_t *ls_push(LsRecorder *r, uint64_t word)
{
    uint64_t *at = atomic_load_explicit(&r->head, memory_order_relaxed);

    *at++ = word;
    /* The encoder may look at any time: the word first, then the head. */
    atomic_store_explicit(&r->head, at, memory_order_release);
    return at;
}

/* The same; sees to room for what comes next. */
static inline void ls_push_checked(LsRecorder *r, uint64_t word)
{
    if (UNLIKELY(ls_push(r, word) > r->limit)) {
        ls_make_room(r);
    }
}

#endif
