/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The predictors (docs/format.md 3.2 to 3.4): one block execution with its
 * accesses becomes a few bits, or none.  Any block execution can be encoded
 * here; usual.c does the common ones.
 */
#include "predict.h"
#include "words.h"

static COLD void learn_block(LsEncoder *e, uint32_t id)
{
    LsBlockState *b;
    const LsBlock *code;

    if (id >= e->block_capacity) {
        uint32_t capacity = e->block_capacity * 2 > id + 1
                                ? e->block_capacity * 2 : id + 4096;

        e->blocks = ls_grow(e->blocks, capacity * sizeof(*e->blocks));
        memset(e->blocks + e->block_capacity, 0,
               (capacity - e->block_capacity) * sizeof(*e->blocks));
        e->block_capacity = capacity;
    }
    b = &e->blocks[id];
    if (!b->known) {
        code = ls_code_block(id);
        b->known = true;
        b->vaddr = code->vaddr;
        b->insn_count = code->insn_count;
        b->byte_count = code->byte_count;
        b->user = (code->hflags & 3) == 3;
        b->last_rep = code->flags & LS_BLOCK_LAST_REP
                          ? code->vaddr + code->offset[code->insn_count - 1]
                          : UINT64_MAX;
    }
    if (id + 1 > e->highest_block) {
        e->highest_block = id + 1;
    }
}

LsBlockState *ls_encode_new_state(LsEncoder *e, uint32_t id)
{
    LsBlockState *b;

    if (id >= e->block_capacity || !e->blocks[id].known) {
        learn_block(e, id);
    }
    b = &e->blocks[id];
    b->generation = e->generation;
    b->next1 = UINT32_MAX;
    b->slot_count = b->slot_capacity = 0;
    b->shape_count = b->shape_capacity = b->shape_stores = 0;
    b->straight = true;
    return b;
}

/* Gives the block room for one more slot, in one run. */
static void grow_slots(LsEncoder *e, LsBlockState *b)
{
    uint16_t capacity = b->slot_capacity ? (uint16_t)(b->slot_capacity * 2)
                                         : 4;

    if (e->slot_capacity - e->slot_count < capacity) {
        e->slot_capacity = e->slot_capacity * 2 + capacity;
        e->slots = ls_grow(e->slots, e->slot_capacity * sizeof(*e->slots));
    }
    memcpy(e->slots + e->slot_count, e->slots + b->first_slot,
           b->slot_count * sizeof(*e->slots));
    b->first_slot = e->slot_count;
    b->slot_capacity = capacity;
    e->slot_count += capacity;
}

/* The number of the block's slot with this tag, added when there is none. */
static COLD uint16_t find_slot(LsEncoder *e, LsBlockState *b, uint32_t id,
                               uint16_t tag, uint64_t h0)
{
    LsSlot *slots = e->slots + b->first_slot;

    for (uint16_t i = 0; i < b->slot_count; i++) {
        if (slots[i].tag == tag) {
            return i;
        }
    }
    if (b->slot_count == b->slot_capacity) {
        grow_slots(e, b);
        slots = e->slots + b->first_slot;
    }
    slots[b->slot_count] = (LsSlot){
        .last = h0,
        .key = id * 64 + b->slot_count,
        .tag = tag,
        .selected = 1,
    };
    return b->slot_count++;
}

/* Codes an address that the selected predictor missed. */
static inline void code_address(LsEncoder *e, LsSlot *s,
                                const uint64_t base[4], uint64_t a)
{
    LsBuffer *codes = &e->streams[LS_S_ACCESS_CODES];
    uint64_t *walk = &e->walk[ls_walk_slot(s->key, s->last)];
    uint64_t best = UINT64_MAX;
    unsigned which = 0, bytes;

    for (uint8_t i = 0; i < 4; i++) {
        if (base[i] + (uint64_t)(int64_t)s->delta[i] == a) {
            ls_put_u8(codes, i);
            s->selected = i;
            *walk = a;
            return;
        }
    }
    if (*walk == a) {
        ls_put_u8(codes, LS_ACCESS_WALK);
        return;
    }
    *walk = a;
    for (unsigned i = 0; i < 4; i++) {
        /* Modulo 2^48: from one half of the address space to the other it
         * would take 49 bits. */
        uint64_t z = ls_zigzag((int64_t)((a - base[i]) << 16) >> 16);

        if (z < best) {
            best = z;
            which = i;
        }
    }
    bytes = best < 1u << 8 ? 1 : best < 1u << 16 ? 2 : best < 1u << 24 ? 3 : 6;
    ls_put_u8(codes, (uint8_t)(LS_ACCESS_EXPLICIT + which * 8 + bytes));
    ls_put_low(&e->streams[bytes == 6 ? LS_S_DELTA6
                                      : LS_S_DELTA1 + bytes - 1],
               best, bytes);
}

