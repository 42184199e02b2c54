/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Compares RAM with what stores were seen (see audit.h). */
#define _GNU_SOURCE
#include "audit.h"

#include "clock.h"
#include "events.h"
#include "guest_memory.h"
#include "qemu_api.h"
#include "virtio.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define MARK_NS UINT64_C(1000000000)
enum {
    PAGE_BYTES = 4096,
    LOW_PAGES = 256, /* below 1 MiB RAM's place in its block is its address */
    MAX_RANGES = 16,
    OPTION_ROMS = 0xc0000, /* up to 1 MiB */
};

typedef struct {
    uint64_t paddr, bytes;
} Range;

static const uint8_t *ram; /* the block, as QEMU holds it */
static uint64_t ram_bytes;
static uint64_t ram_told;  /* address of its first byte in QEMU 7.2's words */
static uint8_t *seen;      /* what reported stores make of it */
static uint8_t *all;       /* and with those that were worked out */
static uint8_t *cause_of;  /* of a byte in which these two may differ */
static uint16_t *dma_mark; /* the mark before which a device said it would write */
static bool vapic_told;    /* QEMU's vAPIC was told of its option ROM */
static uint64_t last_mark;

static uint64_t comparisons, differing, by_cause[LS_AUDIT_CAUSES];
static Range range[MAX_RANGES];
static unsigned range_count;

static int find_block(void *block, void *host)
{
    const uint8_t *begin = ls_api.ram_host(block);

    if ((const uint8_t *)host < begin ||
        (const uint8_t *)host >= begin + ls_api.ram_length(block)) {
        return 0;
    }
    ram = begin;
    ram_bytes = ls_api.ram_length(block);
    return 1;
}

