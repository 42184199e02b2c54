/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include "check.h"
#include "ring.h"

#include <pthread.h>

TEST(ring_is_the_same_memory_twice)
{
    LsRing ring;

    CHECK(ls_ring_open(&ring));
    CHECK_EQ(ring.words[0], 0);
    ring.words[LS_RING_WORDS] = 1;
    CHECK_EQ(ring.words[0], 1);
    ring.words[LS_RING_WORDS - 1] = 2;
    CHECK_EQ(ring.words[2 * LS_RING_WORDS - 1], 2);
    CHECK(atomic_load(&ring.tail) == ring.words);
}

TEST(ring_counts_words_over_the_turn)
{
    LsRing ring;
    uint64_t *w;

    CHECK(ls_ring_open(&ring));
    w = ring.words;
    CHECK_EQ(ls_ring_between(w, w), 0);
    CHECK_EQ(ls_ring_between(w + 5, w + 7), 2);
    CHECK_EQ(ls_ring_between(w + LS_RING_WORDS - 3, w + 2), 5);
    CHECK_EQ(ls_ring_between(w + 1, w), LS_RING_WORDS - 1);
    /* The head may stand behind the turn until its next slow path. */
    CHECK_EQ(ls_ring_between(w + LS_RING_WORDS - 3, w + LS_RING_WORDS + 2),
             5);
}
