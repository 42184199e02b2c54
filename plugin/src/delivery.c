/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Works out what event delivery accesses (see delivery.h). */
#include "delivery_work.h"

#include <string.h>

enum {
    GATE_TASK = 5,
    GATE_INT16 = 6,
    GATE_TRAP16 = 7,
    GATE_INT32 = 14,
    GATE_TRAP32 = 15,
};

static LsDeliveryAccess *add(LsWork *w, uint64_t vaddr, unsigned bytes)
{
    LsDeliveryAccess *a = &w->d->access[w->d->count++];

    if (!w->cpu->paging.long_mode) {
        vaddr &= UINT32_MAX;
    }
    *a = (LsDeliveryAccess){ .vaddr = vaddr, .bytes = (uint8_t)bytes };
    return a;
}

bool ls_work_load(LsWork *w, uint64_t vaddr, unsigned bytes, uint64_t *value)
{
    LsDeliveryAccess *a = add(w, vaddr, bytes);

    if (ls_read_linear(&w->cpu->paging, a->vaddr, bytes, value)) {
        return true;
    }
    w->d->outcome = LS_NOT_WORKED_OUT;
    return false;
}

void ls_work_store(LsWork *w, uint64_t vaddr, unsigned bytes, uint64_t value,
                   uint64_t known)
{
    LsDeliveryAccess *a = add(w, vaddr, bytes);

    a->store = true;
    a->value = value;
    a->known = bytes == 8 ? known : known & ((UINT64_C(1) << bytes * 8) - 1);
}

void ls_work_push(LsWork *w, unsigned bytes, uint64_t value, uint64_t known)
{
    w->sp -= bytes;
    ls_work_store(w, w->base + (w->sp & w->sp_mask), bytes, value, known);
}

static void push(LsWork *w, unsigned bytes, uint64_t value)
{
    ls_work_push(w, bytes, value, UINT64_MAX);
}

static bool refuse(LsWork *w)
{
    w->d->outcome = LS_REFUSED;
    return false;
}

/* load_segment() of seg_helper.c. */
bool ls_work_descriptor(LsWork *w, unsigned selector, LsDescriptor *to)
{
    const LsSegment *table = &w->cpu->segment[selector & 4 ? LS_LDT : LS_GDT];
    uint64_t at = selector & 0xfff8;

    return at + 7 > table->limit
               ? refuse(w)
               : ls_work_load(w, table->base + at, 4, &to->low) &&
                     ls_work_load(w, table->base + at + 4, 4, &to->high);
}

static unsigned dpl_of(uint64_t high)
{
    return high >> DESC_DPL_SHIFT & 3;
}

/* Reads the code segment that the gate names; the new CPL, or -1. */
static int enter_code_segment(LsWork *w, unsigned selector, bool long_mode,
                              LsDescriptor *code)
{
    if (!(selector & 0xfffc)) {
        refuse(w);
        return -1;
    }
    if (!ls_work_descriptor(w, selector, code)) {
        return -1;
    }
    if (!(code->high & DESC_S) || !(code->high & DESC_CODE) ||
        dpl_of(code->high) > w->cpu->cpl || !(code->high & DESC_PRESENT) ||
        (long_mode && (!(code->high & DESC_LONG) || code->high & DESC_BIG))) {
        refuse(w);
        return -1;
    }
    return (int)(code->high & DESC_CONFORMING ? w->cpu->cpl
                                              : dpl_of(code->high));
}

bool ls_delivery_has_error_code(const LsDeliveryCause *cause)
{
    static const uint32_t vectors = 1 << 8 | 1 << 10 | 1 << 11 | 1 << 12 |
                                    1 << 13 | 1 << 14 | 1 << 17;

    return !cause->software && !cause->outside && cause->vector < 32 &&
           vectors >> cause->vector & 1;
}

/* Flags, CS, IP and the error code.  A software interrupt returns behind its
 * instruction; QEMU 10 sets RF where older ones do not. */
static void push_return(LsWork *w, unsigned bytes, const LsDeliveryCause *cause)
{
    const LsCpuDump *cpu = w->cpu;

    ls_work_push(w, bytes, cpu->flags, ~(uint64_t)LS_EFLAGS_RF);
    push(w, bytes, cpu->segment[LS_CS].selector);
    ls_work_push(w, bytes, cpu->ip, cause->software ? 0 : UINT64_MAX);
    if (ls_delivery_has_error_code(cause)) {
        push(w, bytes, cause->error);
    }
}

