/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * THE hot file.  Rules: on the fast path nothing allocates, locks, formats,
 * calls the system or can fail.  A full ring makes the vCPU wait in
 * ls_make_room(); nothing is ever dropped.  Facts about QEMU that this relies on
 * are named T1 to T12 in docs/qemu-traps.md.
 */
#define _GNU_SOURCE
#include "record.h"

#include "audit.h"
#include "cpu_view.h"
#include "deliver.h"
#include "events.h"
#include "fault.h"
#include "guest_memory.h"
#include "insn_class.h"
#include "insn_hooks.h"
#include "nested.h"
#include "pages.h"
#include "push.h"
#include "real_mode.h"
#include "walker.h"

#include <stdlib.h>

/* What a block's word has of the address it was translated for. */
#define EIP_PAGE_MASK ((UINT64_C(1) << (64 - LS_WORD_PAGE_SHIFT)) - 1)

static unsigned info_size_bit; /* see low_bits() */

/* An access of whose pages the stream may not say all. */
static COLD void mem_tell(LsRecorder *r, LsMemInfo info, uint64_t vaddr,
                          uint64_t low)
{
    uint64_t virt = vaddr >> 12;
    uint64_t last = vaddr + ls_access_bytes(low) - 1;

    if (r->page_base[virt & (LS_PAGE_SLOTS - 1)] != virt << 12) {
        ls_pages_tell(r, info, vaddr, 0, low);
    }
    if (last >> 12 != virt) {
        ls_pages_tell(r, info, last & ~UINT64_C(0xfff), 1, low);
    }
    ls_pages_tell_device(r);
    if (ls_page_is_wide(vaddr)) {
        ls_push(r, LS_W_WIDE);
        ls_push(r, vaddr);
    }
    ls_push_checked(r, vaddr << 16 | low);
}

/* An access that the fast path could not place: most only because they are near the
 * end of their page. */
static COLD void mem_slow(LsRecorder *r, LsMemInfo info, uint64_t vaddr,
                          uint64_t low)
{
    uint64_t last = vaddr + ls_access_bytes(low) - 1;
    uint64_t base = r->page_base[vaddr >> 12 & (LS_PAGE_SLOTS - 1)];

    if (vaddr - base < 0x1000 && last - base < 0x1000) {
        ls_push_checked(r, vaddr << 16 | low);
        return;
    }
    mem_tell(r, info, vaddr, low);
}

/* Whether the running block is not the site's, or has a long id. */
static inline bool is_elsewhere(const LsRecorder *r, uint64_t site)
{
    return (site >> 16 << LS_WORD_ID_SHIFT | LS_WORD_BLOCK) !=
           (r->current & LS_WORD_BELOW_PAGE);
}

static COLD void see_to_redo(LsRecorder *r, uint64_t site)
{
    uint32_t id = ls_site_id(site);

    if (!ls_word_is_block(r->current) || ls_word_id(r->current) != id) {
        r->current = ls_word_of_block(id, 0);
        ls_push(r, ls_word(id, LS_W_REDO));
    }
}

/* The size's place in an access word.  In the access info it is above the MMU
 * index, whose width changed in QEMU 10.2. */
static inline uint64_t size_bits(LsMemInfo info, unsigned size_bit)
{
    return info >> (size_bit - LS_ACCESS_SIZE_SHIFT) &
           UINT32_C(7) << LS_ACCESS_SIZE_SHIFT;
}

/* What else there is in an access word; "store" is bit 17 of the info. */
static inline uint64_t low_bits(LsMemInfo info, uint64_t site, unsigned size_bit)
{
    return (site & LS_ACCESS_INDEX) | size_bits(info, size_bit) |
           (info >> 14 & LS_ACCESS_STORE);
}

