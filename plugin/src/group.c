/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Groups of words: what came before a block, the block, its accesses, and what
 * tells how it was left (docs/format.md 3.5 to 3.7).
 */
#include "group.h"

#include "left.h"
#include "sink.h"

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
        if (ls_group_begins(*at) || tag == LS_W_VCPU || tag == LS_W_GAP) {
            return at;
        }
        at += ls_words_of(*at);
    }
    return NULL;
}

/* Moves the running vCPU's icount (format.md 3.7). */
static inline void count_instructions(LsEncoder *e, const LsBlockState *b,
                                      const LsExit *left)
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

    for (; at < end; at += ls_words_of(*at)) {
        count += !(*at & LS_NOT_ACCESS);
    }
    return count;
}

/* Cuts the group to what the recording's limits still allow; returns how many
 * accesses that is. */
static uint32_t apply_limits(LsEncoder *e, const LsBlockState *b, LsExit *left,
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
    for (; at < end && kept < valid; at += ls_words_of(*at)) {
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
        *left = (LsExit){ true, executed, 0, LS_CUT_LIMIT };
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
    size_t count = ls_words_of(*at);

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
    LsExit left = { 0 };

    if (ls_code_block(id)->flags & LS_BLOCK_DELIVERY) {
        /* It has no instructions to leave it at. */
    } else if (next && ls_group_begins(*next)) {
        left = ls_left_for_block(e, id, next, words_end, at, end);
    } else if (next && (*next & 0xffff) == LS_W_EVENT) {
        left = ls_left_by_event(e, ls_code_block(id), next, at, end);
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
        e->chunk.stores -= ls_left_stores(at, end, count - left.aborted);
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
    return next && (end - next > REDO_WORDS || !ls_group_begins(*next) ||
                    ls_group_end(next, end) != end);
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
        if (!ls_group_begins(*at)) {
            if (at + ls_words_of(*at) > end) {
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
            group = ls_group_end(at, end);
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