static void plan_long(LsWork *w, const LsDeliveryCause *cause)
{
    const LsSegment *idt = &w->cpu->segment[LS_IDT];
    const LsSegment *tr = &w->cpu->segment[LS_TR];
    uint64_t gate = idt->base + cause->vector * 16, e1, e2, e3, sp;
    LsDescriptor code;
    unsigned type, ist;
    int cpl;

    if (cause->vector * 16 + 15 > idt->limit) {
        refuse(w);
        return;
    }
    if (!ls_work_load(w, gate, 4, &e1) || !ls_work_load(w, gate + 4, 4, &e2) ||
        !ls_work_load(w, gate + 8, 4, &e3)) {
        return;
    }
    type = e2 >> DESC_TYPE_SHIFT & 0x1f;
    if ((type != GATE_INT32 && type != GATE_TRAP32) ||
        (cause->software && dpl_of(e2) < w->cpu->cpl) ||
        !(e2 & DESC_PRESENT)) {
        refuse(w);
        return;
    }
    cpl = enter_code_segment(w, (unsigned)(e1 >> 16), true, &code);
    if (cpl < 0) {
        return;
    }
    ist = e2 & 7;
    sp = w->cpu->sp;
    if ((unsigned)cpl < w->cpu->cpl || ist) {
        unsigned slot = 8 * (ist ? ist + 3 : (unsigned)cpl) + 4;

        if (slot + 7 > tr->limit) {
            refuse(w);
            return;
        }
        if (!ls_work_load(w, tr->base + slot, 8, &sp)) {
            return;
        }
    }
    w->sp = sp & ~UINT64_C(0xf);
    w->sp_mask = UINT64_MAX;
    push(w, 8, w->cpu->segment[LS_SS].selector);
    push(w, 8, w->cpu->sp);
    push_return(w, 8, cause);
    w->d->ip = e3 << 32 | (e2 & 0xffff0000) | (e1 & 0xffff);
    w->d->sp = w->sp;
    w->d->sp_mask = UINT64_MAX;
    w->d->cpl = w->d->level = (unsigned)cpl;
}

/* get_ss_esp_from_tss() and what is checked of the new stack. */
static bool enter_stack(LsWork *w, unsigned cpl)
{
    const LsSegment *tr = &w->cpu->segment[LS_TR];
    unsigned wide = tr->flags >> (DESC_TYPE_SHIFT + 3) & 1;
    unsigned slot = (cpl * 4 + 2) << wide;
    uint64_t sp, ss;
    LsDescriptor stack;

    if (slot + (4u << wide) - 1 > tr->limit) {
        return refuse(w);
    }
    if (!ls_work_load(w, tr->base + slot, 2u << wide, &sp) ||
        !ls_work_load(w, tr->base + slot + (2u << wide), 2, &ss)) {
        return false;
    }
    if (!(ss & 0xfffc) || (ss & 3) != cpl) {
        return refuse(w);
    }
    if (!ls_work_descriptor(w, (unsigned)ss, &stack)) {
        return false;
    }
    if (dpl_of(stack.high) != cpl || !(stack.high & DESC_S) ||
        stack.high & DESC_CODE || !(stack.high & DESC_WRITABLE) ||
        !(stack.high & DESC_PRESENT)) {
        return refuse(w);
    }
    w->sp = sp;
    w->sp_mask = stack.high & DESC_BIG ? UINT32_MAX : 0xffff;
    w->base = ls_descriptor_base(&stack);
    return true;
}

