/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Turns one vCPU thread's words into chunks (docs/format.md, section 3).
 *
 * Words come in groups: what happened before a block, the block, its accesses.
 * A group is encoded once the word that ends it is there, because how a block
 * was left is known only from what came next.
 *
 *   usual.c    the common groups, fast
 *   encode.c   any group: words -> the streams of a chunk
 *   group.c    finds groups, counts
 *   left.c     resolves how blocks were left
 *   chunk.c    begins and seals chunks
 */
#ifndef LOADSTORE_ENCODER_H
#define LOADSTORE_ENCODER_H

#include <stdbool.h>
#include <stdint.h>

#include "buffer.h"
#include "code.h"
#include "layout.h"
#include "words.h"

/* One place in a block that accesses memory, by its tag (format.md 3.3). */
typedef struct {
    uint64_t last;
    int32_t delta[4];
    uint32_t key;
    uint16_t tag;
    uint8_t selected;
} LsSlot;

/* What the encoder holds of each block of the code table. */
typedef struct {
    uint64_t vaddr;
    uint64_t last_rep;     /* address of its final rep instruction, or ~0 */
    uint32_t generation;   /* of the chunk that the rest belongs to */
    uint32_t next1;
    uint32_t first_slot;
    uint32_t first_shape;
    uint32_t shape_count;
    uint32_t shape_capacity;
    uint32_t shape_stores; /* stores in the shape */
    uint16_t slot_count;
    uint16_t slot_capacity;
    uint16_t insn_count;
    uint16_t byte_count;
    bool user;             /* CPL 3 */
    bool straight;         /* the shape is slots 0, 1, 2, ... */
    bool known;            /* vaddr to user are filled in */
} LsBlockState;

typedef struct {
    bool seen;
    uint64_t icount;
    uint64_t cr3;
    uint64_t pending_rep;
    uint64_t loads;
    uint64_t stores;
} LsVcpu;

/* Sums over the sealed chunks of a stream, for the totals; the progress, which
 * another thread shows, has the atomic ones. */
typedef struct {
    uint64_t words;
    uint64_t side_words;   /* neither access nor block */
    _Atomic uint64_t accesses;
    _Atomic uint64_t blocks;
    _Atomic uint64_t instructions;
    uint64_t loads;
    uint64_t stores;
    uint64_t aborted;
    _Atomic uint64_t events;
    uint64_t cuts;
    uint64_t unresolved;   /* cuts whose instruction could not be found */
    uint64_t gaps;         /* how often recording was resumed */
    uint64_t undelivered;  /* words behind the recording's limit */
    uint64_t written;      /* accesses and blocks of chunks that were written */
} LsStreamTotals;

typedef struct {
    uint64_t accesses;     /* 0: no limit */
    uint64_t instructions;
    uint64_t bytes;
} LsLimits;

typedef struct {
    uint32_t stream;
    LsLimits limits;
    bool limited;          /* any limit but bytes */
    bool limit_reached;

    /* Predictors, reset with each chunk. */
    uint64_t h0, h1, h2;
    uint64_t slot_h0;      /* h0 when the block execution began */
    uint32_t p1, p2, p3;
    uint32_t block_run, access_run;
    uint32_t generation;
    uint32_t *next3;
    uint64_t *walk;
    LsBlockState *blocks;
    uint32_t block_capacity;
    LsSlot *slots;
    uint32_t slot_count, slot_capacity;
    uint16_t *shapes;
    uint32_t shape_count, shape_capacity;
    uint16_t *group_shape; /* of the group being encoded */
    uint32_t group_capacity;
    size_t budget;         /* words that all streams have room for */

    uint32_t resumed;      /* accesses encoded of the group that comes next */

    /* The chunk being filled. */
    bool open;
    LsChunkHeader chunk;
    LsBuffer streams[LS_STREAMS];
    LsVcpuState *begin;    /* vCPU states at its beginning */
    uint32_t note_block, note_access;
    bool widen;            /* the next access counts for the vaddr bounds */
    uint64_t note_virt, note_phys;
    uint64_t note_attributes; /* of pages, as last told */
    uint64_t told_regions;    /* bit for each region that the chunk names */
    bool in_event;            /* its delivery block comes next */
    uint64_t opened_at;
    uint64_t told_open;    /* its bytes, as last told */

    /* State that outlives chunks. */
    uint64_t mirror_virt[LS_PAGE_SLOTS];
    uint64_t mirror_phys[LS_PAGE_SLOTS];
    LsVcpu *vcpus;
    uint32_t vcpu_count;
    uint32_t vcpu;
    LsVcpu *running;       /* &vcpus[vcpu] */
    uint32_t told_loads;   /* of this chunk, already given to a vCPU */
    uint32_t told_stores;
    uint32_t highest_block; /* id + 1 */
    LsStreamTotals totals;
    LsBuffer payload;
} LsEncoder;

