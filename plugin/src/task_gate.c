/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an interrupt or exception through a task gate accesses: SDM 3A 8.2 and 8.3, in
 * the order of QEMU (target/i386/tcg/seg_helper.c, switch_tss_ra).  Its versions make
 * some accesses more, of bytes that the manual does not name, whose values change
 * nothing: those are not told.
 *
 * This runs after the switch: the new TSS holds what was read of it, but for the link,
 * and its descriptor is busy.
 */
#include "delivery_work.h"

enum {
    WORDS = 10, /* E/IP, E/FLAGS, the general registers */
    FLAGS = 1,
    SP = 2 + 4,
};

/* Offsets in a TSS (SDM 3A figures 8-2 and 8-11). */
typedef struct {
    unsigned word_bytes;
    unsigned cr3, ip, es, segments, ldt, trap; /* 0: it has none */
    unsigned limit;
} TssForm;

static const TssForm forms[2] = {
    { .word_bytes = 2, .ip = 0x0e, .es = 0x22, .segments = 4, .ldt = 0x2a,
      .limit = 43 },
    { .word_bytes = 4, .cr3 = 0x1c, .ip = 0x20, .es = 0x48, .segments = 6,
      .ldt = 0x60, .trap = 0x64, .limit = 103 },
};

typedef struct {
    uint64_t cr3, ldt;
    uint64_t word[WORDS];
    uint64_t segment[6]; /* as LS_ES to LS_GS */
} TaskState;

static bool fail(LsWork *w)
{
    w->d->outcome = LS_NOT_WORKED_OUT;
    return false;
}

static uint64_t limit_of(const LsDescriptor *d)
{
    uint64_t limit = (d->low & 0xffff) | (d->high & 0xf0000);

    return d->high & 1 << 23 ? limit << 12 | 0xfff : limit;
}

static bool load_state(LsWork *w, const TssForm *form, uint64_t tss,
                       TaskState *state)
{
    uint64_t trap;

    *state = (TaskState){ .cr3 = w->cpu->paging.cr3 };
    if (form->cr3 && !ls_work_load(w, tss + form->cr3, 4, &state->cr3)) {
        return false;
    }
    for (unsigned i = 0; i < WORDS; i++) {
        if (!ls_work_load(w, tss + form->ip + i * form->word_bytes,
                          form->word_bytes, &state->word[i])) {
            return false;
        }
    }
    for (unsigned i = 0; i < form->segments; i++) {
        if (!ls_work_load(w, tss + form->es + i * form->word_bytes, 2,
                          &state->segment[i])) {
            return false;
        }
    }
    return ls_work_load(w, tss + form->ldt, 2, &state->ldt) &&
           (!form->trap || ls_work_load(w, tss + form->trap, 2, &trap));
}

/* Of the general registers only the stack pointer is known.  QEMU may set RF. */
static void save_state(LsWork *w, const TssForm *form, uint64_t tss,
                       const LsDeliveryCause *cause)
{
    const LsCpuDump *cpu = w->cpu;
    const struct {
        uint64_t value, known;
    } words[WORDS] = {
        { cpu->ip, cause->software ? 0 : UINT64_MAX },
        [FLAGS] = { cpu->flags, ~(uint64_t)LS_EFLAGS_RF },
        [SP] = { cpu->sp, UINT64_MAX },
    };

    for (unsigned i = 0; i < WORDS; i++) {
        ls_work_store(w, tss + form->ip + i * form->word_bytes,
                      form->word_bytes, words[i].value, words[i].known);
    }
    for (unsigned i = 0; i < form->segments; i++) {
        ls_work_store(w, tss + form->es + i * form->word_bytes, 2,
                      cpu->segment[LS_ES + i].selector, UINT64_MAX);
    }
}

