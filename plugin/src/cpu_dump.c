/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads QEMU's CPU state dumps (see cpu_dump.h). */
#define _GNU_SOURCE
#include "cpu_dump.h"

#include "cpu_view.h"

#include <stdlib.h>
#include <string.h>

enum {
    EFER_LMA = 1 << 10,
    VIEW_SEGMENTS = LS_VIEW_CS_BASE - 32, /* env->segs[0] */
    SEGMENT_BYTES = 24,
};

/* The hexadecimal number behind the first `name` before `end`. */
static bool number(const char *text, const char *end, const char *name,
                   uint64_t *value)
{
    const char *at = memmem(text, (size_t)(end - text), name, strlen(name));

    if (!at) {
        return false;
    }
    *value = strtoull(at + strlen(name), NULL, 16);
    return true;
}

/* "ES =0010 base limit flags ..." */
static bool segment(const char *text, const char *end, const char *name,
                    LsSegment *to)
{
    const char *at = memmem(text, (size_t)(end - text), name, strlen(name));
    char *next;

    if (!at) {
        return false;
    }
    to->selector = (uint32_t)strtoul(at + strlen(name), &next, 16);
    to->base = strtoull(next, &next, 16);
    to->limit = (uint32_t)strtoul(next, &next, 16);
    to->flags = (uint32_t)strtoul(next, &next, 16);
    return true;
}

static void read_general(const char *text, const char *end, LsCpuDump *dump)
{
    static const char *const names[LS_GENERAL] = { "AX=", "CX=", "DX=", "BX=",
                                                   "SP=", "BP=", "SI=", "DI=" };
    uint64_t value;

    for (unsigned i = 0; i < LS_GENERAL; i++) {
        if (number(text, end, names[i], &value)) {
            dump->general[i] = (uint32_t)value;
        }
    }
}

bool ls_cpu_dump_parse(const char *text, LsCpuDump *dump)
{
    static const char *const names[] = { "\nES =", "\nCS =", "\nSS =",
                                         "\nDS =", "\nFS =", "\nGS =",
                                         "\nLDT=", "\nTR =" };
    const char *end = strstr(text, "\nEFER=");
    uint64_t efer, cpl, smm;

    memset(dump, 0, sizeof(*dump));
    if (!end) {
        return false;
    }
    efer = strtoull(end + strlen("\nEFER="), NULL, 16);
    dump->paging.long_mode = efer & EFER_LMA;
    for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (!segment(text, end, names[i], &dump->segment[i])) {
            return false;
        }
    }
    if (!number(text, end, " CPL=", &cpl) || !number(text, end, " SMM=", &smm) ||
        !number(text, end, "\nCR0=", &dump->paging.cr0) ||
        !number(text, end, " CR3=", &dump->paging.cr3) ||
        !number(text, end, " CR4=", &dump->paging.cr4) ||
        !(number(text, end, "\nRIP=", &dump->ip) ||
          number(text, end, "\nEIP=", &dump->ip)) ||
        !(number(text, end, " RSP=", &dump->sp) ||
          number(text, end, " ESP=", &dump->sp)) ||
        !(number(text, end, " RFL=", &dump->flags) ||
          number(text, end, " EFL=", &dump->flags))) {
        return false;
    }
    read_general(text, end, dump);
    text = strstr(text, "\nCR0=");
    dump->cpl = (unsigned)cpl & 3;
    dump->smm = smm != 0;
    return number(text, end, " CR2=", &dump->cr2);
}

static void view_segments(const uint8_t *eip, LsCpuDump *dump, unsigned from)
{
    for (unsigned i = from; i < LS_SEGMENTS; i++) {
        int at = VIEW_SEGMENTS + (int)i * SEGMENT_BYTES;

        dump->segment[i] = (LsSegment){
            .selector = ls_view_u32(eip, at),
            .base = ls_view_u64(eip, at + 8),
            .limit = ls_view_u32(eip, at + 16),
            .flags = ls_view_u32(eip, at + 20),
        };
    }
}

void ls_cpu_dump_take_tables(const uint8_t *eip, LsCpuDump *dump)
{
    /* A task gate has changed the first two since; only without long mode. */
    view_segments(eip, dump, dump->paging.long_mode ? LS_LDT : LS_GDT);
}

void ls_cpu_dump_view(const uint8_t *eip, LsCpuDump *dump)
{
    uint32_t hflags = ls_view_u32(eip, LS_VIEW_HFLAGS);

    memset(dump, 0, sizeof(*dump));
    view_segments(eip, dump, LS_ES);
    dump->paging = (LsPaging){
        .cr0 = ls_view_u64(eip, LS_VIEW_CR0),
        .cr3 = ls_view_u64(eip, LS_VIEW_CR3),
        .cr4 = ls_view_u64(eip, LS_VIEW_CR4),
        .long_mode = hflags & LS_HF_LMA,
    };
    dump->ip = ls_view_u64(eip, 0);
    dump->sp = ls_view_register(eip, LS_RSP);
    dump->flags = ls_view_u64(eip, LS_VIEW_EFLAGS);
    dump->cr2 = ls_view_u64(eip, LS_VIEW_CR0 + 16);
    for (unsigned i = 0; i < LS_GENERAL; i++) {
        dump->general[i] = (uint32_t)ls_view_register(eip, i);
    }
    dump->cpl = hflags & LS_HF_CPL;
    dump->smm = hflags & LS_HF_SMM;
}
