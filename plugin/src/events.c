/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads QEMU's `-d int` log (see events.h).  The lines and who writes them:
 *   Servicing hardware INT=0x%02x           seg_helper.c, before delivery
 *   %6d: v=%02x e=%04x i=%d cpl=... pc=...  do_interrupt_all(), PE=1 only
 *   SMM: enter / SMM: after RSM             smm_helper.c
 *   Triple fault                            excp_helper.c
 *   loadvm_state_setup                      migration/savevm.c, traced
 *   what `-trace` adds, see take_trace()    trace-events
 * Register dumps follow (cpu_dump.h).
 */
#define _GNU_SOURCE
#include "events.h"

#include "audit.h"
#include "cpu_view.h"
#include "deliver.h"
#include "fw_cfg.h"
#include "guest_memory.h"
#include "insn_hooks.h"
#include "nested.h"
#include "nvme.h"
#include "pages.h"
#include "regions.h"
#include "virtio.h"
#include "walker.h"
#include "words.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define WINDOW_BYTES (UINT64_C(1) << 36) /* address space, not memory */
enum { PUNCH_BYTES = 1 << 20 };

static const char no_log[1];
static const char *map;
static int log_fd = -1;
static uint64_t punched;

const char *ls_events_open(const char *path)
{
    void *at;

    log_fd = open(path, O_RDWR | O_CLOEXEC);
    if (log_fd < 0 || ftruncate(log_fd, (off_t)WINDOW_BYTES) != 0) {
        return strerror(errno);
    }
    at = mmap(NULL, WINDOW_BYTES, PROT_READ, MAP_SHARED | MAP_NORESERVE,
              log_fd, 0);
    if (at == MAP_FAILED) {
        return strerror(errno);
    }
    map = at;
    return NULL;
}

/* Where QEMU will write next: its file was empty when we made it longer, and
 * what it has written has no zero bytes. */
static uint64_t log_end(void)
{
    uint64_t at = punched;

    while (map[at]) {
        at += strlen(map + at);
    }
    return at;
}

void ls_events_start(LsRecorder *r)
{
    r->log = map ? map + log_end() : no_log;
}

/* The number after `name` in the line, or `otherwise`. */
static uint64_t field(const char *line, const char *end, const char *name,
                      uint64_t otherwise)
{
    size_t len = strlen(name);

    for (const char *at = line; at + len < end; at++) {
        if (!memcmp(at, name, len)) {
            return strtoull(at + len, NULL, 16);
        }
    }
    return otherwise;
}

uint64_t ls_events_next_ip(const LsRecorder *r)
{
    const char *text = (const char *)(uintptr_t)r->log;
    const char *event = strstr(text, ": v=");

    return event ? field(event, event + strcspn(event, "\n"), " pc=",
                         UINT64_MAX)
                 : UINT64_MAX;
}

bool ls_events_are_read(void)
{
    return map != NULL;
}

void ls_events_close(void)
{
    map = NULL;
    for (unsigned i = 0; i < atomic_load(&ls_recorder_count); i++) {
        ls_events_start(ls_recorders[i]);
    }
}

static bool starts(const char *line, const char *end, const char *with)
{
    size_t len = strlen(with);

    return (size_t)(end - line) >= len && !memcmp(line, with, len);
}

/* What has been read and waits for what comes after it. */
typedef struct {
    bool smm;         /* was entered */
    bool irq;         /* an interrupt was announced, its delivery line not read */
    uint64_t vector;
    const char *irq_line;
    LsOpenEvent event;
    const char *begin; /* of the event's lines */
} Taking;

/* The CPU state behind the line that ends at `end`. */
static bool read_dump(const LsRecorder *r, const char *end, LsCpuDump *dump)
{
    if (!r->eip || !ls_cpu_dump_parse(end, dump)) {
        return false;
    }
    ls_cpu_dump_take_tables(r->eip, dump);
    return true;
}

static void tell_open(LsRecorder *r, Taking *t, const LsCpuDump *after)
{
    if (t->event.open) {
        ls_deliver_tell(r, &t->event, after);
    }
}

