/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The CPU state that QEMU writes to its log when it delivers an interrupt or
 * exception: how things were before (target/i386/cpu-dump.c,
 * x86_cpu_dump_state).
 */
#ifndef LOADSTORE_CPU_DUMP_H
#define LOADSTORE_CPU_DUMP_H

#include "paging.h"

typedef struct {
    uint32_t selector;
    uint32_t limit;
    uint32_t flags;   /* upper half of the descriptor */
    uint64_t base;
} LsSegment;

enum { LS_ES, LS_CS, LS_SS, LS_DS, LS_FS, LS_GS, LS_LDT, LS_TR, LS_GDT, LS_IDT,
       LS_SEGMENTS };

enum { LS_GENERAL = 8 };

typedef struct {
    LsPaging paging;
    LsSegment segment[LS_SEGMENTS];
    uint64_t ip, sp, flags, cr2;
    uint32_t general[LS_GENERAL]; /* lower halves, in the order of encoding; 0 when
                                     not logged */
    unsigned cpl;
    bool smm;
} LsCpuDump;

enum { LS_EFLAGS_VM = 1 << 17, LS_EFLAGS_RF = 1 << 16 };

/* Reads the dump that begins behind `text`'s first line; `text` ends with a zero
 * byte.  False when a field is missing. */
bool ls_cpu_dump_parse(const char *text, LsCpuDump *dump);

/* How things are now, from the vCPU's own registers (cpu_view.h). */
void ls_cpu_dump_view(const uint8_t *eip, LsCpuDump *dump);

/* Takes from there what the dump does not have whole: GDTR and IDTR, and in long mode
 * LDTR and TR, of which compatibility code has half of the base logged. */
void ls_cpu_dump_take_tables(const uint8_t *eip, LsCpuDump *dump);

#endif
