/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The words that capture puts into a ring, one stream per vCPU thread, in the
 * order in which things happened.  64 bits each:
 *
 *   payload << 16 | tag
 *
 * An access has tag bits 13 to 15 clear: bits 0 to 8 are the index of the
 * instruction in its block, bit 9 says store, bits 10 to 12 the log2 of the
 * size in bytes; the payload is the low 48 bits of the virtual address, which
 * is sign-extended to 64.
 */
#ifndef LOADSTORE_WORDS_H
#define LOADSTORE_WORDS_H

#include <stdint.h>

enum {
    LS_ACCESS_INDEX = 0x1ff,
    LS_ACCESS_STORE = 1 << 9,
    LS_ACCESS_SIZE_SHIFT = 10,
    LS_NOT_ACCESS = 0xe000,
};

/* Tags of the other words. */
enum {
    LS_W_BLOCK = 0xe001,  /* a block starts; payload: block id */
    LS_W_REDO = 0xe002,   /* QEMU redoes one instruction in a block of its own
                             (block id) and reports its accesses only */
    LS_W_VCPU = 0xe003,   /* the thread now runs vCPU (payload) */
    LS_W_CR3 = 0xe004,    /* CR3 changed; next word: its value */
    LS_W_MAP = 0xe005,    /* payload: virtual page; next word: physical page,
                             or LS_MAP_UNKNOWN */
    LS_W_UNMAP = 0xe006,  /* all mappings told so far are void */
    LS_W_DEVICE = 0xe007, /* the next access goes to a device (payload bit 0:
                             only its part in the second page; above it the
                             number of the region, regions.h); next word: the
                             guest-physical address */
    LS_W_WIDE = 0xe008,   /* the next access has this address (next word) */
    LS_W_PHYS = 0xe009,   /* the next access has a physical address only */
    LS_W_EVENT = 0xe00a,  /* payload: vector | LS_EV_*; then error code, IP
                             (linear), CR2 */
    LS_W_GAP = 0xe00b,    /* recording was paused until now; next word: the
                             nanoseconds since it began */
    LS_W_PAGE_WALK = 0xe00c, /* the next access is the MMU's, to a physical
                             address */
    LS_W_PORT = 0xe00d,   /* payload: port | LS_PORT_* bits | instruction index
                             << LS_PORT_INDEX_SHIFT; next word: the value */
};

enum { LS_EVENT_WORDS = 4 };

/* Payload bits of an event above its 8-bit vector. */
enum {
    LS_EV_HARDWARE = 1 << 8,   /* an interrupt from outside */
    LS_EV_SOFTWARE = 1 << 9,   /* int n, int3, into */
    LS_EV_SMM_ENTER = 1 << 10,
    LS_EV_SMM_LEAVE = 1 << 11,
    LS_EV_RESET = 1 << 12,     /* triple fault */
    LS_EV_DELIVERED = 1 << 13, /* its accesses follow, in a delivery block */
    LS_EV_RESTORED = 1 << 14,  /* QEMU loaded a snapshot */
    LS_EV_GUEST_EXIT = 1 << 15, /* a nested guest was left */
    LS_EV_FAILED = 1 << 16,    /* not written: its delivery led to a fault, so that
                                  a software interrupt did not complete */
    LS_EV_UNOWNED = 1 << 17,   /* which vCPU it is of cannot be known */
    /* Nothing is delivered by a gate. */
    LS_EV_APART = LS_EV_SMM_ENTER | LS_EV_SMM_LEAVE | LS_EV_RESET |
                  LS_EV_RESTORED | LS_EV_GUEST_EXIT,
};

enum {
    LS_PORT_OUT = 1 << 16,
    LS_PORT_SIZE_SHIFT = 17, /* log2 of 1, 2 or 4 bytes */
    LS_PORT_VALUE = 1 << 19, /* the value is known */
    LS_PORT_STRING = 1 << 20,
    LS_PORT_DX = 1 << 21,    /* the port is in DX; in a word: it is not known */
    LS_PORT_INDEX_SHIFT = 24,
};

#define LS_MAP_UNKNOWN UINT64_MAX
/* A physical page has less than 48 bits; above them are the translation's
 * attributes (format.md 3.5), 0 when they are not known. */
enum { LS_MAP_ATTRIBUTES_SHIFT = 48 };
/* Not told, for the recorder's own use: no access can set a dirty bit any more. */
#define LS_ATTRIBUTE_SETTLED (UINT64_C(1) << 15)
#define LS_MAP_PAGE ((UINT64_C(1) << LS_MAP_ATTRIBUTES_SHIFT) - 1)

#endif
