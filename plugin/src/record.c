/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * THE hot file.  Rules: on the fast path nothing allocates, locks, formats,
 * calls the system or can fail.  A full ring makes the vCPU wait in
 * make_room(); nothing is ever dropped.  Facts about QEMU that this relies on
 * are named T1 to T12 in docs/qemu-traps.md.
 */
#define _GNU_SOURCE
#include "record.h"

#include "clock.h"
#include "cpu_view.h"
#include "events.h"
#include "insn_class.h"
#include "words.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define COLD __attribute__((noinline, cold))

/* Userdata of a block callback: page of its eip << 28 | id. */
#define EIP_PAGE_MASK ((UINT64_C(1) << 36) - 1)
#define ID_MASK ((UINT64_C(1) << LS_BLOCK_ID_BITS) - 1)

LsCaptureConfig ls_capture;
LsRecorder *ls_recorders[LS_MAX_THREADS];
_Atomic unsigned ls_recorder_count;

/* The recorder of the calling thread.  With a single possible vCPU there is one
 * thread, and its recorder is `solo`, at an address known when we compile. */
static __thread LsRecorder *self
    __attribute__((tls_model("initial-exec")));
static LsRecorder solo;

static unsigned info_size_bit; /* see low_bits() */

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

/* The base of a page that never is in this slot of the page cache. */
static uint64_t no_page(uint64_t slot)
{
    return (slot ^ 1) << 12;
}

/* Makes the next access to each page take the slow path. */
static void forget_pages(LsRecorder *r)
{
    for (uint64_t slot = 0; slot < LS_PAGE_SLOTS; slot++) {
        r->page_base[slot] = no_page(slot);
    }
}

/* Wraps the head, waits for room, and lets the page cache be verified. */
static COLD void make_room(LsRecorder *r)
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
        waited = true;
        nap();
    }
    r->waits += waited;
    room = ls_ring_full(&r->ring) + LS_RING_SLACK - there;
    r->limit = head + (room < LS_RING_STEP ? room : LS_RING_STEP);
    forget_pages(r); /* each is compared with QEMU's answer when next used */
}

static inline void push_checked(LsRecorder *r, uint64_t word)
{
    uint64_t *at = atomic_load_explicit(&r->head, memory_order_relaxed);

    *at++ = word;
    /* The encoder may look at any time: the word first, then the head. */
    atomic_store_explicit(&r->head, at, memory_order_release);
    if (UNLIKELY(at > r->limit)) {
        make_room(r);
    }
}

void ls_record_push_checked(LsRecorder *r, uint64_t word)
{
    push_checked(r, word);
}

static inline uint64_t word_of(uint64_t payload, unsigned tag)
{
    return payload << 16 | tag;
}

/* Forgets every mapping: an address may now translate differently. */
static COLD void unmap_all(LsRecorder *r)
{
    forget_pages(r);
    memset(r->page_virt, 0xff, sizeof(r->page_virt));
    push_checked(r, LS_W_UNMAP); /* a block may do this at each instruction */
}

/* Whether an access word cannot hold the address. */
static bool is_wide(uint64_t vaddr)
{
    return (uint64_t)((int64_t)(vaddr << 16) >> 16) != vaddr;
}

/* Makes the stream say where `vaddr` is, in the first (0) or second (1) page of
 * an access.  Device pages and unknown ones are not cached: each access tells
 * or asks anew. */