/* The new task's LDT and segments; what its stack segment is. */
static bool load_segments(LsWork *w, const TaskState *state,
                          LsDescriptor *stack)
{
    static const unsigned order[] = { LS_CS, LS_SS, LS_ES, LS_DS, LS_FS,
                                      LS_GS };
    const LsCpuDump *before = w->cpu;
    LsCpuDump after = *before; /* its LDT is the new one */
    LsDescriptor d = { 0 };
    bool good = true;

    w->cpu = &after;
    if (state->ldt & 0xfffc) {
        good = !(state->ldt & 4) &&
               ls_work_descriptor(w, (unsigned)state->ldt, &d);
        after.segment[LS_LDT] = (LsSegment){
            .base = ls_descriptor_base(&d), .limit = (uint32_t)limit_of(&d),
        };
    }
    for (unsigned i = 0;
         good && i < 6 && !(state->word[FLAGS] & LS_EFLAGS_VM); i++) {
        unsigned selector = (unsigned)state->segment[order[i]];

        if (selector & 0xfffc) {
            good = ls_work_descriptor(w, selector, &d);
        } else {
            good = order[i] != LS_CS && order[i] != LS_SS;
        }
        if (order[i] == LS_SS) {
            *stack = d;
        }
    }
    w->cpu = before;
    return good;
}

/* Whether the accesses from this one on, which are made in the new task's address
 * space, are of the same memory in the old one, in which they are told. */
static bool are_in_both(const LsWork *w, unsigned from, uint64_t cr3)
{
    const LsPaging *old = &w->cpu->paging;
    LsPaging new = *old;
    LsWalk before, after;

    new.cr3 = cr3;
    for (unsigned i = from; i < w->d->count; i++) {
        const LsDeliveryAccess *a = &w->d->access[i];

        for (unsigned at = 0; at < a->bytes; at++) {
            if (!ls_walk(old, a->vaddr + at, &before) ||
                !ls_walk(&new, a->vaddr + at, &after) ||
                before.paddr != after.paddr) {
                return false;
            }
        }
    }
    return true;
}

void ls_work_task_gate(LsWork *w, const LsDeliveryCause *cause,
                       unsigned selector)
{
    const LsCpuDump *cpu = w->cpu;
    const LsSegment *old = &cpu->segment[LS_TR];
    const TssForm *from = &forms[!!(old->flags & DESC_TSS32)], *to;
    uint64_t tss, at = cpu->segment[LS_GDT].base + (selector & 0xfff8), word;
    LsDescriptor task, stack = { 0 };
    TaskState state;
    unsigned in_new;

    if (selector & 4 || !ls_work_descriptor(w, selector, &task)) {
        fail(w);
        return;
    }
    to = &forms[!!(task.high & DESC_TSS32)];
    tss = ls_descriptor_base(&task);
    if (task.high & DESC_S || (task.high >> DESC_TYPE_SHIFT & 5) != 1 ||
        !(task.high & DESC_PRESENT) || limit_of(&task) < to->limit ||
        !load_state(w, to, tss, &state)) {
        fail(w);
        return;
    }
    save_state(w, from, old->base, cause);
    ls_work_store(w, tss, 2, old->selector, UINT64_MAX);
    if (!ls_work_load(w, at + 4, 4, &word)) {
        return;
    }
    ls_work_store(w, at + 4, 4, word | DESC_BUSY, UINT64_MAX);
    in_new = w->d->count;
    if (!load_segments(w, &state, &stack)) {
        fail(w);
        return;
    }
    w->sp = state.word[SP];
    w->sp_mask = stack.high & DESC_BIG ? UINT32_MAX : 0xffff;
    w->base = ls_descriptor_base(&stack);
    if (state.word[FLAGS] & LS_EFLAGS_VM) {
        w->base = state.segment[LS_SS] << 4;
    }
    if (ls_delivery_has_error_code(cause)) {
        ls_work_push(w, to->word_bytes, cause->error, UINT64_MAX);
    }
    if (!are_in_both(w, in_new, state.cr3)) {
        fail(w);
        return;
    }
    w->d->ip = state.word[0];
    w->d->sp = w->sp & w->sp_mask;
    w->d->sp_mask = to->word_bytes == 4 ? w->sp_mask : 0xffff;
    w->d->sp &= w->d->sp_mask;
    w->d->cpl = state.word[FLAGS] & LS_EFLAGS_VM
                    ? 3 : (unsigned)state.segment[LS_CS] & 3;
}