void ls_encode_miss(LsEncoder *e, LsSlot *s, uint64_t h0, uint64_t h1,
                    uint64_t h2, uint64_t a, uint32_t run)
{
    const uint64_t base[4] = { s->last, h0, h1, h2 };

    ls_put_varint(&e->streams[LS_S_ACCESS_RUNS], run);
    code_address(e, s, base, a);
    for (unsigned i = 0; i < 4; i++) {
        s->delta[i] = (int32_t)(a - base[i]);
    }
}

enum { BUDGET_WORDS = 1 << 16 };

void ls_encode_refill(LsEncoder *e, size_t words)
{
    e->budget = BUDGET_WORDS + words;
    for (unsigned i = 0; i < LS_STREAMS; i++) {
        /* No word becomes more than 12 bytes of a stream, notes apart, which
         * reserve their own room. */
        ls_buffer_reserve(&e->streams[i], e->budget * 12);
    }
    if (e->group_capacity < e->budget) {
        e->group_capacity = (uint32_t)e->budget;
        e->group_shape = ls_grow(e->group_shape, e->group_capacity *
                                                     sizeof(uint16_t));
    }
}

static COLD void remember_map(LsEncoder *e, uint64_t virt, uint64_t phys)
{
    unsigned slot = virt & (LS_PAGE_SLOTS - 1);

    e->mirror_virt[slot] = virt;
    e->mirror_phys[slot] = phys;
    ls_chunk_note_map(e, virt, phys);
}

/* A word between accesses that is not one.  Returns the next word. */
static COLD const uint64_t *side_word(LsEncoder *e, const uint64_t *at)
{
    uint64_t payload = (uint64_t)((int64_t)*at >> 16);
    LsBuffer *note;

    switch (*at & 0xffff) {
    case LS_W_MAP:
        remember_map(e, payload & ((UINT64_C(1) << 52) - 1), at[1]);
        e->totals.side_words += 2;
        return at + 2;
    case LS_W_DEVICE:
        e->widen = true; /* its pages are told by no map note */
        ls_chunk_note_region(e, (unsigned)(payload >> 1));
        note = ls_chunk_note(e, LS_NOTE_DEVICE);
        ls_put_varint(note, payload & 1);
        ls_put_low(note, at[1], 8);
        e->totals.side_words += 2;
        return at + 2;
    case LS_W_WIDE:
        ls_chunk_widen(e, at[1]);
        note = ls_chunk_note(e, LS_NOTE_WIDE);
        ls_put_low(note, at[1], 8);
        e->totals.side_words += 2;
        return at + 2;
    case LS_W_PHYS:
        e->widen = true;
        ls_chunk_note(e, LS_NOTE_PHYS);
        break;
    case LS_W_PAGE_WALK:
        e->widen = true;
        ls_chunk_note(e, LS_NOTE_PAGE_WALK);
        break;
    case LS_W_PORT:
        note = ls_chunk_note(e, LS_NOTE_PORT);
        ls_put_varint(note, payload >> LS_PORT_INDEX_SHIFT);
        ls_put_varint(note, payload & 0xffff);
        ls_put_u8(note, payload >> 16 & 0xff);
        ls_put_varint(note, at[1]);
        e->totals.side_words += 2;
        return at + 2;
    case LS_W_UNMAP:
        memset(e->mirror_virt, 0xff, sizeof(e->mirror_virt));
        ls_chunk_note(e, LS_NOTE_UNMAP);
        break;
    default:
        fprintf(stderr, "loadstore: impossible word %#llx in a block\n",
                (unsigned long long)*at);
        abort();
    }
    e->totals.side_words++;
    return at + 1;
}

/* A slot's tag as the stream has it (format.md 3.2). */
static unsigned shape_tag(uint16_t tag)
{
    return ls_access_index(tag) | (tag & LS_ACCESS_STORE ? 1u << 9 : 0) |
           (tag >> LS_ACCESS_SIZE_SHIFT & 7u) << 10;
}

void ls_encode_surprise(LsEncoder *e, const LsBlockState *b, uint32_t id,
                        uint32_t count, bool usual, uint32_t *next3)
{
    LsBlockState *before = &e->blocks[e->p1];
    uint8_t code = *next3 == id ? LS_BLOCK_NEXT3
                 : before->next1 == id ? LS_BLOCK_NEXT1
                                       : LS_BLOCK_EXPLICIT;

    ls_put_varint(&e->streams[LS_S_BLOCK_RUNS], e->block_run);
    e->block_run = 0;
    if (code == LS_BLOCK_EXPLICIT) {
        ls_put_low(&e->streams[LS_S_BLOCK_IDS], id, 4);
    }
    if (code != LS_BLOCK_NEXT3) {
        *next3 = id;
        before->next1 = id;
    }
    if (!usual) {
        LsBuffer *shapes = &e->streams[LS_S_SHAPES];

        code |= LS_BLOCK_NEW_SHAPE;
        ls_put_varint(shapes, count);
        for (uint32_t i = 0; i < count; i++) {
            ls_put_low(shapes, shape_tag(e->slots[b->first_slot +
                                                  e->group_shape[i]].tag), 2);
        }
    }
    ls_put_u8(&e->streams[LS_S_BLOCK_CODES], code);
}

