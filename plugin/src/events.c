/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads QEMU's `-d int` log (see events.h).  The lines and who writes them:
 *   Servicing hardware INT=0x%02x           seg_helper.c, before delivery
 *   %6d: v=%02x e=%04x i=%d cpl=... pc=...  do_interrupt_all(), PE=1 only
 *   SMM: enter / SMM: after RSM             smm_helper.c
 *   Triple fault                            excp_helper.c
 * Register dumps follow; they are passed over.
 */
#define _GNU_SOURCE
#include "events.h"

#include "pages.h"
#include "push.h"

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

void ls_events_close(void)
{
    map = NULL;
    for (unsigned i = 0; i < atomic_load(&ls_recorder_count); i++) {
        ls_events_start(ls_recorders[i]);
    }
}

static void push_event(LsRecorder *r, uint64_t what, uint64_t error,
                       uint64_t ip, uint64_t cr2)
{
    ls_push(r, what << 16 | LS_W_EVENT);
    ls_push(r, error);
    ls_push(r, ip);
    ls_push_checked(r, cr2);
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

static bool starts(const char *line, const char *end, const char *with)
{
    size_t len = strlen(with);

    return (size_t)(end - line) >= len && !memcmp(line, with, len);
}

/* A hardware interrupt was announced and its delivery line has not come. */
typedef struct {
    bool open;
    uint64_t vector;
} Pending;

static void take_delivery(LsRecorder *r, Pending *irq, const char *line,
                          const char *end)
{
    uint64_t vector = field(line, end, " v=", 0) & 0xff;
    uint64_t what = vector;

    if ((irq->open && irq->vector == vector) || vector == 2) {
        what |= LS_EV_HARDWARE;
    } else if (field(line, end, " i=", 0)) {
        what |= LS_EV_SOFTWARE;
    }
    irq->open = false;
    push_event(r, what, field(line, end, " e=", 0),
               field(line, end, " pc=", UINT64_MAX),
               field(line, end, " CR2=", 0));
}

static void take_line(LsRecorder *r, Pending *irq, const char *line,
                      const char *end)
{
    if (starts(line, end, "Servicing ")) {
        irq->vector = field(line, end, "INT=0x", 0);
        irq->open = true;
    } else if (starts(line, end, "SMM: enter")) {
        push_event(r, LS_EV_SMM_ENTER, 0, UINT64_MAX, 0);
        ls_pages_unmap(r); /* SMRAM comes and goes without a change of CR3 */
    } else if (starts(line, end, "SMM: after RSM")) {
        push_event(r, LS_EV_SMM_LEAVE, 0, UINT64_MAX, 0);
    } else if (starts(line, end, "Triple fault")) {
        push_event(r, LS_EV_RESET, 0, UINT64_MAX, 0);
    } else {
        const char *at = line;

        while (at < end && (*at == ' ' || (*at >= '0' && *at <= '9'))) {
            at++;
        }
        if (at > line && starts(at, end, ": v=")) {
            take_delivery(r, irq, line, end);
        }
    }
}

void ls_events_take(LsRecorder *r)
{
    const char *line = (const char *)(uintptr_t)r->log;
    Pending irq = { false, 0 };
    uint64_t consumed;

    for (;;) {
        const char *end = line;

        while (*end && *end != '\n') {
            end++;
        }
        if (!*end) {
            break; /* a line is written whole before the vCPU goes on */
        }
        take_line(r, &irq, line, end);
        line = end + 1;
    }
    if (irq.open) { /* real mode: no delivery line */
        push_event(r, irq.vector | LS_EV_HARDWARE, 0, UINT64_MAX, 0);
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
