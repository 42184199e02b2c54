/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Walking the words of a ring by block executions ("groups"). */
#ifndef LOADSTORE_GROUP_H
#define LOADSTORE_GROUP_H

#include <stddef.h>

#include "words.h"

/* Whether accesses of a block follow. */
static inline bool ls_group_begins(uint64_t word)
{
    return ls_word_is_block(word) || (word & 0xffff) == LS_W_REDO;
}

static inline size_t ls_words_of(uint64_t word)
{
    if (__builtin_expect(!(word & LS_NOT_ACCESS), 1)) {
        return 1;
    }
    switch (word & 0xffff) { /* no tag is what a block's word ends in */
    case LS_W_MAP:
    case LS_W_DEVICE:
    case LS_W_WIDE:
    case LS_W_CR3:
    case LS_W_GAP:
    case LS_W_PORT:
        return 2;
    case LS_W_EVENT:
        return LS_EVENT_WORDS;
    default:
        return 1;
    }
}

/* The same; a page walk's note goes with the access that it is about, which no
 * instruction made. */
static inline size_t ls_words_of_insn(uint64_t word)
{
    return word == LS_W_PAGE_WALK ? 2 : ls_words_of(word);
}

/* Whether the word can stand among the accesses of a block. */
static inline bool ls_word_is_inside(uint64_t word)
{
    if (ls_word_is_block(word)) {
        return false;
    }
    switch (word & 0xffff) {
    case LS_W_REDO:
    case LS_W_VCPU:
    case LS_W_CR3:
    case LS_W_EVENT:
    case LS_W_GAP:
        return false;
    default:
        return true;
    }
}

/* The first word from `at` on that is no access, or one of the few before it. */
static inline const uint64_t *ls_skip_accesses(const uint64_t *at,
                                               const uint64_t *end)
{
    while (end - at >= 4 &&
           !((at[0] | at[1] | at[2] | at[3]) & LS_NOT_ACCESS)) {
        at += 4;
    }
    return at;
}

/* Past the last word of the group that begins at `at`; `end` if not seen. */
static inline const uint64_t *ls_group_end(const uint64_t *at,
                                           const uint64_t *end)
{
    for (at++; at < end; at += ls_words_of(*at)) {
        at = ls_skip_accesses(at, end);
        if (at == end || (*at & LS_NOT_ACCESS && !ls_word_is_inside(*at))) {
            return at;
        }
    }
    return end;
}

#endif