static void plan_protected(LsWork *w, const LsDeliveryCause *cause)
{
    const LsCpuDump *cpu = w->cpu;
    const LsSegment *idt = &cpu->segment[LS_IDT];
    bool vm86 = cpu->flags & LS_EFLAGS_VM;
    uint64_t gate = idt->base + cause->vector * 8, e1, e2;
    LsDescriptor code;
    unsigned type, bytes;
    int cpl;

    if (cause->vector * 8 + 7 > idt->limit) {
        refuse(w);
        return;
    }
    if (!ls_work_load(w, gate, 4, &e1) || !ls_work_load(w, gate + 4, 4, &e2)) {
        return;
    }
    type = e2 >> DESC_TYPE_SHIFT & 0x1f;
    if ((type != GATE_TASK && type != GATE_INT16 && type != GATE_TRAP16 && type != GATE_INT32 &&
         type != GATE_TRAP32) ||
        (cause->software && dpl_of(e2) < cpu->cpl) || !(e2 & DESC_PRESENT)) {
        refuse(w);
        return;
    }
    if (type == GATE_TASK) {
        ls_work_task_gate(w, cause, (unsigned)(e1 >> 16));
        return;
    }
    cpl = enter_code_segment(w, (unsigned)(e1 >> 16), false, &code);
    if (cpl < 0) {
        return;
    }
    bytes = type & 8 ? 4 : 2;
    if ((unsigned)cpl < cpu->cpl) {
        if (!enter_stack(w, (unsigned)cpl)) {
            return;
        }
        if (vm86) {
            push(w, bytes, cpu->segment[LS_GS].selector);
            push(w, bytes, cpu->segment[LS_FS].selector);
            push(w, bytes, cpu->segment[LS_DS].selector);
            push(w, bytes, cpu->segment[LS_ES].selector);
        }
        push(w, bytes, cpu->segment[LS_SS].selector);
        push(w, bytes, cpu->sp);
    } else if (vm86) {
        refuse(w);
        return;
    } else {
        w->sp = cpu->sp;
        w->base = cpu->segment[LS_SS].base;
        w->sp_mask = cpu->segment[LS_SS].flags & DESC_BIG ? UINT32_MAX
                                                          : 0xffff;
    }
    push_return(w, bytes, cause);
    w->d->ip = (e2 & 0xffff0000) | (e1 & 0xffff);
    w->d->sp = w->sp & w->sp_mask;
    w->d->sp_mask = w->sp_mask;
    w->d->cpl = w->d->level = (unsigned)cpl;
}

void ls_delivery_plan(LsDelivery *d, const LsCpuDump *cpu,
                      const LsDeliveryCause *cause)
{
    LsWork w = { .d = d, .cpu = cpu };

    memset(d, 0, sizeof(*d));
    if (cpu->paging.long_mode) {
        plan_long(&w, cause);
    } else {
        plan_protected(&w, cause);
    }
}

void ls_delivery_plan_real(LsDelivery *d, const LsCpuDump *cpu,
                           unsigned vector)
{
    LsWork w = { .d = d, .cpu = cpu, .sp_mask = 0xffff,
               .base = cpu->segment[LS_SS].base, .sp = cpu->sp + 6 };
    uint64_t gate = cpu->segment[LS_IDT].base + vector * 4, ip, cs;

    memset(d, 0, sizeof(*d));
    if (!ls_work_load(&w, gate, 2, &ip) || !ls_work_load(&w, gate + 2, 2, &cs)) {
        return;
    }
    for (unsigned i = 0; i < 3; i++) { /* flags, CS, IP: known to memory only */
        ls_work_push(&w, 2, 0, 0);
    }
    d->ip = ip;
    d->sp = w.sp & 0xffff;
    d->sp_mask = 0xffff;
}

bool ls_delivery_is_complete(const LsDelivery *d, const LsCpuDump *after)
{
    return d->outcome == LS_DELIVERED && after->ip == d->ip &&
           !((after->sp ^ d->sp) & d->sp_mask) && after->cpl == d->cpl;
}

int ls_delivery_faulted_at(const LsDelivery *d, uint64_t fault)
{
    for (unsigned i = 0; i < d->count; i++) {
        if (fault - d->access[i].vaddr < d->access[i].bytes) {
            return (int)i;
        }
    }
    return -1;
}

bool ls_delivery_agrees(const LsDelivery *d, const LsCpuDump *cpu,
                        unsigned count)
{
    uint64_t value;

    for (unsigned i = 0; i < count; i++) {
        const LsDeliveryAccess *a = &d->access[i];

        if (a->store &&
            (!ls_read_linear(&cpu->paging, a->vaddr, a->bytes, &value) ||
             (value ^ a->value) & a->known)) {
            return false;
        }
    }
    return true;
}