/* The first access of an instruction that QEMU redoes in a block of its own. */
static COLD void mem_redo(LsRecorder *r, LsMemInfo info, uint64_t vaddr,
                          uint64_t site, unsigned size_bit)
{
    see_to_redo(r, site);
    mem_slow(r, info, vaddr, low_bits(info, site, size_bit));
}

/* An access of a block whose callback has run: no other way is known to QEMU
 * to enter a block of two or more instructions.  That callback has seen to room
 * for LS_BLOCK_WORDS, which is more than instructions without a rep prefix can
 * make.  Userdata is the instruction's index, where an access word has it, and
 * LS_ACCESS_STORE for stores, which have a callback of their own.  All calls are
 * tail calls, so that the fast path needs no stack frame. */
static inline __attribute__((always_inline)) void
mem(LsRecorder *r, LsMemInfo info, uint64_t vaddr, void *userdata,
    unsigned size_bit, bool store)
{
    uint64_t low = (uint64_t)(uintptr_t)userdata | size_bits(info, size_bit);

    if (UNLIKELY(!ls_page_is_placed(r, vaddr, store))) {
        mem_slow(r, info, vaddr, low);
        return;
    }
    ls_push(r, vaddr << 16 | low);
}

/* T1: QEMU 7.2 gives accesses of interrupt delivery to the last instruction.
 * They are kept to be compared with what the delivery is worked out to be. */
static COLD void mem_stray(LsRecorder *r, uint64_t vaddr, uint64_t low)
{
    if (r->stray_count < LS_MAX_STRAYS) {
        r->stray[r->stray_count] = vaddr << 16 | low;
    }
    r->stray_count++;
}

/* Any access.  Userdata is its ls_site(). */
static inline __attribute__((always_inline)) void
mem_careful(LsRecorder *r, LsMemInfo info, uint64_t vaddr, void *userdata,
            unsigned size_bit, bool check_log)
{
    uint64_t site = (uint64_t)(uintptr_t)userdata;
    uint64_t low;

    if (check_log && UNLIKELY(*r->log)) {
        /* The event is logged before it touches memory. */
        mem_stray(r, vaddr, low_bits(info, 0, size_bit));
        return;
    }
    if (UNLIKELY(is_elsewhere(r, site))) {
        mem_redo(r, info, vaddr, site, size_bit);
        return;
    }
    low = low_bits(info, site, size_bit);
    if (UNLIKELY(!ls_page_is_placed(r, vaddr, low & LS_ACCESS_STORE))) {
        mem_slow(r, info, vaddr, low);
        return;
    }
    ls_push_checked(r, vaddr << 16 | low);
}

/* Callbacks for each way to find the recorder and place of the size. */
#define MEM_CALLBACK(name, recorder, size_bit, store)                      \
    static void name(unsigned vcpu, LsMemInfo info, uint64_t vaddr,        \
                     void *userdata)                                       \
    {                                                                      \
        (void)vcpu;                                                        \
        mem(recorder, info, vaddr, userdata, size_bit, store);             \
    }
#define CAREFUL_CALLBACK(name, recorder, size_bit, check_log)              \
    static void name(unsigned vcpu, LsMemInfo info, uint64_t vaddr,        \
                     void *userdata)                                       \
    {                                                                      \
        (void)vcpu;                                                        \
        mem_careful(recorder, info, vaddr, userdata, size_bit, check_log); \
    }

MEM_CALLBACK(load_solo_4, &ls_solo, 4, false)
MEM_CALLBACK(load_solo_5, &ls_solo, 5, false)
MEM_CALLBACK(load_self_4, ls_self, 4, false)
MEM_CALLBACK(load_self_5, ls_self, 5, false)
MEM_CALLBACK(store_solo_4, &ls_solo, 4, true)
MEM_CALLBACK(store_solo_5, &ls_solo, 5, true)
MEM_CALLBACK(store_self_4, ls_self, 4, true)
MEM_CALLBACK(store_self_5, ls_self, 5, true)
CAREFUL_CALLBACK(careful_solo_v1, &ls_solo, 4, true)
CAREFUL_CALLBACK(careful_solo_4, &ls_solo, 4, false)
CAREFUL_CALLBACK(careful_solo_5, &ls_solo, 5, false)
CAREFUL_CALLBACK(careful_self_v1, ls_self, 4, true)
CAREFUL_CALLBACK(careful_self_4, ls_self, 4, false)
CAREFUL_CALLBACK(careful_self_5, ls_self, 5, false)