/* group.c: consumes whole groups from words[0, count); `closing` says that
 * nothing will follow.  Returns how many words were used. */
size_t ls_encode_words(LsEncoder *e, const uint64_t *words, size_t count,
                       bool closing);

LsEncoder *ls_encoder_new(uint32_t stream, uint32_t vcpu_count,
                          LsLimits limits);

/*
 * usual.c: from `at`, a block, as many groups as have their usual shape and are
 * followed by a block that redoes nothing.  Returns the word where that ends;
 * of the group there, `done` accesses are encoded.
 */
const uint64_t *ls_encode_usual(LsEncoder *e, const uint64_t *at,
                                const uint64_t *end, uint32_t *done);

/* encode.c: any block execution.  The first `done` accesses are already encoded,
 * `end` is past the group's last word, `limit` cuts the accesses (UINT32_MAX:
 * none).  Returns how many accesses were made; chunk.stores counts the stores
 * among them. */
uint32_t ls_encode_block(LsEncoder *e, uint32_t id, const uint64_t *at,
                         const uint64_t *end, uint32_t done, uint32_t limit);
LsBlockState *ls_encode_new_state(LsEncoder *e, uint32_t id);

/* Whether the open chunk has had this block. */
static inline bool ls_encode_is_known(const LsEncoder *e, uint32_t id)
{
    return __builtin_expect(id < e->block_capacity &&
                                e->blocks[id].generation == e->generation, 1);
}

/* The state of a block in the open chunk. */
static inline LsBlockState *ls_encode_state(LsEncoder *e, uint32_t id)
{
    return ls_encode_is_known(e, id) ? &e->blocks[id]
                                     : ls_encode_new_state(e, id);
}

/* Whether `next` may be an instruction of `from`, run again on its own. */
static inline bool ls_may_redo(const LsBlockState *from,
                               const LsBlockState *to, uint64_t next)
{
    return ((next & 0xffff) == LS_W_REDO || to->insn_count == 1) &&
           to->vaddr - from->vaddr < from->byte_count;
}

/* A chunk is sealed when it has this much of any. */
enum {
    LS_CHUNK_ACCESSES = 4 << 20,
    LS_CHUNK_BLOCKS = 12 << 20,
    LS_CHUNK_NOTES = 8 << 20, /* half of what format.md allows */
};

static inline uint32_t ls_chunk_accesses_left(const LsEncoder *e)
{
    return e->chunk.access_count < LS_CHUNK_ACCESSES
               ? LS_CHUNK_ACCESSES - e->chunk.access_count : 0;
}

static inline uint32_t ls_chunk_blocks_left(const LsEncoder *e)
{
    return e->chunk.block_count < LS_CHUNK_BLOCKS
               ? LS_CHUNK_BLOCKS - e->chunk.block_count : 0;
}

static inline bool ls_chunk_is_full(const LsEncoder *e)
{
    return !ls_chunk_accesses_left(e) || !ls_chunk_blocks_left(e) ||
           e->chunk.note_count >= LS_CHUNK_NOTES;
}

/* chunk.c */
/* Gives loads and stores since the last call to the running vCPU. */
void ls_chunk_tell_vcpu(LsEncoder *e);
/* Tells the size of the open chunk; returns that of all encoders' open chunks,
 * before packing. */
uint64_t ls_chunk_tell_open(LsEncoder *e);
void ls_chunk_begin(LsEncoder *e);
void ls_chunk_seal(LsEncoder *e);
/* Seals a chunk that has been open too long. */
void ls_chunk_flush_old(LsEncoder *e);
/* Widens the vaddr bounds to the page of this address. */
void ls_chunk_widen(LsEncoder *e, uint64_t vaddr);
/* Starts a note at the present place; the fields go to the returned buffer. */
LsBuffer *ls_chunk_note(LsEncoder *e, uint8_t kind);
void ls_chunk_note_map(LsEncoder *e, uint64_t virt, uint64_t phys);
/* Names the device region with this number (regions.h), once a chunk. */
void ls_chunk_note_region(LsEncoder *e, unsigned number);

#endif
