/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a block execution was left.
 *
 * QEMU leaves a block before its end when an instruction raises an exception,
 * turns out to touch a device (QEMU redoes it in a block of its own that only
 * reports accesses), or modifies the block itself (the same, with a block
 * callback).  The plugin interface reports none of this, but where the vCPU
 * went on does: the address in the event, or the next block.
 */
#include "left.h"

#include "group.h"
#include "rep.h"

/* Accesses behind the first `count` that instructions made. */
static uint32_t accesses_behind(uint32_t count, const uint64_t *at,
                                const uint64_t *end)
{
    uint32_t behind = 0, seen = 0;
    bool walk = false;

    for (; at < end; at += ls_words_of(*at)) {
        if (*at & LS_NOT_ACCESS) {
            walk |= *at == LS_W_PAGE_WALK;
            continue;
        }
        behind += seen >= count && (!walk || seen > count);
        seen += !walk;
        walk = false;
    }
    return behind;
}

/* The block stopped before instruction `index`: what of its accesses belongs
 * to an attempt that did not complete. */
static uint32_t count_aborted(const LsBlock *code, int index,
                              const uint64_t *at, const uint64_t *end)
{
    const uint64_t *first = at;
    uint64_t of_first[2] = { 0 };
    uint32_t of_insn = 0, all = 0;

    for (; at < end; at += ls_words_of_insn(*at)) {
        if (of_insn > 1) { /* those behind are of no earlier instruction */
            const uint64_t *plain = ls_skip_accesses(at, end);

            all += (uint32_t)(plain - at);
            of_insn += (uint32_t)(plain - at);
            at = plain;
            if (at == end) {
                break;
            }
        }
        if (!(*at & LS_NOT_ACCESS)) {
            all++;
            if ((int)ls_access_index(*at) >= index) {
                if (of_insn < 2) {
                    of_first[of_insn] = *at;
                }
                of_insn++;
            }
        }
    }
    if (code->flags & LS_BLOCK_LAST_REP && index == code->insn_count - 1) {
        of_insn = ls_rep_behind_iterations(code, of_first, of_insn);
    }
    return of_insn ? accesses_behind(all - of_insn, first, end) : 0;
}

static LsExit leave_at(const LsBlock *code, int index, uint8_t cause,
                       const uint64_t *at, const uint64_t *end)
{
    return (LsExit){
        .cut = true,
        .executed = (uint32_t)index,
        .aborted = count_aborted(code, index, at, end),
        .cause = cause,
    };
}

/* How many accesses instruction `index` made; UINT32_MAX when a later one made
 * any. */
static uint32_t count_of_insn(const uint64_t *at, const uint64_t *end,
                              int index)
{
    uint32_t count = 0;

    for (; at < end; at += ls_words_of_insn(*at)) {
        if (!(*at & LS_NOT_ACCESS)) {
            int i = (int)ls_access_index(*at);

            if (i > index) {
                return UINT32_MAX;
            }
            count += i == index;
        }
    }
    return count;
}

/* Whether instruction `index` or a later one made any. */
static bool has_made_any(const uint64_t *at, const uint64_t *end, int index)
{
    for (; at < end; at += ls_words_of_insn(*at)) {
        if (!(*at & LS_NOT_ACCESS) && (int)ls_access_index(*at) >= index) {
            return true;
        }
    }
    return false;
}

/* Whether instructions made a store behind the first `count` accesses. */
static bool stores_behind(uint32_t count, const uint64_t *at,
                          const uint64_t *end)
{
    uint32_t seen = 0;

    for (; at < end; at += ls_words_of_insn(*at)) {
        if (!(*at & LS_NOT_ACCESS) && seen++ >= count &&
            *at & LS_ACCESS_STORE) {
            return true;
        }
    }
    return false;
}

/* Whether a nested guest was left between instructions: exit codes, APM 2 appendix C. */
static bool exit_is_outside(uint64_t code)
{
    return code >= 0x60 && code <= 0x64; /* INTR, NMI, SMI, INIT, VINTR */
}