static void take_delivery(LsRecorder *r, Taking *t, const char *line,
                          const char *end)
{
    uint64_t vector = field(line, end, " v=", 0) & 0xff;
    uint64_t what = vector;
    LsCpuDump state = { 0 };
    bool dumped = read_dump(r, end, &state);

    tell_open(r, t, dumped ? &state : NULL);
    if ((t->irq && t->vector == vector) || vector == 2) {
        what |= LS_EV_HARDWARE;
    } else if (field(line, end, " i=", 0)) {
        what |= LS_EV_SOFTWARE;
    }
    t->begin = t->irq ? t->irq_line : line;
    t->irq = false;
    t->event = (LsOpenEvent){
        .open = true,
        .dumped = dumped,
        .what = what,
        .error = field(line, end, " e=", 0),
        .ip = field(line, end, " pc=", UINT64_MAX),
        .cr2 = field(line, end, " CR2=", 0),
        .before = state,
    };
}

/* An event that no table leads to. */
static void take_other(LsRecorder *r, Taking *t, uint64_t what,
                       const char *end)
{
    LsCpuDump state = { 0 };
    bool dumped = read_dump(r, end, &state);

    tell_open(r, t, dumped ? &state : NULL);
    t->event = (LsOpenEvent){ .what = what, .ip = UINT64_MAX };
    ls_deliver_tell(r, &t->event, NULL);
}

/* A device maps memory. */
static void take_map(const char *line, const char *end)
{
    static const char name[] = " addr 0x";
    const char *addr = memmem(line, (size_t)(end - line), name,
                              sizeof(name) - 1);

    if (addr && field(line, end, " write:", 0) == 1) {
        ls_audit_expect_dma(field(addr, end, name, 0),
                            field(addr, end, ":", 0));
    }
}

static bool has(const char *line, const char *end, const char *text)
{
    return memmem(line, (size_t)(end - line), text, strlen(text)) != NULL;
}

/* The guest writes to a device, or did in this block. */
static void take_device_write(const char *line, const char *end)
{
    if (has(line, end, "name 'fwcfg.dma'")) {
        ls_fw_cfg_written(field(line, end, " addr 0x", 0),
                          field(line, end, " value 0x", 0),
                          (unsigned)field(line, end, " size ", 0));
    } else if (has(line, end, "name 'kvmvapic'")) {
        ls_audit_vapic_told();
    }
}

/* What `-trace` logs for the memory audit, from any thread.  False: it is another
 * line. */
static bool take_trace(const char *line, const char *end)
{
    if (starts(line, end, "address_space_map ")) {
        take_map(line, end);
    } else if (starts(line, end, "memory_region_ops_write ")) {
        take_device_write(line, end);
    } else if (starts(line, end, "virtio_queue_notify ")) {
        const char *n = memmem(line, (size_t)(end - line), " n ", 3);

        ls_virtio_notified(field(line, end, " vdev 0x", 0),
                           n ? (int)strtol(n + 3, NULL, 10) : 0,
                           field(line, end, " vq 0x", 0));
    } else if (starts(line, end, "virtqueue_pop ")) {
        ls_virtio_popped(field(line, end, " vq 0x", 0));
    } else {
        return ls_nvme_traced(line, end);
    }
    return true;
}

static const char restoring[] = "loadvm_state_setup";

/* QEMU began to load a snapshot, and has done so since: memory and CPUs are others
 * than any that ran before.  What their handlers would have shown of events is lost. */
static void take_restored(LsRecorder *r, Taking *t, const char *end)
{
    tell_open(r, t, NULL);
    if (t->irq) {
        t->event = (LsOpenEvent){ .what = t->vector | LS_EV_HARDWARE,
                                  .ip = UINT64_MAX };
        ls_deliver_tell(r, &t->event, NULL);
    }
    r->strays += r->stray_count;
    r->stray_count = 0;
    take_other(r, t, LS_EV_RESTORED, end);
    t->irq = t->smm = false;
    ls_pages_unmap(r);
    ls_regions_forget();
    ls_guest_memory_forget();
    ls_walker_forget(r);
    ls_walker_enter(r); /* before the first access */
    ls_nested_forget(r);
    ls_virtio_forget();
    ls_nvme_forget();
    if (ls_audit_is_on()) {
        ls_audit_restored();
    }
}

bool ls_events_restored(const LsRecorder *r)
{
    return strstr((const char *)(uintptr_t)r->log, restoring) != NULL;
}