static inline void code_block(LsEncoder *e, const LsBlockState *b,
                              uint32_t id, uint32_t count, bool usual)
{
    uint32_t *next3 = &e->next3[ls_next3_slot(e->p1, e->p2, e->p3)];

    if (LIKELY(*next3 == id && usual)) {
        e->block_run++;
    } else {
        ls_encode_surprise(e, b, id, count, usual, next3);
    }
    e->p3 = e->p2;
    e->p2 = e->p1;
    e->p1 = id;
}

static COLD void set_shape(LsEncoder *e, LsBlockState *b, uint32_t count)
{
    if (b->shape_capacity < count) {
        if (e->shape_capacity - e->shape_count < count) {
            e->shape_capacity = e->shape_capacity * 2 + count;
            e->shapes = ls_grow(e->shapes,
                                e->shape_capacity * sizeof(*e->shapes));
        }
        b->first_shape = e->shape_count;
        b->shape_capacity = count;
        e->shape_count += count;
    }
    memcpy(e->shapes + b->first_shape, e->group_shape,
           count * sizeof(*e->shapes));
    b->shape_count = count;
    b->shape_stores = 0;
    b->straight = true;
    for (uint32_t i = 0; i < count; i++) {
        b->straight &= e->group_shape[i] == i;
        b->shape_stores += (e->slots[b->first_slot +
                                     e->group_shape[i]].tag &
                            LS_ACCESS_STORE) != 0;
    }
}

/* Turns the usual shape, as far as it was followed, into the group's own. */
static COLD void leave_shape(LsEncoder *e, const LsBlockState *b,
                             uint32_t count)
{
    memcpy(e->group_shape, e->shapes + b->first_shape,
           count * sizeof(*e->shapes));
}

static COLD uint32_t count_stores(const uint64_t *at, uint32_t count)
{
    uint32_t stores = 0;

    while (count--) {
        stores += (*at++ & LS_ACCESS_STORE) != 0;
    }
    return stores;
}

uint32_t ls_encode_block(LsEncoder *e, uint32_t id, const uint64_t *at,
                         const uint64_t *end, uint32_t done, uint32_t limit)
{
    LsBlockState *b = &e->blocks[id];
    const uint16_t *shape = e->shapes + b->first_shape;
    const uint32_t first_access = e->chunk.access_count;
    const uint64_t first_h0 = e->h0;
    uint32_t usual_count = b->shape_count; /* 0 once the shape was left */
    uint32_t count = done, stores = count_stores(at, done);
    uint64_t slot_h0 = done ? e->slot_h0 : first_h0;
    bool usual;

    ls_encode_reserve(e, (size_t)(end - at));
    e->chunk.block_count++;
    at += done;
    while (at < end && count < limit) {
        uint64_t word = *at;
        uint16_t tag = (uint16_t)word;
        uint64_t a = (uint64_t)((int64_t)word >> 16);
        LsSlot *s = NULL;

        if (UNLIKELY(tag & LS_NOT_ACCESS)) {
            e->chunk.access_count = first_access + count;
            at = side_word(e, at);
            continue;
        }
        at++;
        stores += (tag & LS_ACCESS_STORE) != 0;
        if (UNLIKELY(e->widen)) {
            e->widen = false;
            ls_chunk_widen(e, a);
        }
        if (LIKELY(count < usual_count)) {
            s = &e->slots[b->first_slot + shape[count]];
        }
        if (UNLIKELY(!s || s->tag != tag)) {
            uint16_t number;

            if (usual_count || !count) {
                leave_shape(e, b, count);
                usual_count = 0;
            }
            /* An iteration of a rep instruction is like the one before. */
            number = count > 1 ? e->group_shape[count - 2] : 0;
            if (count < 2 || e->slots[b->first_slot + number].tag != tag) {
                number = find_slot(e, b, id, tag, slot_h0);
            }
            e->group_shape[count] = number;
            s = &e->slots[b->first_slot + number];
        }
        count++;
        if (LIKELY(ls_predict(s, e->h0, e->h1, e->h2) == a)) {
            e->access_run++;
        } else {
            ls_encode_miss(e, s, e->h0, e->h1, e->h2, a, e->access_run);
            e->access_run = 0;
        }
        s->last = a;
        e->h2 = e->h1;
        e->h1 = e->h0;
        e->h0 = a;
    }
    usual = count == usual_count && count == b->shape_count;
    if (UNLIKELY(!usual && usual_count)) {
        leave_shape(e, b, count); /* shorter than usual */
    }
    code_block(e, b, id, count, usual);
    if (UNLIKELY(!usual)) {
        set_shape(e, b, count);
    }
    e->chunk.access_count = first_access + count;
    e->chunk.stores += stores;
    e->totals.undelivered += (uint64_t)(end - at);
    return count;
}
