/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Groups of words: what came before a block, the block, its accesses, and what
 * tells how it was left (docs/format.md 3.5 to 3.7).
 *
 * QEMU leaves a block before its end when an instruction raises an exception,
 * turns out to touch a device (QEMU redoes it in a block of its own that only
 * reports accesses), or modifies the block itself (the same, with a block
 * callback).  The plugin interface reports none of this, but where the vCPU
 * went on does: the address in the event, or the next block.
 */
#include "encoder.h"

#include "rep.h"
#include "sink.h"
#include "words.h"

/* How a block execution was left. */
typedef struct {
    bool cut;
    uint32_t executed;
    uint32_t aborted;
    uint8_t cause;
} Exit;

/* Whether accesses of a block follow. */
static bool is_block(uint64_t word)
{
    return ls_word_is_block(word) || (word & 0xffff) == LS_W_REDO;
}

static inline size_t words_of(uint64_t word)
{
    if (__builtin_expect(!(word & LS_NOT_ACCESS), 1)) {
        return 1;
    }
    switch (word & 0xffff) { /* no tag is what a block's word ends in */
    case LS_W_MAP:
    case LS_W_DEVICE:
    case LS_W_WIDE:
    case LS_W_CR3:
    case LS_W_GAP:
    case LS_W_PORT:
        return 2;
    case LS_W_EVENT:
        return LS_EVENT_WORDS;
    default:
        return 1;
    }
}

/* The same; a page walk's note goes with the access that it is about, which no
 * instruction made. */
static inline size_t words_of_insn(uint64_t word)
{
    return word == LS_W_PAGE_WALK ? 2 : words_of(word);
}

/* Whether the word can stand among the accesses of a block. */
static bool inside_block(uint64_t word)
{
    if (ls_word_is_block(word)) {
        return false;
    }
    switch (word & 0xffff) {
    case LS_W_REDO:
    case LS_W_VCPU:
    case LS_W_CR3:
    case LS_W_EVENT:
    case LS_W_GAP:
        return false;
    default:
        return true;
    }
}

/* Past the last word of the group that begins at `at`; `end` if not seen. */
static inline const uint64_t *group_end(const uint64_t *at,
                                        const uint64_t *end)
{
    for (at++; at < end; at += words_of(*at)) {
        if (*at & LS_NOT_ACCESS && !inside_block(*at)) {
            return at;
        }
    }
    return end;
}

/* The first word from `at` on that says where the vCPU went: an event, a
 * block, or a switch to another vCPU; NULL when it is not there yet. */
static const uint64_t *find_continuation(const uint64_t *at,
                                         const uint64_t *end)
{
    while (at < end) {
        uint64_t tag = *at & 0xffff;

        if (tag == LS_W_EVENT) {
            return at + LS_EVENT_WORDS <= end ? at : NULL;
        }
        if (is_block(*at) || tag == LS_W_VCPU || tag == LS_W_GAP) {
            return at;
        }
        at += words_of(*at);
    }
    return NULL;
}