/* vmrun, vmload and vmsave: the "virtual" address is a physical one. */
static void mem_phys(unsigned vcpu, LsMemInfo info, uint64_t vaddr,
                     void *userdata)
{
    LsRecorder *r = ls_self;
    uint64_t site = (uint64_t)(uintptr_t)userdata;

    (void)vcpu;
    if (is_elsewhere(r, site)) {
        see_to_redo(r, site);
    }
    ls_nested_accessed(r, vaddr, ls_api.mem_is_store(info));
    ls_push(r, LS_W_PHYS);
    ls_push_checked(r, vaddr << 16 | low_bits(info, site, info_size_bit));
    if (ls_api.mem_is_store(info) && ls_audit_is_on()) {
        ls_audit_store(ls_guest_told_page(vaddr >> 12), vaddr & 4095,
                       1u << ls_api.mem_size_shift(info));
    }
}

/* For the memory audit: any access, then what a store did to RAM. */
static void mem_audited(unsigned vcpu, LsMemInfo info, uint64_t vaddr,
                        void *userdata)
{
    LsRecorder *r = ls_self;
    uint64_t bytes = UINT64_C(1) << ls_api.mem_size_shift(info);

    (void)vcpu;
    /* Asked once: other threads write to the log, too. */
    if (ls_api.version == 1 && ls_events_take_traces(r)) {
        mem_stray(r, vaddr, low_bits(info, 0, info_size_bit));
        return;
    }
    mem_careful(r, info, vaddr, userdata, info_size_bit, false);
    for (uint64_t at = vaddr; bytes && ls_api.mem_is_store(info);) {
        uint64_t some = 4096 - (at & 4095) < bytes ? 4096 - (at & 4095) : bytes;
        unsigned slot = at >> 12 & (LS_PAGE_SLOTS - 1);

        if (r->page_virt[slot] == at >> 12 && ls_audit_is_on()) {
            ls_audit_store(r->page_phys[slot] & LS_MAP_PAGE,
                           (unsigned)(at & 4095), (unsigned)some);
        }
        at += some;
        bytes -= some;
    }
}

/* vCPU objects by index, filled in by ls_record_vcpu_init(). */
static void *vcpu_object[LS_MAX_VCPUS];

void *ls_record_vcpu_object(unsigned vcpu)
{
    if (!vcpu_object[vcpu] && ls_api.get_cpu) { /* QEMU 7.2 */
        vcpu_object[vcpu] = ls_api.get_cpu((int)vcpu);
    }
    return vcpu_object[vcpu];
}

static unsigned vcpu_of(const void *cpu)
{
    for (unsigned i = 0; i < ls_capture.max_vcpus; i++) {
        if (vcpu_object[i] == cpu) {
            return i;
        }
    }
    abort(); /* QEMU runs a vCPU that it never announced */
}

static COLD void switch_cpu(LsRecorder *r, unsigned vcpu, void *cpu)
{
    ls_nested_look(r); /* what happened to the other vCPU */
    r->vcpu = vcpu;
    r->cpu = cpu;
    ls_set_view(r, ls_view_eip(cpu));
    ls_push(r, ls_word(vcpu, LS_W_VCPU));
    ls_pages_unmap(r);
    r->cr3 = ~r->cr3; /* told anew at the next look */
}

void ls_record_switch(LsRecorder *r, unsigned vcpu)
{
    switch_cpu(r, vcpu, ls_record_vcpu_object(vcpu));
}

