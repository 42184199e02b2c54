/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Turns one vCPU thread's words into chunks (docs/format.md, section 3).
 *
 * Words come in groups: what happened before a block, the block, its accesses.
 * A group is encoded once the word that ends it is there, because how a block
 * was left is known only from what came next.
 *
 *   encode.c   predictors: words -> the streams of a chunk
 *   group.c    finds groups, resolves how blocks were left, counts
 *   chunk.c    begins and seals chunks
 */
#ifndef LOADSTORE_ENCODER_H
#define LOADSTORE_ENCODER_H

#include <stdbool.h>
#include <stdint.h>

#include "buffer.h"
#include "code.h"
#include "layout.h"

enum { LS_MIRROR_SLOTS = 2048 };

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
    uint16_t slot_count;
    uint16_t slot_capacity;
    uint16_t insn_count;
    uint16_t byte_count;
    bool user;             /* CPL 3 */
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

/* Sums over the sealed chunks of a stream, for the totals. */
typedef struct {
    uint64_t words;
    uint64_t side_words;   /* neither access nor block */
    uint64_t accesses;
    uint64_t blocks;
    uint64_t instructions;
    uint64_t loads;
    uint64_t stores;
    uint64_t aborted;
    uint64_t events;
    uint64_t cuts;
    uint64_t unresolved;   /* cuts whose instruction could not be found */
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

    /* The chunk being filled. */
    bool open;
    LsChunkHeader chunk;
    LsBuffer streams[LS_STREAMS];
    LsVcpuState *begin;    /* vCPU states at its beginning */
    uint32_t note_block, note_access;
    uint64_t note_virt, note_phys;
    uint64_t opened_at;

    /* State that outlives chunks. */
    uint64_t mirror_virt[LS_MIRROR_SLOTS];
    uint64_t mirror_phys[LS_MIRROR_SLOTS];
    LsVcpu *vcpus;
    uint32_t vcpu_count;
    uint32_t vcpu;
    LsVcpu *running;       /* &vcpus[vcpu] */
    uint32_t told_loads;   /* of this chunk, already given to a vCPU */
    uint32_t told_stores;
    uint32_t highest_block; /* id + 1 */
    LsStreamTotals totals;
    LsBuffer payload, packed;
} LsEncoder;

/* group.c: consumes whole groups from words[0, count); `closing` says that
 * nothing will follow.  Returns how many words were used. */
size_t ls_encode_words(LsEncoder *e, const uint64_t *words, size_t count,
                       bool closing);

LsEncoder *ls_encoder_new(uint32_t stream, uint32_t vcpu_count,
                          LsLimits limits);

/* encode.c: one block execution with its accesses.  `end` is past the group's
 * last word; `limit` cuts the accesses (UINT32_MAX: none).  Returns how many
 * accesses were made; chunk.stores counts the stores among them. */
uint32_t ls_encode_block(LsEncoder *e, uint32_t id, const uint64_t *at,
                         const uint64_t *end, uint32_t limit);
LsBlockState *ls_encode_new_state(LsEncoder *e, uint32_t id);

/* The state of a block in the open chunk. */
static inline LsBlockState *ls_encode_state(LsEncoder *e, uint32_t id)
{
    if (__builtin_expect(id < e->block_capacity &&
                             e->blocks[id].generation == e->generation, 1)) {
        return &e->blocks[id];
    }
    return ls_encode_new_state(e, id);
}

/* chunk.c */
/* Gives loads and stores since the last call to the running vCPU. */
void ls_chunk_tell_vcpu(LsEncoder *e);
void ls_chunk_begin(LsEncoder *e);
void ls_chunk_seal(LsEncoder *e);
/* Seals a chunk that has been open too long. */
void ls_chunk_flush_old(LsEncoder *e);
/* Starts a note at the present place; the fields go to the returned buffer. */
LsBuffer *ls_chunk_note(LsEncoder *e, uint8_t kind);
void ls_chunk_note_map(LsEncoder *e, uint64_t virt, uint64_t phys);
uint64_t ls_now_ns(void);

#endif