/* Takes no memory before it is written to. */
static void *copy_space(size_t times)
{
    void *at = mmap(NULL, ram_bytes * times, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return at == MAP_FAILED ? NULL : at;
}

bool ls_audit_begin(void)
{
    const uint8_t *first;

    if (!ls_guest_memory_is_readable() || !ls_api.each_ram ||
        !ls_api.ram_host || !ls_api.ram_length || !ls_api.ram_addr ||
        !(first = ls_guest_page(0)) ||
        !ls_api.each_ram(find_block, (void *)(uintptr_t)first)) {
        return false;
    }
    ram_told = ls_api.ram_addr((void *)(uintptr_t)ram);
    if (!seen) {
        seen = copy_space(1);
        all = copy_space(1);
        cause_of = copy_space(1);
        dma_mark = copy_space(sizeof(*dma_mark));
    }
    if (!seen || !all || !cause_of || !dma_mark) {
        return false;
    }
    for (uint64_t at = 0; at < ram_bytes; at += PAGE_BYTES) {
        if (memcmp(seen + at, ram + at, PAGE_BYTES)) {
            memcpy(seen + at, ram + at, PAGE_BYTES);
            memcpy(all + at, ram + at, PAGE_BYTES);
        }
    }
    last_mark = ls_now_ns();
    return true;
}

bool ls_audit_is_on(void)
{
    return cause_of != NULL;
}

/* Offset into the block, or -1: elsewhere. */
static uint64_t offset_of(uint64_t page)
{
    const uint8_t *host;

    if (page < LOW_PAGES) {
        return page * PAGE_BYTES;
    }
    host = ls_guest_page(page);
    return host >= ram && host < ram + ram_bytes ? (uint64_t)(host - ram)
                                                 : UINT64_MAX;
}

/* The same of a page as callbacks call it. */
static uint64_t offset_of_told(uint64_t page)
{
    if (ls_api.version > 1) {
        return offset_of(page);
    }
    page = page * PAGE_BYTES - ram_told;
    return page < ram_bytes ? page : UINT64_MAX;
}

void ls_audit_store(uint64_t page, unsigned offset, unsigned bytes)
{
    uint64_t at = offset_of_told(page);

    if (at == UINT64_MAX) {
        return;
    }
    at += offset;
    memcpy(seen + at, ram + at, bytes);
    memcpy(all + at, ram + at, bytes);
    memset(cause_of + at, LS_BY_UNKNOWN, bytes);
}

void ls_audit_explain(uint64_t paddr, uint64_t bytes, LsAuditCause cause)
{
    while (bytes && ls_audit_is_on()) {
        uint64_t in_page = paddr & (PAGE_BYTES - 1);
        uint64_t some = bytes < PAGE_BYTES - in_page ? bytes
                                                     : PAGE_BYTES - in_page;
        uint64_t at = offset_of(paddr / PAGE_BYTES);

        if (at != UINT64_MAX) {
            memcpy(all + at + in_page, ram + at + in_page, some);
            memset(cause_of + at + in_page, (int)cause, some);
        }
        paddr += some;
        bytes -= some;
    }
}

void ls_audit_expect_dma(uint64_t paddr, uint64_t bytes)
{
    while (bytes && ls_audit_is_on()) {
        uint64_t in_page = paddr & (PAGE_BYTES - 1);
        uint64_t some = bytes < PAGE_BYTES - in_page ? bytes
                                                     : PAGE_BYTES - in_page;
        uint64_t at = offset_of(paddr / PAGE_BYTES);

        for (uint64_t i = 0; at != UINT64_MAX && i < some; i++) {
            dma_mark[at + in_page + i] = (uint16_t)(comparisons + 1);
        }
        paddr += some;
        bytes -= some;
    }
}

bool ls_audit_before(uint64_t paddr, uint8_t *bytes, unsigned count)
{
    uint64_t in_page = paddr & (PAGE_BYTES - 1);
    uint64_t at = ls_audit_is_on() ? offset_of(paddr / PAGE_BYTES) : UINT64_MAX;

    if (at == UINT64_MAX || in_page + count > PAGE_BYTES) {
        return false;
    }
    memcpy(bytes, seen + at + in_page, count);
    return true;
}

void ls_audit_vapic_told(void)
{
    vapic_told = true;
}

/* QEMU's vAPIC, once told where its option ROM is, makes each hypercall in that,
 * `mov $1, %eax; vmcall`, a `nop; out %eax, $0x7e` (hw/i386/kvmvapic.c). */
static bool is_vapic_patch(uint64_t at)
{
    static const uint8_t before[] = { 0xb8, 1, 0, 0, 0, 0x0f, 0x01, 0xc1 };
    static const uint8_t after[] = { 0xb8, 1, 0, 0, 0, 0x90, 0xe7, 0x7e };

    for (uint64_t begin = at - 7; vapic_told && begin <= at - 5; begin++) {
        if (begin >= OPTION_ROMS &&
            begin + sizeof(after) <= LOW_PAGES * PAGE_BYTES &&
            !memcmp(all + begin, before, sizeof(before)) &&
            !memcmp(ram + begin, after, sizeof(after))) {
            return true;
        }
    }
    return false;
}

/* Of a byte that now is `is`. */
static LsAuditCause cause_at(uint64_t at, uint8_t is)
{
    if (is == all[at] && cause_of[at] != LS_BY_UNKNOWN) {
        return (LsAuditCause)cause_of[at];
    }
    /* This mark, or the one before it. */
    if (dma_mark[at] && (uint16_t)(comparisons + 1 - dma_mark[at]) < 2) {
        return LS_BY_DEVICE_DMA;
    }
    return is_vapic_patch(at) ? LS_BY_VAPIC : LS_BY_UNKNOWN;
}

/* Below 4 GiB the block's offsets are guest-physical addresses, and what is above
 * was moved up by the hole for devices: not told further. */
static void note_unknown(uint64_t at)
{
    Range *last = range_count ? &range[range_count - 1] : NULL;

    if (last && last->paddr + last->bytes == at) {
        last->bytes++;
    } else if (range_count < MAX_RANGES) {
        range[range_count++] = (Range){ at, 1 };
    }
}

/* Devices write while we look: all is said of one moment's bytes, after reading
 * what devices said up to then. */
static void compare_page(LsRecorder *r, uint64_t page)
{
    uint8_t is[PAGE_BYTES];

    memcpy(is, ram + page, PAGE_BYTES);
    ls_events_take_traces(r);
    for (uint64_t at = page; at < page + PAGE_BYTES; at++) {
        LsAuditCause cause;

        if (is[at - page] == seen[at]) {
            continue;
        }
        cause = cause_at(at, is[at - page]);
        differing++;
        by_cause[cause]++;
        if (cause == LS_BY_UNKNOWN) {
            note_unknown(at);
        }
    }
    memcpy(seen + page, is, PAGE_BYTES);
    memcpy(all + page, is, PAGE_BYTES);
    memset(cause_of + page, LS_BY_UNKNOWN, PAGE_BYTES);
}

void ls_audit_compare(LsRecorder *r)
{
    ls_virtio_expect();
    for (uint64_t at = 0; at < ram_bytes; at += PAGE_BYTES) {
        if (memcmp(ram + at, seen + at, PAGE_BYTES)) {
            compare_page(r, at);
        }
    }
    comparisons++;
    last_mark = ls_now_ns();
}

/* Takes the page over as it is; returns how many bytes were otherwise. */
static unsigned take_over(uint64_t page)
{
    unsigned count = 0;

    for (uint64_t at = page; at < page + PAGE_BYTES; at++) {
        count += ram[at] != seen[at];
    }
    memcpy(seen + page, ram + page, PAGE_BYTES);
    memcpy(all + page, ram + page, PAGE_BYTES);
    memset(cause_of + page, LS_BY_UNKNOWN, PAGE_BYTES);
    return count;
}

void ls_audit_restored(void)
{
    for (uint64_t page = 0; page < ram_bytes; page += PAGE_BYTES) {
        if (memcmp(ram + page, seen + page, PAGE_BYTES)) {
            unsigned count = take_over(page);

            differing += count;
            by_cause[LS_BY_SNAPSHOT] += count;
        }
    }
}

bool ls_audit_is_due(void)
{
    return ls_audit_is_on() && ls_now_ns() - last_mark > MARK_NS;
}

__attribute__((format(printf, 2, 3))) static void
add(LsBuffer *out, const char *format, ...)
{
    va_list args;

    ls_buffer_reserve(out, 256);
    va_start(args, format);
    out->length += (size_t)vsnprintf((char *)out->bytes + out->length, 256,
                                     format, args);
    va_end(args);
}

void ls_audit_report(LsBuffer *out)
{
    static const char *const names[LS_AUDIT_CAUSES] = {
        "unknown", "event-delivery", "page-walk", "smm-state-save",
        "device-dma", "vapic", "snapshot", "nested-state",
    };

    if (!ls_audit_is_on()) {
        return;
    }
    add(out, "\"memoryAudit\":{\"auditedBytes\":%" PRIu64
        ",\"comparisons\":%" PRIu64 ",\"differingBytes\":%" PRIu64
        ",\"unknownBytes\":%" PRIu64 ",\"byCause\":{",
        ram_bytes, comparisons, differing, by_cause[LS_BY_UNKNOWN]);
    for (unsigned i = 0; i < LS_AUDIT_CAUSES; i++) {
        add(out, "%s\"%s\":%" PRIu64, i ? "," : "", names[i], by_cause[i]);
    }
    add(out, "},\"ranges\":[");
    for (unsigned i = 0; i < range_count; i++) {
        add(out, "%s{\"paddr\":%" PRIu64 ",\"bytes\":%" PRIu64 "}",
            i ? "," : "", range[i].paddr, range[i].bytes);
    }
    add(out, "]},");
}