static void take_line(LsRecorder *r, Taking *t, const char *line,
                      const char *end)
{
    if (starts(line, end, "Servicing ")) {
        t->vector = field(line, end, "INT=0x", 0);
        t->irq = true;
        t->irq_line = line;
    } else if (starts(line, end, "SMM: enter")) {
        take_other(r, t, LS_EV_SMM_ENTER, end);
        t->smm = true;
        ls_pages_unmap(r); /* SMRAM comes and goes without a change of CR3 */
    } else if (starts(line, end, "SMM: after RSM")) {
        take_other(r, t, LS_EV_SMM_LEAVE, end);
    } else if (take_trace(line, end)) {
        return;
    } else if (starts(line, end, restoring)) {
        take_restored(r, t, end);
    } else if (starts(line, end, "Triple fault")) {
        take_other(r, t, LS_EV_RESET, end);
    } else {
        const char *at = line;

        while (at < end && (*at == ' ' || (*at >= '0' && *at <= '9'))) {
            at++;
        }
        if (at > line && starts(at, end, ": v=")) {
            take_delivery(r, t, line, end);
        }
    }
}

/* The handler of the last event is about to run.  False: it is not this vCPU's,
 * and was not told. */
static bool tell_last(LsRecorder *r, Taking *t, bool leaving)
{
    LsCpuDump now;

    if (t->event.open && r->eip) {
        ls_cpu_dump_view(r->eip, &now);
        if (leaving && !ls_deliver_led_to(&t->event, &now)) {
            return false;
        }
        ls_deliver_tell(r, &t->event, &now);
    } else {
        tell_open(r, t, NULL);
    }
    if (t->irq) { /* no delivery line: real mode */
        ls_deliver_tell_real(r, t->vector | LS_EV_HARDWARE, UINT64_MAX);
    }
    return true;
}

/* The handler begins at SMBASE + 0x8000, which CS.base is; the state is saved in
 * the last 512 bytes of the 64 KiB (SDM 3C 32.4). */
static void explain_smm(const LsRecorder *r)
{
    if (r->eip && ls_view_u32(r->eip, LS_VIEW_HFLAGS) & LS_HF_SMM) {
        ls_audit_explain(ls_view_u64(r->eip, LS_VIEW_CS_BASE) + 0xfe00, 0x200,
                         LS_BY_SMM_STATE_SAVE);
    }
}

static void take(LsRecorder *r, bool leaving)
{
    const char *line = (const char *)(uintptr_t)r->log;
    Taking taking = { .irq = false };
    uint64_t consumed;

    taking.begin = line;
    for (;;) {
        const char *end = line;

        while (*end && *end != '\n') {
            end++;
        }
        if (!*end) {
            break; /* a line is written whole before the vCPU goes on */
        }
        take_line(r, &taking, line, end);
        line = end + 1;
    }
    if (taking.smm && ls_audit_is_on()) {
        explain_smm(r);
    }
    if (!tell_last(r, &taking, leaving)) {
        line = taking.begin;
    } else {
        ls_deliver_settle_strays(r);
    }
    r->log = line;
    consumed = (uint64_t)(line - map);
    if (consumed - punched > 2 * PUNCH_BYTES) {
        uint64_t upto = (consumed - PUNCH_BYTES) & ~(uint64_t)4095;

        /* Frees the memory behind us; where that is not possible it costs
         * space, not correctness. */
        (void)!fallocate(log_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                         (off_t)punched, (off_t)(upto - punched));
        punched = upto;
    }
}

bool ls_events_take_traces(LsRecorder *r)
{
    while (*r->log) {
        const char *line = (const char *)(uintptr_t)r->log;
        const char *end = line;

        if (r->kept_log) {
            return true;
        }
        /* Another thread may be writing it. */
        while (*(const volatile char *)end != '\n') {
            end += *(const volatile char *)end != 0;
        }
        if (!take_trace(line, end)) {
            return true;
        }
        r->log = end + 1;
    }
    return false;
}

void ls_events_finish(LsRecorder *r)
{
    if (r->kept_log) {
        r->log = r->kept_log;
        ls_insn_forget(r);
    }
    if (*r->log) {
        take(r, false);
    }
}

void ls_events_take(LsRecorder *r)
{
    take(r, false);
}

void ls_events_leave(LsRecorder *r)
{
    take(r, true);
}
