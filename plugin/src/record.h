/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Capture: the callbacks that run in the vCPU threads.
 *
 * Everything that can be decided when a block is translated is decided there
 * and comes back as the callback's userdata.  What is left per access is one
 * store into the ring and one look into a small page cache.
 */
#ifndef LOADSTORE_RECORD_H
#define LOADSTORE_RECORD_H

#include "code.h"
#include "layout.h"
#include "qemu_api.h"
#include "ring.h"

enum {
    LS_ALIAS_SLOTS = 4096,
    LS_MAX_VCPUS = 1024,
    LS_MAX_THREADS = 1024,
    LS_MAX_STRAYS = 64,
    LS_CLEARED_BITS = 4096,
};

/* The id of a block that ran elsewhere than it was translated for. */
typedef struct {
    uint64_t eip;             /* where it ran */
    uint32_t block;           /* as it was translated; UINT32_MAX: free slot */
    uint32_t id;
} LsAlias;

/* One per vCPU thread.  The first fields are touched by every callback. */
typedef struct LsRecorder {
    _Alignas(64) _Atomic(uint64_t *) head; /* next word to write */
    uint64_t *limit;          /* take the slow path from here on */
    uint64_t current;         /* word that started the running block */
    const uint8_t *view;      /* the vCPU's registers (cpu_view.h) or no_view */
    uint64_t cr3;
    const volatile char *log; /* next unread byte of QEMU's event log */
    void **cpu_slot;          /* this thread's current_cpu, or NULL */
    void *cpu;                /* the vCPU object that `view` belongs to */

    /* Addresses of pages whose mapping has been told and verified lately. */
    uint64_t page_base[LS_PAGE_SLOTS];
    /* What the stream says of each slot; the encoder holds the same table. */
    uint64_t page_virt[LS_PAGE_SLOTS];
    uint64_t page_phys[LS_PAGE_SLOTS];
    /* The slots that the stream says something of. */
    uint16_t page_told[LS_PAGE_SLOTS];
    unsigned told_count;
    LsAlias alias[LS_ALIAS_SLOTS];

    const uint8_t *eip;       /* `view`, or NULL when it cannot be known */
    LsRing ring;
    LsBlockDraft draft;       /* of the block being translated */
    uint64_t *turn;           /* end of the first mapping */
    unsigned vcpu;
    unsigned index;           /* of this recorder */
    /* Counted by the vCPU thread, read at the end. */
    uint64_t words;           /* pushed before `counted` */
    uint64_t *counted;
    _Atomic uint64_t waits;   /* slow paths that found the ring full */
    uint64_t map_checks;      /* cached mappings compared with QEMU's */
    uint64_t map_mismatches;
    uint64_t strays;          /* accesses that QEMU 7.2 reports in an event's
                                 delivery and that are none of it (T1) */
    /* Those since the last event: access words, one for each that fits. */
    uint64_t stray[LS_MAX_STRAYS];
    unsigned stray_count;
    uint64_t pending_in;      /* LS_W_PORT word of an `in` under way, or 0 */
    struct LsWalker *walker;  /* walker.c; NULL: no table is known */
    struct LsWalker *expected[2]; /* while paging is off: by EFER.LMA, later */
    /* Since mappings were last forgotten: an entry of a page table leads elsewhere than
     * it did; by a hash of their addresses, those that led somewhere and were cleared. */
    bool any_changed;
    bool any_cleared;
    uint8_t cleared[LS_CLEARED_BITS / 8];
    uint64_t walk_updates;    /* accessed and dirty bits that were told */
    uint64_t walk_mismatches; /* tables that someone else wrote to */
    unsigned pending_int;     /* vector + 1 of a software interrupt in real mode */
    uint64_t pending_ip;      /* its address */
    const volatile char *kept_log; /* `log`, while another makes us look */
    uint64_t confirmed_deliveries;  /* QEMU 7.2 reported the same accesses */
    uint64_t unknown_phys;
    uint64_t device[2];       /* where the parts of the access go in devices */
    unsigned device_parts;    /* which of them do */
    uint64_t aliased;         /* blocks that ran at another address */
    uint64_t deliveries;      /* events whose accesses were worked out */
    uint64_t missing_deliveries;    /* those that could not be */
    uint64_t apart_events;    /* those of LS_EV_APART, which have none */
    uint64_t events;          /* told */
    uint64_t unresolved;      /* blocks of real mode that were left in a way
                                 that could not be told */
    bool nested[LS_MAX_VCPUS];      /* the vCPU ran a nested guest when it last did */
    uint64_t vmcb[LS_MAX_VCPUS];    /* of its last vmrun; 0: not known */
    uint64_t host_state[LS_MAX_VCPUS]; /* where that saved the host's */
    uint64_t delivery_mismatches;   /* memory does not hold what was pushed */
} LsRecorder;

typedef struct {
    unsigned max_vcpus;
    bool smp;                 /* more than one vCPU is possible */
    bool events;              /* QEMU's event log is tapped */
    bool late;                /* recording begins after a pause */
    bool audit;               /* stores are told to the memory audit */
} LsCaptureConfig;

extern LsCaptureConfig ls_capture;

/* All recorders made so far; entries are published before the count. */
extern LsRecorder *ls_recorders[LS_MAX_THREADS];
extern _Atomic unsigned ls_recorder_count;

/* Registers the callbacks of one translated block. */
void ls_record_translate(LsTb *tb);

/* Opens the ring of the first recorder, which need not populate it then: the caller
 * does.  NULL: there is no memory, as that recorder will find out. */
LsRing *ls_record_prepare(void);

/* Makes the calling thread's recorder; `started` (plugin.c) then starts its
 * encoder.  In the vCPU thread, before it runs. */
void ls_record_thread_start(unsigned vcpu);

/* Called when a recorder was made. */
extern void (*ls_record_started)(LsRecorder *r);

/* Tells the stream that recording was paused until now; while the recorder's
 * thread does not run. */
void ls_record_gap(LsRecorder *r);

/* Remembers the running vCPU's object; in its thread (API 2 and newer). */
void ls_record_vcpu_init(unsigned vcpu);

/* This vCPU's object, NULL when there is none (yet). */
void *ls_record_vcpu_object(unsigned vcpu);

/* Tells the stream that what comes next is this vCPU's; between blocks. */
void ls_record_switch(LsRecorder *r, unsigned vcpu);

/* Tells the stream of the vCPU's CR3; between blocks. */
void ls_record_cr3(LsRecorder *r);

/* Brings `words` up to date; when the vCPU does not run. */
void ls_record_count_words(LsRecorder *r);

/* Picks the callbacks for this QEMU and ls_capture.  Returns false when it keeps
 * size and direction in the access info where no known version does. */
bool ls_record_choose_callbacks(void);

#endif
