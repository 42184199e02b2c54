/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Capture and the ring: wrapping, and waiting for room. */
#define _GNU_SOURCE
#include "captured.h"
#include "check.h"
#include "fake_qemu.h"

#include <pthread.h>
#include <time.h>

#define V4 "FAKE_QEMU=4"

TEST_WITH(record_wraps_the_ring_and_loses_nothing, V4)
{
    LsTb *tb = captured_first_block();
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
        count = ls_ring_between(tail, head);
        seen += count;
        wrapped |= head < tail;
        CHECK_EQ(tail[count - 1], UINT64_C(0x10f98) << 16 |
                                      3 << LS_ACCESS_SIZE_SHIFT |
                                      LS_ACCESS_STORE | 1);
        tail += count;
        if (tail >= r->turn) {
            tail -= LS_RING_WORDS;
        }
        atomic_store(&r->ring.tail, tail);
    }
    ls_record_count_words(r);
    CHECK(wrapped);
    CHECK_EQ(seen, expected + 1);
    CHECK_EQ(r->words, expected + 1);
    CHECK_EQ(r->waits, 0);
}

static void *slow_reader(void *argument)
{
    LsRecorder *r = argument;
    struct timespec pause = { 0, 20000000 };

    nanosleep(&pause, NULL);
    atomic_store(&r->ring.tail, atomic_load(&r->head) - 1);
    return NULL;
}

TEST_WITH(threads_vcpu_waits_for_room, V4)
{
    LsTb *tb = captured_first_block();
    LsRecorder *r = captured_recorder();
    pthread_t reader;

    fake_enter(tb);
    for (unsigned i = 0; i < LS_RING_WORDS - 4 * LS_RING_SLACK; i++) {
        fake_store(tb, 1, 8, 0x10000);
    }
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
    tb = fake_translate(0x402000, LOAD_STORE ";e6 92");
    fake_enter(tb);
    while (LS_RING_WORDS - 1 -
               ls_ring_between(atomic_load(&r->ring.tail),
                               atomic_load(&r->head)) > 2 * LS_RING_SLACK) {
        fake_store(tb, 1, 8, 0x10000);
    }
    CHECK_EQ(pthread_create(&reader, NULL, slow_reader, r), 0);
    for (unsigned i = 0; i < 3 * LS_RING_SLACK; i++) {
        fake_insn(tb, 2);
    }
    pthread_join(reader, NULL);
    CHECK_EQ(r->waits, 1);
}