COLD void ls_record_cr3(LsRecorder *r)
{
    r->cr3 = ls_view_u64(r->eip, LS_VIEW_CR3);
    ls_push(r, LS_W_CR3);
    ls_push(r, r->cr3);
    ls_pages_unmap(r);
    ls_walker_enter(r);
}

/* T5: the translation is shared by several virtual addresses of its page. */
static COLD uint32_t true_id(LsRecorder *r, uint32_t id)
{
    uint64_t eip = ls_view_u64(r->eip, 0), delta;
    LsAlias *alias = &r->alias[(eip >> 12 ^ id) & (LS_ALIAS_SLOTS - 1)];

    if (LIKELY(alias->eip == eip && alias->block == id)) {
        r->aliased++;
        return alias->id;
    }
    delta = eip - ls_code_block(id)->eip;
    if (delta & 0xfff) {
        return id; /* this QEMU does not keep eip while it chains blocks */
    }
    r->aliased++;
    *alias = (LsAlias){ .eip = eip, .block = id,
                        .id = ls_code_alias(id, delta) };
    return alias->id;
}

/* How a callback knows the vCPU: there is one, current_cpu, or the index. */
enum { FLAVOUR_SOLO, FLAVOUR_SMP, FLAVOUR_INDEX };

/* A block before which something happened; `word` is its userdata. */
static __attribute__((noinline)) void
block_slow(LsRecorder *r, unsigned vcpu, uint64_t word, unsigned flavour)
{
    uint32_t id = ls_word_id(word);

    if (!r) {
        ls_record_thread_start(vcpu); /* a second thread: it is refused */
        return;
    }
    if (r->kept_log) {
        ls_insn_settle(r);
    }
    r->current = word;
    if (*r->log) {
        ls_events_take(r); /* of any vCPU, before this one runs */
    }
    if (flavour == FLAVOUR_SMP && *r->cpu_slot != r->cpu) {
        switch_cpu(r, vcpu_of(*r->cpu_slot), *r->cpu_slot);
    }
    if (flavour == FLAVOUR_INDEX && vcpu != r->vcpu) {
        switch_cpu(r, vcpu, r->cpu_slot ? *r->cpu_slot : NULL);
    }
    ls_nested_look(r);
    /* Not found before this thread began, perhaps since; or looked at closely. */
    ls_set_view(r, r->eip ? r->eip : ls_view_eip(r->cpu));
    if (r->eip) {
        if (ls_view_u64(r->eip, LS_VIEW_CR3) != r->cr3) {
            ls_record_cr3(r);
        }
        if (((ls_view_u64(r->eip, 0) ^ ls_code_block(id)->eip) >> 12 &
             EIP_PAGE_MASK) != 0) {
            word = ls_word_of_block(true_id(r, id), 0);
        }
    }
    if (ls_audit_is_due()) {
        ls_deliver_walks(r);
        ls_audit_compare(r);
    }
    ls_push_checked(r, word);
}

/* All calls are tail calls, so that the fast path needs no stack frame. */
static inline __attribute__((always_inline)) void
block(LsRecorder *r, unsigned vcpu, void *userdata, unsigned flavour)
{
    uint64_t word = (uint64_t)(uintptr_t)userdata;
    const uint8_t *view;

    if ((flavour == FLAVOUR_INDEX &&
         UNLIKELY(!r || vcpu != r->vcpu)) ||
        (flavour == FLAVOUR_SMP && UNLIKELY(*r->cpu_slot != r->cpu))) {
        block_slow(r, vcpu, word, flavour);
        return;
    }
    view = r->view;
    if (UNLIKELY(*r->log || ls_view_u64(view, LS_VIEW_CR3) != r->cr3 ||
                 (ls_view_u64(view, 0) << 16 ^ word) >> LS_WORD_PAGE_SHIFT)) {
        block_slow(r, vcpu, word, flavour);
        return;
    }
    r->current = word;
    ls_push_checked(r, word);
}

