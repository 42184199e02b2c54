/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include "check.h"
#include "ring.h"

#include <pthread.h>
#include <sys/mman.h>

enum { WORDS = 1 << 12 };

TEST(ring_is_the_same_memory_twice)
{
    LsRing ring;

    CHECK(ls_ring_open(&ring, WORDS));
    CHECK_EQ(ring.words[0], 0);
    ls_ring_populate(&ring);
    CHECK_EQ(ring.words[0], 0);
    ring.words[WORDS] = 1;
    CHECK_EQ(ring.words[0], 1);
    ring.words[WORDS - 1] = 2;
    CHECK_EQ(ring.words[2 * WORDS - 1], 2);
    CHECK(atomic_load(&ring.tail) == ring.words);
}

TEST(ring_has_all_its_memory_when_it_is_populated)
{
    enum { PAGES = 1024 }; /* of several pieces */
    unsigned char in_core[PAGES];
    LsRing ring;

    CHECK(ls_ring_open(&ring, PAGES * 4096 / sizeof(uint64_t)));
    ls_ring_populate(&ring);
    CHECK_EQ(mincore(ring.words, PAGES * 4096, in_core), 0);
    for (unsigned i = 0; i < PAGES; i++) {
        CHECK_EQ(in_core[i] & 1, 1);
    }
}

TEST(ring_counts_words_over_the_turn)
{
    LsRing ring;
    uint64_t *w;

    CHECK(ls_ring_open(&ring, WORDS));
    w = ring.words;
    CHECK_EQ(ls_ring_between(&ring, w, w), 0);
    CHECK_EQ(ls_ring_between(&ring, w + 5, w + 7), 2);
    CHECK_EQ(ls_ring_between(&ring, w + WORDS - 3, w + 2), 5);
    CHECK_EQ(ls_ring_between(&ring, w + 1, w), WORDS - 1);
    /* The head may stand behind the turn until its next slow path. */
    CHECK_EQ(ls_ring_between(&ring, w + WORDS - 3, w + WORDS + 2),
             5);
}
