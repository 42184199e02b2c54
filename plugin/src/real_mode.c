/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exceptions in real mode (see real_mode.h). */
#include "real_mode.h"

#include "cpu_view.h"
#include "deliver.h"
#include "events.h"
#include "insn_class.h"
#include "insn_hooks.h"
#include "words.h"

enum { FLAG_TF = 1 << 8, FLAG_IF = 1 << 9, FLAGS_FIXED = 0x802a, FLAGS_ONE = 2 };
enum { VECTOR_DEBUG = 1, VECTOR_NMI = 2 };

/* What lies on the stack, as if an exception had just been delivered. */
typedef struct {
    uint16_t ip, cs, flags;
} Frame;

/* Faults that leave the address of their instruction (SDM 3A table 6-1). */
static const uint8_t faults[] = { 0, 1, 5, 6, 7, 8, 12, 13, 16, 19 };

static bool read_frame(const LsCpuDump *cpu, Frame *frame)
{
    uint64_t stack = cpu->segment[LS_SS].base, ip, cs, flags;
    uint64_t sp = cpu->sp;

    if (cpu->flags & (FLAG_TF | FLAG_IF) ||
        !ls_read_linear(&cpu->paging, stack + (sp & 0xffff), 2, &ip) ||
        !ls_read_linear(&cpu->paging, stack + ((sp + 2) & 0xffff), 2, &cs) ||
        !ls_read_linear(&cpu->paging, stack + ((sp + 4) & 0xffff), 2, &flags)) {
        return false;
    }
    *frame = (Frame){ (uint16_t)ip, (uint16_t)cs, (uint16_t)flags };
    return (flags & FLAGS_FIXED) == FLAGS_ONE;
}

static uint64_t code_base(const LsBlock *code)
{
    return (code->vaddr - code->eip) & UINT32_MAX;
}

/* Out of reset CS has a base of its own until it is loaded (SDM 3A 9.1.4). */
static bool is_base_of(uint64_t base, uint16_t selector)
{
    return base == (uint64_t)selector << 4 ||
           (base == 0xffff0000 && selector == 0xf000);
}

/* Whether the vector leads to this block. */
static bool leads_to(const LsCpuDump *cpu, unsigned vector, const LsBlock *to)
{
    uint64_t gate = cpu->segment[LS_IDT].base + vector * 4, ip, cs;

    return ls_read_linear(&cpu->paging, gate, 2, &ip) &&
           ls_read_linear(&cpu->paging, gate + 2, 2, &cs) && ip == to->eip &&
           is_base_of(code_base(to), (uint16_t)cs);
}

/* The vector of the fault of instruction `index` that led here; -1: none, or it
 * cannot be told from another. */
static int find_fault(const LsCpuDump *cpu, const LsBlock *from, int index,
                      const LsBlock *to)
{
    unsigned length = from->offset[index + 1] - from->offset[index];
    uint32_t possible = ls_insn_faults(from->bytes + from->offset[index],
                                       length);
    int found = -1;

    for (unsigned i = 0; i < sizeof(faults); i++) {
        if (possible >> faults[i] & 1 && leads_to(cpu, faults[i], to)) {
            if (found >= 0) {
                return -1;
            }
            found = faults[i];
        }
    }
    return found;
}

/* Whether the block may go on at this address by itself. */
static bool may_go_on(const LsBlock *code, uint64_t eip, uint64_t base)
{
    unsigned last = code->insn_count - 1u;
    uint64_t end = code->eip + code->byte_count;
    bool wide = code->hflags & LS_HF_CS32;
    LsBranch branch;

    ls_insn_branch(code->bytes + code->offset[last],
                   code->byte_count - code->offset[last], wide, &branch);
    if (branch.anywhere) {
        return true;
    }
    if (base != code_base(code)) {
        return false;
    }
    /* Or with one of its own: it stored into itself, or met a device. */
    return (branch.falls_through && !((eip ^ end) & UINT32_MAX)) ||
           (branch.taken && !((eip ^ (end + branch.displacement)) &
                              branch.mask)) ||
           ls_code_find_insn(code, base + eip) >= 0;
}

/* Where a processor begins after a reset or a SIPI. */
static bool is_start(const LsBlock *to)
{
    return to->vaddr == 0xfffffff0 || (to->eip == 0 && to->vaddr < 1 << 20);
}

static void look(LsRecorder *r, const LsBlock *from, const LsBlock *to)
{
    LsCpuDump cpu;
    Frame frame;
    bool framed;

    ls_cpu_dump_view(r->eip, &cpu);
    framed = read_frame(&cpu, &frame);
    if (framed && is_base_of(code_base(from), frame.cs)) {
        int index = ls_code_find_insn(from, code_base(from) + frame.ip);
        int vector = index < 0 ? -1 : find_fault(&cpu, from, index, to);

        if (vector >= 0) {
            ls_deliver_tell_real(r, (unsigned)vector,
                                 from->vaddr + from->offset[index]);
            return;
        }
    }
    if (may_go_on(from, to->eip, code_base(to)) || is_start(to)) {
        return;
    }
    if (framed &&
        may_go_on(from, frame.ip, is_base_of(code_base(from), frame.cs)
                                      ? code_base(from)
                                      : (uint64_t)frame.cs << 4)) {
        bool traced = frame.flags & FLAG_TF;

        if (leads_to(&cpu, traced ? VECTOR_DEBUG : VECTOR_NMI, to)) {
            ls_deliver_tell_real(
                r, traced ? VECTOR_DEBUG : VECTOR_NMI | LS_EV_HARDWARE,
                UINT64_MAX);
            return;
        }
    }
    r->unresolved++;
}

void ls_real_mode_arrive(LsRecorder *r, uint32_t id)
{
    uint64_t told = r->events;
    const LsBlock *from;

    if (r->kept_log) {
        ls_insn_settle(r);
    }
    if (*r->log) {
        ls_events_take(r);
    }
    if (r->events != told || !r->eip || !ls_events_are_read() ||
        !ls_word_is_block(r->current)) {
        return;
    }
    from = ls_code_block(ls_word_id(r->current));
    if (from->flags & LS_BLOCK_MODE_KNOWN && !(from->hflags & LS_HF_PE)) {
        look(r, from, ls_code_block(id));
    }
}