#define BLOCK_CALLBACK(name, recorder, flavour)                            \
    static void name(unsigned vcpu, void *userdata)                        \
    {                                                                      \
        block(recorder, vcpu, userdata, flavour);                          \
    }

/* Of the callbacks that were chosen. */
static unsigned block_flavour;

BLOCK_CALLBACK(block_solo, &ls_solo, FLAVOUR_SOLO)
BLOCK_CALLBACK(block_smp, ls_self, FLAVOUR_SMP)
BLOCK_CALLBACK(block_index, ls_self, FLAVOUR_INDEX)

static LsMemCb load_callback; /* NULL: always careful_callback */
static LsMemCb store_callback;
static LsMemCb careful_callback;
static LsBlockCb block_callback;

/* For the memory audit: any block, and a mark when one is due.  Between blocks no
 * store is made that was not reported. */
static void block_audited(unsigned vcpu, void *userdata)
{
    static unsigned count;

    if (++count % 4096 == 0 && ls_self && ls_audit_is_due()) {
        block_slow(ls_self, vcpu, (uint64_t)(uintptr_t)userdata, block_flavour);
    } else {
        block(ls_self, vcpu, userdata, block_flavour);
    }
}

/* A block of real mode: QEMU may have left the one before without a word. */
static void block_real(unsigned vcpu, void *userdata)
{
    LsRecorder *r = ls_self;
    uint64_t word = (uint64_t)(uintptr_t)userdata;
    bool same = r && (block_flavour == FLAVOUR_INDEX
                          ? vcpu == r->vcpu
                          : !r->cpu_slot || *r->cpu_slot == r->cpu);

    if (same) {
        ls_real_mode_arrive(r, ls_word_id(word));
    }
    block_slow(r, vcpu, word, block_flavour);
}

/* Blocks whose word has no address. */
static void block_far(unsigned vcpu, void *userdata)
{
    block_slow(ls_self, vcpu, (uint64_t)(uintptr_t)userdata, block_flavour);
}

/* Blocks of a nested guest. */
static void block_nested(unsigned vcpu, void *userdata)
{
    block_slow(ls_self, vcpu, (uint64_t)(uintptr_t)userdata, block_flavour);
    ls_nested_enter(ls_self);
}

static void block_nested_real(unsigned vcpu, void *userdata)
{
    block_real(vcpu, userdata);
    ls_nested_enter(ls_self);
}

/* The callback for a block of this mode. */
static LsBlockCb callback_for(const LsBlockDraft *draft, bool nested, bool far)
{
    if (draft->flags & LS_BLOCK_MODE_KNOWN && !(draft->hflags & LS_HF_PE)) {
        return nested ? block_nested_real : block_real;
    }
    return nested ? block_nested : far ? block_far : block_callback;
}

static void on_mem(LsInsn *insn, LsMemCb cb, int which, uint64_t userdata)
{
    ls_api.on_mem(insn, cb, LS_CB_NO_REGS, which, (void *)(uintptr_t)userdata);
}

static void hook_insn(LsInsn *insn, unsigned class, uint64_t site, bool alone)
{
    uint64_t index = site & LS_ACCESS_INDEX;

    /* T1: QEMU 7.2 may give another instruction's accesses to this one. */
    if (class & LS_INSN_NO_MEMORY && ls_api.version > 1) {
        return;
    }
    if (class & LS_INSN_PHYS) {
        on_mem(insn, mem_phys, LS_MEM_RW, site);
    } else if (!load_callback || alone || class & LS_INSN_REP) {
        /* QEMU redoes an instruction in a block of its own, without telling. */
        on_mem(insn, careful_callback, LS_MEM_RW, site);
    } else {
        on_mem(insn, load_callback, LS_MEM_R, index);
        on_mem(insn, store_callback, LS_MEM_W, index | LS_ACCESS_STORE);
    }
}

