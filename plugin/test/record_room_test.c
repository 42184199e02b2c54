/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Capture and the ring: wrapping, and waiting for room. */
#define _GNU_SOURCE
#include "captured.h"
#include "check.h"
#include "fake_qemu.h"
#include "push.h"

#include <pthread.h>
#include <time.h>

#define V4 "FAKE_QEMU=4"

/* A block that may make any number of accesses, at its instruction 1. */
static LsTb *captured_stos(void)
{
    captured_first_block();
    return fake_translate(0x402000, "8b 03;f3 aa");
}

TEST_WITH(record_wraps_the_ring_and_loses_nothing, V4)
{
    LsTb *tb = captured_stos();
    LsRecorder *r = captured_recorder();
    const unsigned rounds = LS_RING_WORDS / 1000 + 50;
    uint64_t expected = 0, seen = 1; /* vcpu 0 */
    bool wrapped = false;

    fake_enter(tb);
    fake_load(tb, 0, 4, 0x10000);
    expected += 4;
    for (unsigned i = 0; i < rounds; i++) {
        uint64_t *tail = atomic_load(&r->ring.tail);
        uint64_t *head;
        size_t count;

        for (unsigned k = 0; k < 1000; k++) {
            fake_store(tb, 1, 8, 0x10000 + k % 500 * 8);
        }
        expected += 1000;
        head = atomic_load(&r->head);
        count = ls_ring_between(&r->ring, tail, head);
        seen += count;
        wrapped |= head < tail;
        CHECK_EQ(tail[count - 1], UINT64_C(0x10f98) << 16 |
                                      3 << LS_ACCESS_SIZE_SHIFT |
                                      LS_ACCESS_STORE |
                                      1 << LS_ACCESS_INDEX_SHIFT);
        tail += count;
        if (tail >= r->turn) {
            tail -= r->ring.size;
        }
        atomic_store(&r->ring.tail, tail);
    }
    ls_record_count_words(r);
    CHECK(wrapped);
    CHECK_EQ(seen, expected + 1);
    CHECK_EQ(r->words, expected + 1);
    CHECK_EQ(r->waits, 0);
}

/* As if the encoder were so far behind that there are so many words in the ring. */
static void leave_unread(LsRecorder *r, size_t words)
{
    size_t head = (size_t)(atomic_load(&r->head) - r->ring.words);

    atomic_store(&r->ring.tail,
                 r->ring.words + (head - words) % r->ring.size);
    ls_make_room(r);
}

/* Makes room when the vCPU waits for it. */
static void *slow_reader(void *argument)
{
    LsRecorder *r = argument;
    const struct timespec pause = { 0, 1000000 };

    for (unsigned i = 0; i < 20000 && !atomic_load(&r->waits); i++) {
        nanosleep(&pause, NULL);
    }
    atomic_store(&r->ring.tail, atomic_load(&r->head) - 1);
    return NULL;
}

TEST_WITH(threads_vcpu_waits_for_room, V4)
{
    LsTb *tb = captured_stos();
    LsRecorder *r = captured_recorder();
    pthread_t reader;

    fake_enter(tb);
    fake_store(tb, 1, 8, 0x10000);
    leave_unread(r, ls_ring_full(&r->ring) - 2 * LS_RING_SLACK);
    CHECK_EQ(r->waits, 0);
    CHECK_EQ(pthread_create(&reader, NULL, slow_reader, r), 0);
    for (unsigned i = 0; i < 4 * LS_RING_SLACK; i++) {
        fake_store(tb, 1, 8, 0x10000);
    }
    pthread_join(reader, NULL);
    CHECK_EQ(r->waits, 1);
}

/* A block of nothing but `out` has no other place to ask for room. */
TEST_WITH(threads_vcpu_waits_for_room_without_accesses, V4)
{
    LsTb *tb;
    LsRecorder *r;
    pthread_t reader;

    captured_first_block();
    r = captured_recorder();
    tb = fake_translate(0x402000, "90;f3 aa;e6 92");
    fake_enter(tb);
    leave_unread(r, ls_ring_full(&r->ring) - 1);
    CHECK_EQ(pthread_create(&reader, NULL, slow_reader, r), 0);
    for (unsigned i = 0; i < 3 * LS_RING_SLACK; i++) {
        fake_insn(tb, 2);
    }
    pthread_join(reader, NULL);
    CHECK_EQ(r->waits, 1);
}

/* What no x86 block does: were it let go on, it would overwrite the ring. */
TEST_WITH(hidden_block_of_too_many_accesses, V4)
{
    LsTb *tb = captured_first_block();

    fake_enter(tb);
    for (unsigned i = 0; i < LS_RING_STEP + LS_BLOCK_WORDS + 2 * LS_RING_SLACK;
         i++) {
        fake_load(tb, 0, 4, 0x10000);
    }
    CHECK(atomic_load(&captured_recorder()->head) != NULL);
    fake_enter(tb);
}

TEST(record_block_of_too_many_accesses_ends_qemu)
{
    CHECK(!check_passes("hidden_block_of_too_many_accesses", true));
}

/* As many as a block may make need no room of their own. */
TEST_WITH(record_block_of_many_accesses, V4)
{
    LsTb *tb = captured_first_block();
    LsRecorder *r = captured_recorder();

    fake_enter(tb);
    for (unsigned i = 0; i < LS_BLOCK_WORDS; i++) {
        fake_load(tb, 0, 4, 0x10000);
    }
    fake_enter(tb);
    CHECK_EQ(r->waits, 0);
    ls_record_count_words(r);
    CHECK_EQ(r->words, LS_BLOCK_WORDS + 5); /* vcpu, map (2), 2 blocks */
}
