/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The recorders: one for each vCPU thread, its ring, room in it. */
#define _GNU_SOURCE
#include "record.h"

#include "audit.h"
#include "clock.h"
#include "cpu_view.h"
#include "events.h"
#include "insn_hooks.h"
#include "nested.h"
#include "pages.h"
#include "push.h"
#include "walker.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

LsCaptureConfig ls_capture;
LsRecorder *ls_recorders[LS_MAX_THREADS];
_Atomic unsigned ls_recorder_count;

__thread LsRecorder *ls_self;
LsRecorder ls_solo;

static void nap(void)
{
    struct timespec pause = { 0, 50000 };

    nanosleep(&pause, NULL);
}

void ls_record_count_words(LsRecorder *r)
{
    uint64_t *head = atomic_load_explicit(&r->head, memory_order_relaxed);

    r->words += (uint64_t)(head - r->counted);
    r->counted = head;
}

COLD void ls_make_room(LsRecorder *r)
{
    uint64_t *head = atomic_load_explicit(&r->head, memory_order_relaxed);
    uint64_t *tail;
    size_t there, room;
    bool waited = false;

    if (r->limit && head > r->limit + LS_BLOCK_WORDS + LS_RING_SLACK) {
        fputs("loadstore: a block made more accesses than an x86 block can\n",
              stderr);
        abort(); /* what was in the ring may be overwritten */
    }
    ls_record_count_words(r);
    if (head >= r->turn) {
        head -= r->ring.size;
        r->counted = head;
        atomic_store_explicit(&r->head, head, memory_order_release);
    }
    for (;;) {
        tail = atomic_load_explicit(&r->ring.tail, memory_order_acquire);
        there = ls_ring_between(&r->ring, tail, head);
        if (there < ls_ring_full(&r->ring)) {
            break;
        }
        r->waits += !waited;
        waited = true;
        nap();
    }
    room = ls_ring_full(&r->ring) + LS_RING_SLACK - there;
    r->limit = head + (room < LS_RING_STEP ? room : LS_RING_STEP);
    ls_pages_forget(r); /* each is compared with QEMU's answer when next used */
}

/* Where blocks look when the vCPU's registers cannot be found: as if each ran
 * elsewhere than it was translated for, so that block_slow() takes it. */
static const uint8_t no_view[LS_VIEW_CR4 + 8] = {
    [LS_VIEW_CR3 ... LS_VIEW_CR3 + 7] = 0xff, /* no CR3 is that */
};

void ls_set_view(LsRecorder *r, const uint8_t *eip)
{
    r->eip = eip;
    r->view = eip ? eip : no_view;
}

void ls_look_closely(LsRecorder *r)
{
    r->view = no_view;
}

/* The first recorder's, opened before there is a vCPU. */
static LsRing first_ring;
static bool first_ring_is_taken;

static bool open_ring(LsRing *ring)
{
    return ls_ring_open(ring, ls_capture.smp ? LS_RING_WORDS_SMP
                                             : LS_RING_WORDS);
}

LsRing *ls_record_prepare(void)
{
    if (!open_ring(&first_ring)) {
        return NULL;
    }
    first_ring.populated = true;
    return &first_ring;
}

static LsRecorder *new_recorder(void)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    LsRecorder *r = ls_capture.smp ? aligned_alloc(64, sizeof(*r)) : &ls_solo;

    if (!r) {
        return NULL;
    }
    memset(r, 0, sizeof(*r));
    pthread_mutex_lock(&lock);
    if (first_ring.words && !first_ring_is_taken) {
        r->ring = first_ring;
        first_ring_is_taken = true;
    }
    pthread_mutex_unlock(&lock);
    if (!r->ring.words && !open_ring(&r->ring)) {
        return NULL;
    }
    r->turn = r->ring.words + r->ring.size;
    atomic_store(&r->head, r->ring.words);
    r->counted = r->ring.words;
    r->current = UINT64_MAX;
    ls_events_start(r);
    ls_pages_start(r);
    memset(r->alias, 0xff, sizeof(r->alias));
    ls_make_room(r);
    pthread_mutex_lock(&lock);
    r->index = atomic_load(&ls_recorder_count);
    if (r->index < LS_MAX_THREADS) {
        ls_recorders[r->index] = r;
        atomic_store(&ls_recorder_count, r->index + 1);
    } else {
        r = NULL;
    }
    pthread_mutex_unlock(&lock);
    return r;
}

void (*ls_record_started)(LsRecorder *r);

void ls_record_gap(LsRecorder *r)
{
    ls_events_start(r); /* not what happened meanwhile */
    ls_insn_forget(r);
    ls_walker_forget(r);
    ls_nested_forget(r);
    if (ls_audit_is_on()) {
        ls_audit_begin(); /* not what was written meanwhile */
    }
    r->current = UINT64_MAX;
    ls_pages_unmap(r);
    ls_push(r, LS_W_GAP);
    ls_push_checked(r, ls_now_ns());
}

void ls_record_thread_start(unsigned vcpu)
{
    LsRecorder *r = new_recorder();

    if (!r) {
        fputs("loadstore: no memory for another vCPU thread\n", stderr);
        exit(EXIT_FAILURE);
    }
    ls_self = r;
    r->cpu_slot = ls_api.current_cpu ? ls_api.current_cpu() : NULL;
    r->vcpu = vcpu;
    r->cpu = r->cpu_slot ? *r->cpu_slot : NULL;
    ls_set_view(r, ls_view_eip(r->cpu));
    ls_push(r, ls_word(vcpu, LS_W_VCPU));
    if (ls_capture.late) {
        ls_record_gap(r);
    }
    ls_record_started(r);
}