static COLD void tell_page(LsRecorder *r, LsMemInfo info, uint64_t vaddr,
                           unsigned part)
{
    uint64_t virt = vaddr >> 12;
    unsigned slot = virt & (LS_PAGE_SLOTS - 1);
    bool cached = !is_wide(vaddr);
    LsHwaddr *hwaddr = ls_api.get_hwaddr(info, vaddr);
    uint64_t phys = LS_MAP_UNKNOWN;

    if (!hwaddr) {
        r->unknown_phys++;
        cached = false;
    } else if (ls_api.hwaddr_is_io(hwaddr)) {
        ls_record_push(r, word_of(part, LS_W_DEVICE));
        ls_record_push(r, ls_api.hwaddr_phys_addr(hwaddr));
        return;
    } else {
        phys = ls_api.hwaddr_phys_addr(hwaddr) >> 12;
    }
    r->page_base[slot] = cached ? virt << 12 : no_page(slot);
    if (r->page_virt[slot] == virt) {
        r->map_checks++;
        if (r->page_phys[slot] == phys) {
            return;
        }
        r->map_mismatches++;
    }
    r->page_virt[slot] = virt;
    r->page_phys[slot] = phys;
    ls_record_push(r, word_of(virt, LS_W_MAP));
    ls_record_push(r, phys);
}

/* An access that the fast path could not place. */
static COLD void mem_slow(LsRecorder *r, LsMemInfo info, uint64_t vaddr,
                          uint64_t low)
{
    uint64_t virt = vaddr >> 12;
    uint64_t last = vaddr + (UINT64_C(1) << (low >> LS_ACCESS_SIZE_SHIFT)) - 1;

    if (is_wide(vaddr)) {
        ls_record_push(r, LS_W_WIDE);
        ls_record_push(r, vaddr);
    }
    if (r->page_base[virt & (LS_PAGE_SLOTS - 1)] != virt << 12) {
        tell_page(r, info, vaddr, 0);
    }
    if (last >> 12 != virt) {
        tell_page(r, info, last & ~UINT64_C(0xfff), 1);
    }
    push_checked(r, vaddr << 16 | low);
}

static COLD void enter_redo(LsRecorder *r, uint64_t site)
{
    r->current = word_of(site >> 16, LS_W_BLOCK);
    ls_record_push(r, word_of(site >> 16, LS_W_REDO));
}

/* Low bits of an access word.  In the access info the size is above the MMU
 * index, whose width changed in QEMU 10.2; "store" is bit 17.  One product
 * brings the size above that. */
static inline uint64_t low_bits(LsMemInfo info, uint64_t index,
                                unsigned size_bit)
{
    uint32_t fields = info & (UINT32_C(1) << 17 | UINT32_C(7) << size_bit);

    fields = fields * (1 + (UINT32_C(1) << (18 - size_bit))) >> 8;
    return index | (fields & (UINT32_C(7) << LS_ACCESS_SIZE_SHIFT |
                              LS_ACCESS_STORE));
}

/* The first access of an instruction that QEMU redoes in a block of its own. */
static COLD void mem_redo(LsRecorder *r, LsMemInfo info, uint64_t vaddr,
                          uint64_t site, unsigned size_bit)
{
    enter_redo(r, site);
    mem_slow(r, info, vaddr, low_bits(info, site - r->current, size_bit));
}

/* Whether the access lies in a page that the stream knows, so that its word is
 * all there is to say.  The last 64 bytes of a page are looked at more closely,
 * since no access is wider. */
static inline bool is_placed(const LsRecorder *r, uint64_t vaddr)
{
    return vaddr - r->page_base[vaddr >> 12 & (LS_PAGE_SLOTS - 1)] < 0xfc0;
}

/* An access of a block whose callback has run: no other way is known to QEMU
 * to enter a block of two or more instructions.  That callback has seen to room
 * for LS_BLOCK_WORDS, which is more than instructions without a rep prefix can
 * make.  Userdata is the instruction's index.  All calls are tail calls, so that
 * the fast path needs no stack frame. */
static inline __attribute__((always_inline)) void
mem(LsRecorder *r, LsMemInfo info, uint64_t vaddr, void *userdata,
    unsigned size_bit)
{
    uint64_t low = low_bits(info, (uint64_t)(uintptr_t)userdata, size_bit);

    if (UNLIKELY(!is_placed(r, vaddr))) {
        mem_slow(r, info, vaddr, low);
        return;
    }
    ls_record_push(r, vaddr << 16 | low);
}