void ls_record_translate(LsTb *tb)
{
    LsRecorder *r;
    LsBlockDraft *draft;
    uint8_t class[LS_MAX_INSNS];
    size_t count = ls_api.tb_n_insns(tb);
    unsigned at = 0;
    uint64_t word;
    uint32_t id;
    const uint8_t *eip;
    const void *cpu;

    if (!ls_self) {
        ls_record_thread_start(0); /* QEMU 7.2: its thread's first sign */
    }
    r = ls_self;
    if (ls_capture.audit && !ls_audit_is_on()) {
        ls_capture.audit = ls_audit_begin(); /* before the first block */
    }
    draft = &r->draft;

    if (count == 0 || count > LS_MAX_INSNS) {
        return; /* cannot happen: TCG_MAX_INSNS */
    }
    draft->vaddr = ls_api.tb_vaddr(tb);
    cpu = r->cpu_slot ? *r->cpu_slot : NULL;
    eip = ls_view_at_translation(cpu, draft->vaddr);
    if (cpu == r->cpu && eip != r->eip) {
        ls_set_view(r, eip); /* else with the block, when the vCPU is switched */
    }
    draft->flags = eip ? LS_BLOCK_MODE_KNOWN : 0;
    draft->hflags = eip ? ls_view_u32(eip, LS_VIEW_HFLAGS) & LS_HF_BLOCK : 0;
    draft->eip = eip ? ls_view_u64(eip, 0) : draft->vaddr;
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
    word = ls_word_of_block(id, draft->eip >> 12);
    ls_api.on_block(tb, callback_for(draft, eip && ls_view_u32(
                                         eip, LS_VIEW_HFLAGS) & LS_HF_GUEST,
                                     id >= LS_NEAR_IDS),
                    LS_CB_NO_REGS, (void *)(uintptr_t)word);
    for (unsigned i = 0; i < count; i++) {
        LsInsn *insn = ls_api.tb_get_insn(tb, i);

        ls_hook_insn_events(insn, draft, i, class[i],
                            i > 0 ? class[i - 1] : 0);
        hook_insn(insn, class[i], ls_site(id, i), count == 1);
    }
}

void ls_record_vcpu_init(unsigned vcpu)
{
    if (ls_api.version == 1) {
        return; /* QEMU 7.2 calls this in the main thread */
    }
    if (!ls_self) {
        ls_record_thread_start(vcpu);
    }
    if (vcpu < LS_MAX_VCPUS && ls_self->cpu_slot) {
        vcpu_object[vcpu] = *ls_self->cpu_slot;
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
        load_callback = info_size_bit == 4 ? load_self_4 : load_self_5;
        store_callback = info_size_bit == 4 ? store_self_4 : store_self_5;
        careful_callback = v1 ? careful_self_v1
                              : info_size_bit == 4 ? careful_self_4
                                                   : careful_self_5;
        block_callback = v1 ? block_index : block_smp;
        block_flavour = v1 ? FLAVOUR_INDEX : FLAVOUR_SMP;
    } else {
        load_callback = info_size_bit == 4 ? load_solo_4 : load_solo_5;
        store_callback = info_size_bit == 4 ? store_solo_4 : store_solo_5;
        careful_callback = v1 ? careful_solo_v1
                              : info_size_bit == 4 ? careful_solo_4
                                                   : careful_solo_5;
        block_callback = block_solo;
        block_flavour = FLAVOUR_SOLO;
    }
    if (ls_api.version < 3) {
        load_callback = NULL; /* T1, T3 */
    }
    if (ls_capture.audit) {
        load_callback = NULL;
        careful_callback = mem_audited;
        block_callback = block_audited;
    }
    if (ls_fault_chosen()) {
        load_callback = NULL;
        careful_callback = ls_fault_before(careful_callback);
    }
    return true;
}
