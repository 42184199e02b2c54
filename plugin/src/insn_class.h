/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The few things that capture must know of an instruction, from its bytes.
 * Opcodes: Intel SDM volume 2, appendix A; AMD APM volume 3, appendix A.
 */
#ifndef LOADSTORE_INSN_CLASS_H
#define LOADSTORE_INSN_CLASS_H

#include <stdbool.h>
#include <stdint.h>

enum {
    /* May change how later addresses translate (CR writes, invlpg, ...). */
    LS_INSN_REMAPS = 1 << 0,
    /* out to the port in DX, or to port `imm8`, of those that can remap. */
    LS_INSN_OUT_DX = 1 << 1,
    LS_INSN_OUT_REMAPS = 1 << 2,
    /* A string instruction with a rep prefix: may restart itself. */
    LS_INSN_REP = 1 << 3,
    /* Its memory operand is a physical address (vmload, vmsave, vmrun). */
    LS_INSN_PHYS = 1 << 4,
    /* Certainly touches no memory: moves, arithmetic and tests between
     * registers, jumps to immediates, lea, nop.  What is not certain, is not so
     * classed. */
    LS_INSN_NO_MEMORY = 1 << 5,
    /* int n, int3, into, int1. */
    LS_INSN_INT = 1 << 6,
    /* in, out, ins, outs: ls_insn_port() says more. */
    LS_INSN_PORT = 1 << 7,
};

enum {
    LS_MOV_CR = 1 << 8,
    LS_MOV_CR_NUMBER_SHIFT = 4, /* above the general register */
};

/* The vector of an LS_INSN_INT. */
unsigned ls_insn_vector(const uint8_t *bytes, unsigned len);

/* LS_PORT_* bits (words.h) of an LS_INSN_PORT, and its immediate port or
 * LS_PORT_DX.  `wide`: operands have 32 bits by default, else 16. */
uint32_t ls_insn_port(const uint8_t *bytes, unsigned len, bool wide);

/* For `mov` to CR0 or CR3: LS_MOV_CR, the control register and the general register
 * it is loaded from; otherwise 0. */
unsigned ls_insn_mov_cr(const uint8_t *bytes, unsigned len, bool code64);

unsigned ls_insn_class(const uint8_t *bytes, unsigned len, bool code64);

/* Where code goes on behind an instruction that is not 64-bit code. */
typedef struct {
    bool falls_through;
    bool taken;            /* or goes `displacement` further, from its end */
    bool anywhere;         /* or where a register or memory says */
    uint32_t displacement;
    uint32_t mask;         /* of the instruction pointer then */
} LsBranch;

/* `wide`: operands have 32 bits by default, else 16. */
void ls_insn_branch(const uint8_t *bytes, unsigned len, bool wide,
                    LsBranch *branch);

/* A bit for each vector of the faults that the instruction can raise in real
 * mode. */
uint32_t ls_insn_faults(const uint8_t *bytes, unsigned len);

/* Whether writing this port may remap memory on a PC: A20 and reset (0x92,
 * keyboard controller), PCI configuration (PAM, SMRAM, BARs), SMI. */
bool ls_port_remaps(uint16_t port);

#endif
