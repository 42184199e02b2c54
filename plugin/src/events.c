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
#include "buffer.h"
#include "cpu_view.h"
#include "fw_cfg.h"
#include "guest_memory.h"
#include "insn_hooks.h"
#include "log_line.h"
#include "nested.h"
#include "nvme.h"
#include "owners.h"
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

/* The hexadecimal number behind `name` in the line, or `otherwise`. */
static uint64_t field(const char *line, const char *end, const char *name,
                      uint64_t otherwise)
{
    return ls_line_number(line, end, name, 16, otherwise);
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

/* What has been read and waits for what comes after it. */
typedef struct {
    bool irq;         /* an interrupt was announced, its delivery line not read */
    uint64_t vector;
    LsLoggedEvent *event;
    unsigned count, room;
} Taking;

/* The handler begins at SMBASE + 0x8000, which CS.base is; the state is saved in
 * the last 512 bytes of the 64 KiB (SDM 3C 32.4). */
static void explain_smm(const LsRecorder *r)
{
    if (r->eip && ls_view_u32(r->eip, LS_VIEW_HFLAGS) & LS_HF_SMM) {
        ls_audit_explain(ls_view_u64(r->eip, LS_VIEW_CS_BASE) + 0xfe00, 0x200,
                         LS_BY_SMM_STATE_SAVE);
    }
}

/* Whether the event found another CR3 than the stream says: what came before it has
 * changed it.  A task gate changes it later. */
static bool cr3_is_news(const LsRecorder *r, const LsOpenEvent *event)
{
    uint64_t found = event->before.paging.cr3;

    return event->dumped && r->eip && found != r->cr3 &&
           found == ls_view_u64(r->eip, LS_VIEW_CR3);
}

/* Tells the event of the vCPU whose turn it is in the stream. */
static void tell_event(LsRecorder *r, Taking *t, unsigned i, bool lost)
{
    LsOpenEvent *event = &t->event[i].event;
    const LsOpenEvent *next = t->event[i].next < 0
                                  ? NULL
                                  : &t->event[t->event[i].next].event;
    const LsCpuDump *after = NULL;
    LsCpuDump now;

    if (event->dumped && r->eip) {
        ls_cpu_dump_take_tables(r->eip, &event->before);
    }
    if (t->event[i].vcpu != LS_NOBODY && cr3_is_news(r, event)) {
        ls_record_cr3(r);
    }
    if (t->event[i].vcpu == LS_NOBODY) {
        /* A triple fault comes right behind what led to it. */
        event->what |= event->what & LS_EV_RESET ? 0 : LS_EV_UNOWNED;
    } else if (t->event[i].real && !lost) {
        ls_deliver_tell_real(r, event->what, UINT64_MAX);
        return;
    } else if (next) {
        after = next->dumped ? &next->before : NULL;
    } else if (r->eip && !lost) {
        ls_cpu_dump_view(r->eip, &now);
        after = &now;
    }
    ls_deliver_tell(r, event, after);
    if (event->what & LS_EV_SMM_ENTER) {
        ls_pages_unmap(r); /* SMRAM comes and goes without a change of CR3 */
        if (ls_audit_is_on() && !lost) {
            explain_smm(r);
        }
    }
}

/* Tells all events that were read.  `lost`: what came of the last ones cannot be seen
 * any more. */
static void tell_events(LsRecorder *r, Taking *t, bool lost)
{
    ls_owners_find(r, t->event, t->count, lost);
    for (unsigned i = 0; i < t->count; i++) {
        int vcpu = t->event[i].vcpu;

        if (vcpu != LS_NOBODY && (unsigned)vcpu != r->vcpu) {
            ls_record_switch(r, (unsigned)vcpu);
        }
        tell_event(r, t, i, lost);
    }
    t->count = 0;
}

/* Room for one more.  A guest may raise exceptions without end and run no block. */
static void make_room(LsRecorder *r, Taking *t)
{
    unsigned room = t->room ? 2 * t->room : 64;

    if (t->room == LS_LOGGED_EVENTS) {
        tell_events(r, t, true);
        return;
    }
    t->event = ls_grow(t->event, room * sizeof(*t->event));
    t->room = room;
}

static void add(LsRecorder *r, Taking *t, LsLoggedEvent event)
{
    if (t->count == t->room) {
        make_room(r, t);
    }
    t->event[t->count++] = event;
}

/* The interrupt that was announced had no delivery line: it was in real mode. */
static void add_announced(LsRecorder *r, Taking *t)
{
    if (t->irq) {
        add(r, t, (LsLoggedEvent){
                      .real = true,
                      .event = { .what = t->vector | LS_EV_HARDWARE,
                                 .ip = UINT64_MAX } });
    }
    t->irq = false;
}

static void take_delivery(LsRecorder *r, Taking *t, const char *line,
                          const char *end)
{
    uint64_t vector = field(line, end, " v=", 0) & 0xff;
    LsOpenEvent event = {
        .what = vector,
        .error = field(line, end, " e=", 0),
        .ip = field(line, end, " pc=", UINT64_MAX),
        .cr2 = field(line, end, " CR2=", 0),
    };

    if ((t->irq && t->vector == vector) || vector == 2) {
        event.what |= LS_EV_HARDWARE;
    } else if (field(line, end, " i=", 0)) {
        event.what |= LS_EV_SOFTWARE;
    }
    t->irq = t->irq && t->vector != vector;
    add_announced(r, t);
    event.dumped = r->eip && ls_cpu_dump_parse(end, &event.before);
    add(r, t, (LsLoggedEvent){ .event = event });
}

/* An event that no table leads to. */
static void take_other(LsRecorder *r, Taking *t, uint64_t what,
                       const char *end)
{
    LsOpenEvent event = { .what = what, .ip = UINT64_MAX };

    add_announced(r, t);
    event.dumped = r->eip && ls_cpu_dump_parse(end, &event.before);
    add(r, t, (LsLoggedEvent){ .event = event });
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
    if (ls_line_starts(line, end, "address_space_map ")) {
        take_map(line, end);
    } else if (ls_line_starts(line, end, "memory_region_ops_write ")) {
        take_device_write(line, end);
    } else if (ls_line_starts(line, end, "virtio_queue_notify ")) {
        ls_virtio_notified(field(line, end, " vdev 0x", 0),
                           (int)ls_line_number(line, end, " n ", 10, 0),
                           field(line, end, " vq 0x", 0));
    } else if (ls_line_starts(line, end, "virtqueue_pop ")) {
        ls_virtio_popped(field(line, end, " vq 0x", 0));
    } else {
        return ls_nvme_traced(line, end);
    }
    return true;
}

static const char restoring[] = "loadvm_state_setup";

/* QEMU began to load a snapshot, and has done so since: memory and CPUs are others
 * than any that ran before.  What their handlers would have shown of events is lost. */
static void take_restored(LsRecorder *r, Taking *t)
{
    LsOpenEvent event = { .what = LS_EV_RESTORED, .ip = UINT64_MAX };

    add_announced(r, t);
    tell_events(r, t, true);
    r->strays += r->stray_count;
    r->stray_count = 0;
    ls_deliver_tell(r, &event, NULL);
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
    if (ls_line_starts(line, end, "Servicing ")) {
        add_announced(r, t);
        t->vector = field(line, end, "INT=0x", 0);
        t->irq = true;
    } else if (ls_line_starts(line, end, "SMM: enter")) {
        take_other(r, t, LS_EV_SMM_ENTER, end);
    } else if (ls_line_starts(line, end, "SMM: after RSM")) {
        take_other(r, t, LS_EV_SMM_LEAVE, end);
    } else if (take_trace(line, end)) {
        return;
    } else if (ls_line_starts(line, end, restoring)) {
        take_restored(r, t);
    } else if (ls_line_starts(line, end, "Triple fault")) {
        take_other(r, t, LS_EV_RESET, end);
    } else {
        const char *at = line;

        while (at < end && (*at == ' ' || (*at >= '0' && *at <= '9'))) {
            at++;
        }
        if (at > line && ls_line_starts(at, end, ": v=")) {
            take_delivery(r, t, line, end);
        }
    }
}

void ls_events_take(LsRecorder *r)
{
    const char *line = (const char *)(uintptr_t)r->log;
    static Taking taking; /* events are told of one vCPU thread */
    uint64_t consumed;

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
    add_announced(r, &taking);
    tell_events(r, &taking, false);
    ls_deliver_settle_strays(r);
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
        ls_events_take(r);
    }
}