/* Any access.  Userdata is the word of its block plus the instruction's index. */
static inline __attribute__((always_inline)) void
mem_careful(LsRecorder *r, LsMemInfo info, uint64_t vaddr, void *userdata,
            unsigned size_bit, bool check_log)
{
    uint64_t site = (uint64_t)(uintptr_t)userdata;
    uint64_t index = site - r->current;
    uint64_t low;

    if (check_log && UNLIKELY(*r->log)) {
        /* T1: QEMU 7.2 gives accesses of interrupt delivery to the last
         * instruction.  The event is logged before it touches memory. */
        r->strays++;
        return;
    }
    if (UNLIKELY(index >= LS_MAX_INSNS)) {
        mem_redo(r, info, vaddr, site, size_bit);
        return;
    }
    low = low_bits(info, index, size_bit);
    if (UNLIKELY(!is_placed(r, vaddr))) {
        mem_slow(r, info, vaddr, low);
        return;
    }
    push_checked(r, vaddr << 16 | low);
}

/* Callbacks for each way to find the recorder and place of the size. */
#define MEM_CALLBACK(name, recorder, size_bit)                             \
    static void name(unsigned vcpu, LsMemInfo info, uint64_t vaddr,        \
                     void *userdata)                                       \
    {                                                                      \
        (void)vcpu;                                                        \
        mem(recorder, info, vaddr, userdata, size_bit);                    \
    }
#define CAREFUL_CALLBACK(name, recorder, size_bit, check_log)              \
    static void name(unsigned vcpu, LsMemInfo info, uint64_t vaddr,        \
                     void *userdata)                                       \
    {                                                                      \
        (void)vcpu;                                                        \
        mem_careful(recorder, info, vaddr, userdata, size_bit, check_log); \
    }

MEM_CALLBACK(mem_solo_4, &solo, 4)
MEM_CALLBACK(mem_solo_5, &solo, 5)
MEM_CALLBACK(mem_self_4, self, 4)
MEM_CALLBACK(mem_self_5, self, 5)
CAREFUL_CALLBACK(careful_solo_v1, &solo, 4, true)
CAREFUL_CALLBACK(careful_solo_4, &solo, 4, false)
CAREFUL_CALLBACK(careful_solo_5, &solo, 5, false)
CAREFUL_CALLBACK(careful_self_v1, self, 4, true)
CAREFUL_CALLBACK(careful_self_4, self, 4, false)
CAREFUL_CALLBACK(careful_self_5, self, 5, false)

/* vmload and vmsave: the "virtual" address is a physical one. */
static void mem_phys(unsigned vcpu, LsMemInfo info, uint64_t vaddr,
                     void *userdata)
{
    LsRecorder *r = self;
    uint64_t site = (uint64_t)(uintptr_t)userdata;

    (void)vcpu;
    if (UNLIKELY(site - r->current >= LS_MAX_INSNS)) {
        enter_redo(r, site);
    }
    ls_record_push(r, LS_W_PHYS);
    push_checked(r, vaddr << 16 | low_bits(info, site - r->current,
                                           info_size_bit));
}

/* vCPU objects by index, filled in by ls_record_vcpu_init(). */
static void *vcpu_object[LS_MAX_VCPUS];

static unsigned vcpu_of(const void *cpu)
{
    for (unsigned i = 0; i < ls_capture.max_vcpus; i++) {
        if (vcpu_object[i] == cpu) {
            return i;
        }
    }
    abort(); /* QEMU runs a vCPU that it never announced */
}

/* Where blocks look when the vCPU's registers cannot be found: as if each ran
 * elsewhere than it was translated for, so that block_slow() takes it. */
static const uint8_t no_view[LS_VIEW_CR4 + 8];

static void set_view(LsRecorder *r, const uint8_t *eip)
{
    r->eip = eip;
    r->view = eip ? eip : no_view;
}

static COLD void switch_cpu(LsRecorder *r, unsigned vcpu, void *cpu)
{
    r->vcpu = vcpu;
    r->cpu = cpu;
    set_view(r, ls_view_eip(cpu));
    ls_record_push(r, word_of(vcpu, LS_W_VCPU));
    unmap_all(r);
    r->cr3 = ~r->cr3; /* told anew at the next look */
}