/* Accesses behind the first `count` that instructions made. */
static uint32_t accesses_behind(uint32_t count, const uint64_t *at,
                                const uint64_t *end)
{
    uint32_t behind = 0, seen = 0;
    bool walk = false;

    for (; at < end; at += words_of(*at)) {
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

    for (; at < end; at += words_of_insn(*at)) {
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

static Exit leave_at(const LsBlock *code, int index, uint8_t cause,
                     const uint64_t *at, const uint64_t *end)
{
    return (Exit){
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

    for (; at < end; at += words_of_insn(*at)) {
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

/* Whether instructions made a store behind the first `count` accesses. */
static bool stores_behind(uint32_t count, const uint64_t *at,
                          const uint64_t *end)
{
    uint32_t seen = 0;

    for (; at < end; at += words_of_insn(*at)) {
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

static Exit after_event(LsEncoder *e, const LsBlock *code,
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
        return (Exit){ 0 };
    }
    if (what & LS_EV_SOFTWARE && !(what & LS_EV_FAILED)) {
        /* Completes; into may have more behind it. */
        return index >= 0 && index < code->insn_count - 1
                   ? leave_at(code, index + 1, LS_CUT_EXCEPTION, at, end)
                   : (Exit){ 0 };
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
        return (Exit){ 0 };
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
    uint32_t count;

    if (index < 0) {
        return false;
    }
    count = count_of_insn(at, end, index);
    if (count && code->flags & LS_BLOCK_LAST_REP &&
        index == code->insn_count - 1) {
        return count_aborted(code, index, at, end) != 0;
    }
    return stores_behind(count, next + 1, group_end(next, words_end));
}

static Exit after_block(LsEncoder *e, uint32_t id, const uint64_t *next,
                        const uint64_t *words_end, const uint64_t *at,
                        const uint64_t *end)
{
    const LsBlockState *to = ls_encode_state(e, ls_word_id(*next));
    const LsBlock *code;
    int index;

    if (!ls_may_redo(&e->blocks[id], to, *next)) {
        return (Exit){ 0 };
    }
    code = ls_code_block(id);
    index = ls_code_find_insn(code, to->vaddr);
    if ((*next & 0xffff) == LS_W_REDO) {
        return index < 0 ? (Exit){ 0 }
                         : leave_at(code, index, LS_CUT_DEVICE, at, end);
    }
    return modified_itself(code, index, next, words_end, at, end)
               ? leave_at(code, index, LS_CUT_MODIFIED, at, end)
               : (Exit){ 0 };
}

/* How many of the group's last `aborted` of `count` accesses are stores. */
static uint32_t aborted_stores(const uint64_t *at, const uint64_t *end,
                               uint32_t valid)
{
    uint32_t stores = 0, seen = 0;

    for (; at < end; at += words_of(*at)) {
        if (!(*at & LS_NOT_ACCESS) && seen++ >= valid) {
            stores += (*at & LS_ACCESS_STORE) != 0;
        }
    }
    return stores;
}

/* Moves the running vCPU's icount (format.md 3.7). */
static inline void count_instructions(LsEncoder *e, const LsBlockState *b,
                                      const Exit *left)
{
    LsVcpu *v = e->running;

    v->icount -= v->pending_rep == b->vaddr;
    if (__builtin_expect(left->cut, 0)) {
        v->icount += left->executed;
        v->pending_rep = UINT64_MAX;
    } else {
        v->icount += b->insn_count;
        v->pending_rep = b->last_rep;
    }
}

/* Instructions completed so far, the open chunk's included. */
static uint64_t instructions_so_far(const LsEncoder *e)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < e->vcpu_count; i++) {
        sum += e->vcpus[i].icount;
    }
    return sum;
}

static uint32_t count_accesses(const uint64_t *at, const uint64_t *end)
{
    uint32_t count = 0;

    for (; at < end; at += words_of(*at)) {
        count += !(*at & LS_NOT_ACCESS);
    }
    return count;
}

/* Cuts the group to what the recording's limits still allow; returns how many
 * accesses that is. */
static uint32_t apply_limits(LsEncoder *e, const LsBlockState *b, Exit *left,
                             const uint64_t *at, const uint64_t *end)
{
    uint32_t executed = left->cut ? left->executed : b->insn_count;
    uint32_t valid = count_accesses(at, end) - left->aborted;
    uint64_t room = UINT64_MAX;
    uint32_t kept = 0;

    if (e->limits.instructions) {
        uint64_t rest = e->limits.instructions - instructions_so_far(e) +
                        (e->running->pending_rep == b->vaddr);

        if (rest <= executed) {
            e->limit_reached = true;
            executed = (uint32_t)rest;
        }
    }
    if (e->limits.accesses) {
        room = e->limits.accesses - e->totals.loads - e->totals.stores -
               (e->chunk.access_count - e->chunk.aborted);
        e->limit_reached |= room <= valid;
    }
    if (!e->limit_reached) {
        return UINT32_MAX;
    }
    for (; at < end && kept < valid; at += words_of(*at)) {
        uint32_t index = ls_access_index(*at);

        if (*at & LS_NOT_ACCESS) {
            continue;
        }
        if (kept == room || index >= executed) {
            executed = index < executed ? index : executed;
            break;
        }
        kept++;
    }
    left->aborted = 0;
    if (executed < b->insn_count) {
        *left = (Exit){ true, executed, 0, LS_CUT_LIMIT };
    }
    return kept;
}

/* No suspended rep instruction is known to go on, on any vCPU. */
static void forget_pending_reps(LsEncoder *e)
{
    for (uint32_t i = 0; i < e->vcpu_count; i++) {
        e->vcpus[i].pending_rep = UINT64_MAX;
    }
}

static void run_vcpu(LsEncoder *e, uint64_t vcpu)
{
    e->vcpu = (uint32_t)vcpu;
    e->running = &e->vcpus[e->vcpu];
}

/* Words between blocks.  Returns the next one. */
static const uint64_t *between(LsEncoder *e, const uint64_t *at)
{
    uint64_t payload = *at >> 16;
    LsBuffer *note;
    size_t count = words_of(*at);

    switch (*at & 0xffff) {
    case LS_W_VCPU:
        ls_chunk_tell_vcpu(e);
        run_vcpu(e, payload);
        e->running->seen = true;
        note = ls_chunk_note(e, LS_NOTE_VCPU);
        ls_put_varint(note, payload);
        break;
    case LS_W_CR3:
        e->running->cr3 = at[1];
        note = ls_chunk_note(e, LS_NOTE_CR3);
        ls_put_low(note, at[1], 8);
        break;
    case LS_W_EVENT:
        note = ls_chunk_note(e, LS_NOTE_EVENT);
        ls_put_varint(note, payload & ~(uint64_t)LS_EV_FAILED);
        ls_put_varint(note, at[1]);
        ls_put_low(note, at[2], 8);
        ls_put_low(note, at[3], 8);
        e->running->pending_rep = UINT64_MAX;
        if (payload & LS_EV_RESTORED) {
            forget_pending_reps(e);
        }
        e->chunk.events++;
        e->in_event = payload & LS_EV_DELIVERED;
        break;
    case LS_W_UNMAP:
        memset(e->mirror_virt, 0xff, sizeof(e->mirror_virt));
        ls_chunk_note(e, LS_NOTE_UNMAP);
        break;
    case LS_W_GAP:
        e->totals.gaps++;
        note = ls_chunk_note(e, LS_NOTE_GAP);
        ls_put_low(note, at[1], 8);
        forget_pending_reps(e);
        break;
    default:
        fprintf(stderr, "loadstore: impossible word %#llx between blocks\n",
                (unsigned long long)*at);
        abort();
    }
    e->totals.side_words += count;
    return at + count;
}

/* Encodes the group at `at`, which ends at `end`; its first `done` accesses are
 * encoded already. */
static void one_group(LsEncoder *e, const uint64_t *at, const uint64_t *end,
                      const uint64_t *next, const uint64_t *words_end,
                      uint32_t done)
{
    uint32_t id = ls_word_id(*at++);
    uint32_t limit = UINT32_MAX, count;
    Exit left = { 0 };

    if (ls_code_block(id)->flags & LS_BLOCK_DELIVERY) {
        /* It has no instructions to leave it at. */
    } else if (next && is_block(*next)) {
        left = after_block(e, id, next, words_end, at, end);
    } else if (next && (*next & 0xffff) == LS_W_EVENT) {
        left = after_event(e, ls_code_block(id), next, at, end);
    }
    if (e->limited) {
        limit = apply_limits(e, &e->blocks[id], &left, at, end);
    }
    if (left.cut) {
        LsBuffer *note = ls_chunk_note(e, LS_NOTE_CUT);

        ls_put_varint(note, left.executed);
        ls_put_varint(note, left.aborted);
        ls_put_u8(note, left.cause);
        e->totals.cuts++;
    }
    count = ls_encode_block(e, id, at, end, done, limit);
    if (left.aborted) {
        e->chunk.aborted += left.aborted;
        e->chunk.stores -= aborted_stores(at, end, count - left.aborted);
    }
    if (e->blocks[id].user) {
        e->chunk.user_accesses += count - left.aborted;
    }
    count_instructions(e, &e->blocks[id], &left);
}

/* More words than one instruction's accesses up to its last store. */
enum { REDO_WORDS = 4096 };

enum { CLOSING_BYTES = 64 << 10 };

/* Seals the chunk when the file may be full, stops when it is. */
static void mind_size(LsEncoder *e)
{
    /* Compressed, it will be less, and we may go on. */
    if (ls_sink_bytes() + ls_sink_closing_bytes() + ls_chunk_tell_open(e) +
            CLOSING_BYTES >= e->limits.bytes) {
        ls_chunk_seal(e);
        e->limit_reached = ls_sink_bytes() + ls_sink_closing_bytes() +
                               ls_chunk_tell_open(e) + 2 * CLOSING_BYTES >=
                           e->limits.bytes;
    }
}

/* Whether enough is there to say how the block before `next` was left: `next`
 * itself and, in case it redoes one instruction, its first accesses. */
static inline bool is_there(const uint64_t *next, const uint64_t *end)
{
    return next && (end - next > REDO_WORDS || !is_block(*next) ||
                    group_end(next, end) != end);
}

size_t ls_encode_words(LsEncoder *e, const uint64_t *words, size_t count,
                       bool closing)
{
    const uint64_t *at = words, *end = words + count;

    while (at < end && !e->limit_reached) {
        const uint64_t *group, *next;
        uint32_t done = 0;

        if (!e->open) {
            if ((*at & 0xffff) == LS_W_VCPU) { /* the header says so, too */
                run_vcpu(e, *at >> 16);
            }
            ls_chunk_begin(e);
        }
        if (!is_block(*at)) {
            if (at + words_of(*at) > end) {
                break;
            }
            at = between(e, at);
            continue;
        }
        ls_encode_state(e, 0); /* which p1 is until a block has run */
        if (!e->limited && !e->limits.bytes && !e->resumed && !e->in_event) {
            at = ls_encode_usual(e, at, end, &done);
            e->resumed = done;
        }
        /* An event and its delivery stand in one chunk. */
        if (!ls_chunk_is_full(e) || e->in_event) {
            group = group_end(at, end);
            next = find_continuation(group, end);
            if (!closing && !is_there(next, end)) {
                break;
            }
            ls_encode_state(e, ls_word_id(*at));
            one_group(e, at, group, next, end, e->resumed);
            e->resumed = 0;
            e->in_event = false;
            at = group;
        }
        if (ls_chunk_is_full(e)) {
            ls_chunk_seal(e);
        } else if (__builtin_expect(e->limits.bytes != 0, 0)) {
            mind_size(e);
        }
    }
    return (size_t)(at - words);
}
