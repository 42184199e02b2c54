/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A read-only view of the running vCPU's state, for what the plugin interface
 * does not give at a bearable price: the true instruction pointer at block
 * entry, CR3, and the mode bits that a block was translated for.
 *
 * The first fields of CPUX86State (target/i386/cpu.h: regs, eip, eflags, cc_*,
 * hflags, segs, ldt, tr, gdt, idt, cr) have kept their order since long before
 * plugins; where the structure lies inside the vCPU object has not.  So it is
 * found, not assumed: at the first translation the lowest offset that holds an
 * eip and a CS.base that add up to the address QEMU says it translates, with
 * mode bits that agree with CR0, is taken.  Every later translation, of every vCPU,
 * checks the same again; one disagreement switches the view off for good and
 * is counted.
 */
#ifndef LOADSTORE_CPU_VIEW_H
#define LOADSTORE_CPU_VIEW_H

#include <stdbool.h>
#include <stdint.h>

/* Byte offsets from eip, x86-64 targets. */
enum {
    LS_VIEW_EFLAGS = 8,
    LS_VIEW_DF = 44,      /* 1 or -1 */
    LS_VIEW_HFLAGS = 48,
    LS_VIEW_CS_BASE = 88,
    LS_VIEW_CR0 = 296,
    LS_VIEW_CR3 = 320,
    LS_VIEW_CR4 = 328,
};

/* Bits of hflags (target/i386/cpu.h, HF_*). */
enum {
    LS_HF_CPL = 3,
    LS_HF_CS32 = 1 << 4,
    LS_HF_PE = 1 << 7,
    LS_HF_LMA = 1 << 14,
    LS_HF_CS64 = 1 << 15,
    LS_HF_SMM = 1 << 19,
    LS_HF_GUEST = 1 << 21, /* of a nested hypervisor */
    /* What the trace keeps of a block's mode: CPL, code and stack size,
     * protected, long, virtual-8086 and system management mode. */
    LS_HF_BLOCK = 0x3 | 0x30 | 0x80 | 0xc000 | 1 << 17 | 1 << 19,
};

static inline uint64_t ls_view_u64(const uint8_t *eip, int field)
{
    return *(const volatile uint64_t *)(const void *)(eip + field);
}

static inline uint32_t ls_view_u32(const uint8_t *eip, int field)
{
    return *(const volatile uint32_t *)(const void *)(eip + field);
}

/*
 * To be called at each translation with the vCPU object and the block's linear
 * address.  Returns the address of the vCPU's eip, or NULL when it cannot be
 * known.
 */
const uint8_t *ls_view_at_translation(const void *cpu, uint64_t vaddr);

/* The address of eip in this vCPU object, or NULL. */
const uint8_t *ls_view_eip(const void *cpu);

/* General registers, in the order of their encoding. */
enum { LS_RAX, LS_RCX, LS_RDX, LS_RBX, LS_RSP };

/* Value of a general register.  QEMU 11 has room for 32 of them before eip, older
 * ones for 16. */
uint64_t ls_view_register(const uint8_t *eip, unsigned number);

/* How often a located view disagreed with QEMU; it is off from then on. */
uint64_t ls_view_mismatches(void);

#endif