static COLD void change_cr3(LsRecorder *r)
{
    r->cr3 = ls_view_u64(r->eip, LS_VIEW_CR3);
    ls_record_push(r, LS_W_CR3);
    ls_record_push(r, r->cr3);
    unmap_all(r);
}

/* T5: the translation is shared by several virtual addresses of its page. */
static COLD uint64_t true_id(LsRecorder *r, uint64_t id)
{
    uint64_t delta = ls_view_u64(r->eip, 0) - ls_code_block((uint32_t)id)->eip;
    uint64_t key = delta >> 12 << LS_BLOCK_ID_BITS | id;
    unsigned slot = (unsigned)((key ^ key >> 28) & (LS_ALIAS_SLOTS - 1));

    if (delta & 0xfff) {
        return id; /* this QEMU does not keep eip while it chains blocks */
    }
    r->aliased++;
    if (r->alias_key[slot] != key) {
        r->alias_key[slot] = key;
        r->alias_id[slot] = ls_code_alias((uint32_t)id, delta);
    }
    return r->alias_id[slot];
}

/* How a callback knows the vCPU: there is one, current_cpu, or the index. */
enum { FLAVOUR_SOLO, FLAVOUR_SMP, FLAVOUR_INDEX };

/* A block before which something happened. */
static __attribute__((noinline)) void
block_slow(LsRecorder *r, unsigned vcpu, uint64_t u, unsigned flavour)
{
    uint64_t id = u & ID_MASK;

    if (!r) {
        ls_record_thread_start(vcpu); /* a second thread: it is refused */
        return;
    }
    r->current = word_of(id, LS_W_BLOCK);
    if (flavour == FLAVOUR_SMP && *r->cpu_slot != r->cpu) {
        switch_cpu(r, vcpu_of(*r->cpu_slot), *r->cpu_slot);
    }
    if (flavour == FLAVOUR_INDEX && vcpu != r->vcpu) {
        switch_cpu(r, vcpu, r->cpu_slot ? *r->cpu_slot : NULL);
    }
    if (*r->log) {
        ls_events_take(r);
    }
    if (r->eip) {
        if (ls_view_u64(r->eip, LS_VIEW_CR3) != r->cr3) {
            change_cr3(r);
        }
        if ((ls_view_u64(r->eip, 0) >> 12 & EIP_PAGE_MASK) !=
            u >> LS_BLOCK_ID_BITS) {
            id = true_id(r, id);
        }
    }
    push_checked(r, word_of(id, LS_W_BLOCK));
}

/* All calls are tail calls, so that the fast path needs no stack frame. */
static inline __attribute__((always_inline)) void
block(LsRecorder *r, unsigned vcpu, void *userdata, unsigned flavour)
{
    uint64_t u = (uint64_t)(uintptr_t)userdata;
    const uint8_t *view;

    if ((flavour == FLAVOUR_INDEX &&
         UNLIKELY(!r || vcpu != r->vcpu)) ||
        (flavour == FLAVOUR_SMP && UNLIKELY(*r->cpu_slot != r->cpu))) {
        block_slow(r, vcpu, u, flavour);
        return;
    }
    view = r->view;
    if (UNLIKELY(*r->log || ls_view_u64(view, LS_VIEW_CR3) != r->cr3 ||
                 (ls_view_u64(view, 0) << 16 ^ u) >> LS_BLOCK_ID_BITS)) {
        block_slow(r, vcpu, u, flavour);
        return;
    }
    u = word_of(u & ID_MASK, LS_W_BLOCK);
    r->current = u;
    push_checked(r, u);
}

#define BLOCK_CALLBACK(name, recorder, flavour)                            \
    static void name(unsigned vcpu, void *userdata)                        \
    {                                                                      \
        block(recorder, vcpu, userdata, flavour);                          \
    }

BLOCK_CALLBACK(block_solo, &solo, FLAVOUR_SOLO)
BLOCK_CALLBACK(block_smp, self, FLAVOUR_SMP)
BLOCK_CALLBACK(block_index, self, FLAVOUR_INDEX)