LsExit ls_left_by_event(LsEncoder *e, const LsBlock *code,
                        const uint64_t *event, const uint64_t *at,
                        const uint64_t *end)
{
    uint64_t what = event[0] >> 16;
    uint64_t ip = event[2];
    bool outside = what & (LS_EV_HARDWARE | LS_EV_SMM_ENTER | LS_EV_SMM_LEAVE |
                           LS_EV_RESET | LS_EV_RESTORED) ||
                   (what & LS_EV_GUEST_EXIT && exit_is_outside(event[1]));
    int index;

    if (!(code->hflags & 1 << 15)) {
        ip &= UINT32_MAX; /* QEMU logs (int)CS.base + eip */
    }
    index = event[2] == UINT64_MAX ? -1 : ls_code_find_insn(code, ip);
    if (outside) {
        /* Taken between blocks; a suspended rep instruction comes back. */
        if (index == code->insn_count - 1 &&
            code->flags & LS_BLOCK_LAST_REP) {
            return leave_at(code, index, LS_CUT_REP, at, end);
        }
        return (LsExit){ 0 };
    }
    if (what & LS_EV_SOFTWARE && !(what & LS_EV_FAILED)) {
        /* Completes; into may have more behind it. */
        return index >= 0 && index < code->insn_count - 1
                   ? leave_at(code, index + 1, LS_CUT_EXCEPTION, at, end)
                   : (LsExit){ 0 };
    }
    if (index < 0) {
        /* The block ran to its end: the fault is that of fetching what comes
         * next (bit 4 of a page fault's error code, SDM 3A 4.7, but only with
         * NX or SMEP on; CR2 is within the instruction), or a trap that
         * reports the next instruction.  What else it could be we do not
         * know. */
        bool fetch = (what & LS_EV_GUEST_EXIT && ip != UINT64_MAX) ||
                     ((what & 0xff) == 14 &&
                      (event[1] & 0x10 || event[3] - ip < 15));

        if (!fetch && ip != code->vaddr + code->byte_count) {
            e->totals.unresolved++;
        }
        return (LsExit){ 0 };
    }
    return leave_at(code, index, LS_CUT_EXCEPTION, at, end);
}

/* The block changed itself: the storing instruction runs again, alone, and gets
 * further, since QEMU does not report the store that makes it leave.  A rep
 * string instruction goes on in a block of its own anyway; it was left at a store
 * when its last iteration is not whole, or when it had not begun any. */
static bool modified_itself(const LsBlock *code, int index,
                            const uint64_t *next, const uint64_t *words_end,
                            const uint64_t *at, const uint64_t *end)
{
    if (index < 0) {
        return false;
    }
    if (code->flags & LS_BLOCK_LAST_REP && index == code->insn_count - 1 &&
        has_made_any(at, end, index)) {
        return count_aborted(code, index, at, end) != 0;
    }
    return stores_behind(count_of_insn(at, end, index), next + 1,
                         ls_group_end(next, words_end));
}

LsExit ls_left_for_block(LsEncoder *e, uint32_t id, const uint64_t *next,
                         const uint64_t *words_end, const uint64_t *at,
                         const uint64_t *end)
{
    const LsBlockState *to = ls_encode_state(e, ls_word_id(*next));
    const LsBlock *code;
    int index;

    if (!ls_may_redo(&e->blocks[id], to, *next)) {
        return (LsExit){ 0 };
    }
    code = ls_code_block(id);
    index = ls_code_find_insn(code, to->vaddr);
    if ((*next & 0xffff) == LS_W_REDO) {
        return index < 0 ? (LsExit){ 0 }
                         : leave_at(code, index, LS_CUT_DEVICE, at, end);
    }
    return modified_itself(code, index, next, words_end, at, end)
               ? leave_at(code, index, LS_CUT_MODIFIED, at, end)
               : (LsExit){ 0 };
}

uint32_t ls_left_stores(const uint64_t *at, const uint64_t *end,
                        uint32_t valid)
{
    uint32_t stores = 0, seen = 0;

    for (; at < end; at += ls_words_of(*at)) {
        if (!(*at & LS_NOT_ACCESS) && seen++ >= valid) {
            stores += (*at & LS_ACCESS_STORE) != 0;
        }
    }
    return stores;
}
