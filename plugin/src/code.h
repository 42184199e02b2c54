/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The code table: every distinct translated block, kept for the whole run.
 *
 * A block is a run of instructions as QEMU translated it, told apart by its
 * linear address, CPU mode and bytes.  Translating the same code again gives
 * the same id, so the table stays small however often QEMU flushes.  A block
 * that runs at another virtual alias of its page (QEMU shares the translation)
 * gets an id of its own with the address it really ran at.
 *
 * Written at translation time (any vCPU thread, under a lock); read without a
 * lock by the encoder, which sees an id only after its block is published.
 */
#ifndef LOADSTORE_CODE_H
#define LOADSTORE_CODE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    LS_MAX_INSNS = 512,        /* TCG_MAX_INSNS in accel/tcg */
    LS_BLOCK_ID_BITS = 28,
};

enum {
    LS_BLOCK_MODE_KNOWN = 1 << 0, /* hflags are the CPU's */
    LS_BLOCK_LAST_REP = 1 << 1,   /* the last instruction is a rep string */
    LS_BLOCK_DELIVERY = 1 << 2,   /* no code: accesses of event delivery */
};

typedef struct {
    uint64_t vaddr;   /* linear address of the first instruction */
    uint64_t eip;     /* the same without CS.base, when known */
    uint32_t hflags;  /* CPU mode bits (target/i386/cpu.h, HF_*) */
    uint16_t insn_count;
    uint16_t byte_count;
    uint32_t flags;
    uint32_t alias_of; /* id of the block whose translation this shares */
    uint16_t *offset;  /* insn_count + 1 byte offsets */
    uint8_t *bytes;
} LsBlock;

typedef struct {
    uint64_t vaddr;
    uint64_t eip;
    uint32_t hflags;
    uint32_t flags;
    unsigned insn_count;
    uint16_t offset[LS_MAX_INSNS + 1];
    uint8_t bytes[LS_MAX_INSNS * 15];
} LsBlockDraft;

/* Finds or adds a block; returns its id.  Thread-safe. */
uint32_t ls_code_intern(const LsBlockDraft *draft);

/* The id of block `id` when it runs `delta` bytes away.  Thread-safe. */
uint32_t ls_code_alias(uint32_t id, uint64_t delta);

/* Never NULL for an id that was handed out. */
const LsBlock *ls_code_block(uint32_t id);

/* How many ids are published; they are 0 .. count - 1. */
uint32_t ls_code_count(void);

/* Index of the instruction that starts at `vaddr`, or -1. */
int ls_code_find_insn(const LsBlock *block, uint64_t vaddr);

#endif