static void on_remap(unsigned vcpu, void *userdata)
{
    (void)vcpu;
    (void)userdata;
    unmap_all(self);
}

/* Before `out dx`: flush only for ports that can remap memory. */
static void on_out_dx(unsigned vcpu, void *userdata)
{
    LsRecorder *r = self;

    (void)vcpu;
    (void)userdata;
    if (!r->eip || ls_port_remaps((uint16_t)ls_view_u64(
                       r->eip, LS_VIEW_REGS + 2 * 8))) {
        unmap_all(r);
    }
}

static LsMemCb mem_callback; /* NULL: always careful_callback */
static LsMemCb careful_callback;
static LsBlockCb block_callback;

static void hook_insn(LsInsn *insn, unsigned class, uint64_t site, bool after,
                      bool alone)
{
    LsMemCb cb = mem_callback;
    uint64_t userdata = site - word_of(site >> 16, LS_W_BLOCK);

    /* QEMU redoes an instruction in a block of its own, without telling. */
    if (!cb || alone || class & (LS_INSN_REP | LS_INSN_PHYS)) {
        cb = class & LS_INSN_PHYS ? mem_phys : careful_callback;
        userdata = site;
    }
    if (after || class & (LS_INSN_REMAPS | LS_INSN_OUT_REMAPS)) {
        ls_api.on_insn(insn, on_remap, LS_CB_NO_REGS, NULL);
    } else if (class & LS_INSN_OUT_DX) {
        ls_api.on_insn(insn, on_out_dx, LS_CB_R_REGS, NULL);
    }
    ls_api.on_mem(insn, cb, LS_CB_NO_REGS, LS_MEM_RW,
                  (void *)(uintptr_t)userdata);
}

void ls_record_translate(LsTb *tb)
{
    LsRecorder *r;
    LsBlockDraft *draft;
    uint8_t class[LS_MAX_INSNS];
    size_t count = ls_api.tb_n_insns(tb);
    unsigned at = 0;
    uint64_t id, page;

    if (!self) {
        ls_record_thread_start(0); /* QEMU 7.2: its thread's first sign */
    }
    r = self;
    draft = &r->draft;

    if (count == 0 || count > LS_MAX_INSNS) {
        return; /* cannot happen: TCG_MAX_INSNS */
    }
    draft->vaddr = ls_api.tb_vaddr(tb);
    set_view(r, ls_view_at_translation(r->cpu_slot ? *r->cpu_slot : NULL,
                                       draft->vaddr));
    draft->flags = r->eip ? LS_BLOCK_MODE_KNOWN : 0;
    draft->hflags = r->eip ? ls_view_u32(r->eip, LS_VIEW_HFLAGS) &
                                LS_HF_BLOCK : 0;
    draft->eip = r->eip ? ls_view_u64(r->eip, 0) : draft->vaddr;
    draft->insn_count = (unsigned)count;
    for (unsigned i = 0; i < count; i++) {
        LsInsn *insn = ls_api.tb_get_insn(tb, i);
        unsigned len;

        draft->offset[i] = (uint16_t)at;
        len = ls_api_insn_bytes(insn, draft->bytes + at);
        class[i] = (uint8_t)ls_insn_class(
            draft->bytes + at, len, draft->hflags & LS_HF_CS64);
        at += len;
    }
    draft->offset[count] = (uint16_t)at;
    if (class[count - 1] & LS_INSN_REP) {
        draft->flags |= LS_BLOCK_LAST_REP;
    }
    id = ls_code_intern(draft);
    page = draft->eip >> 12 & EIP_PAGE_MASK;
    ls_api.on_block(tb, block_callback, LS_CB_NO_REGS,
                    (void *)(uintptr_t)(page << LS_BLOCK_ID_BITS | id));
    for (unsigned i = 0; i < count; i++) {
        hook_insn(ls_api.tb_get_insn(tb, i), class[i],
                  word_of(id, LS_W_BLOCK) + i,
                  i > 0 && class[i - 1] & LS_INSN_REMAPS, count == 1);
    }
}

static LsRecorder *new_recorder(void)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    LsRecorder *r = ls_capture.smp ? aligned_alloc(64, sizeof(*r)) : &solo;

    if (!r) {
        return NULL;
    }
    memset(r, 0, sizeof(*r));
    if (!ls_ring_open(&r->ring, ls_capture.smp ? LS_RING_WORDS_SMP
                                               : LS_RING_WORDS)) {
        return NULL;
    }
    r->turn = r->ring.words + r->ring.size;
    atomic_store(&r->head, r->ring.words);
    r->counted = r->ring.words;
    r->current = UINT64_MAX;
    ls_events_start(r);
    forget_pages(r);
    memset(r->page_virt, 0xff, sizeof(r->page_virt));
    memset(r->alias_key, 0xff, sizeof(r->alias_key));
    make_room(r);
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

void ls_record_remap(LsRecorder *r)
{
    forget_pages(r);
    memset(r->page_virt, 0xff, sizeof(r->page_virt));
    push_checked(r, LS_W_UNMAP);
}

void ls_record_gap(LsRecorder *r)
{
    ls_events_start(r); /* not what happened meanwhile */
    r->current = UINT64_MAX;
    unmap_all(r);
    ls_record_push(r, LS_W_GAP);
    push_checked(r, ls_now_ns());
}

void ls_record_thread_start(unsigned vcpu)
{
    LsRecorder *r = new_recorder();

    if (!r) {
        fputs("loadstore: no memory for another vCPU thread\n", stderr);
        exit(EXIT_FAILURE);
    }
    self = r;
    r->cpu_slot = ls_api.current_cpu ? ls_api.current_cpu() : NULL;
    r->vcpu = vcpu;
    r->cpu = r->cpu_slot ? *r->cpu_slot : NULL;
    ls_record_push(r, word_of(vcpu, LS_W_VCPU));
    if (ls_capture.late) {
        ls_record_gap(r);
    }
    ls_record_started(r);
}

void ls_record_vcpu_init(unsigned vcpu)
{
    if (ls_api.version == 1) {
        return; /* QEMU 7.2 calls this in the main thread */
    }
    if (!self) {
        ls_record_thread_start(vcpu);
    }
    if (vcpu < LS_MAX_VCPUS && self->cpu_slot) {
        vcpu_object[vcpu] = *self->cpu_slot;
    }
}

/* The queries are pure functions of the info word (plugins/api.c), so asking
 * about single bits tells where the fields are. */
static bool info_has_size_at(unsigned bit)
{
    for (LsMemInfo size = 0; size < 8; size++) {
        if (ls_api.mem_size_shift(size << bit) != size) {
            return false;
        }
    }
    return !ls_api.mem_size_shift((LsMemInfo)~(UINT32_C(7) << bit));
}

bool ls_record_choose_callbacks(void)
{
    bool v1 = ls_api.version == 1;

    info_size_bit = info_has_size_at(4) ? 4 : 5;
    if (!info_has_size_at(info_size_bit) ||
        !ls_api.mem_is_store(UINT32_C(2) << 16) ||
        ls_api.mem_is_store(~(UINT32_C(2) << 16))) {
        return false;
    }
    if (ls_capture.smp) {
        mem_callback = info_size_bit == 4 ? mem_self_4 : mem_self_5;
        careful_callback = v1 ? careful_self_v1
                              : info_size_bit == 4 ? careful_self_4
                                                   : careful_self_5;
        block_callback = v1 ? block_index : block_smp;
    } else {
        mem_callback = info_size_bit == 4 ? mem_solo_4 : mem_solo_5;
        careful_callback = v1 ? careful_solo_v1
                              : info_size_bit == 4 ? careful_solo_4
                                                   : careful_solo_5;
        block_callback = block_solo;
    }
    if (v1) {
        mem_callback = NULL; /* T1 */
    }
    return true;
}
