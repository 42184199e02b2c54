/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The words that capture puts into a ring, one stream per vCPU thread, in the
 * order in which things happened.  64 bits each, of which bits 0 to 2 say what the
 * word is.  The two that are most frequent take the fewest operations to make:
 *
 *   0  an access: bit 3 says store, bits 4 to 6 are the log2 of the size in bytes,
 *      bits 7 to 15 the index of the instruction in its block, the rest the low 48
 *      bits of the virtual address, which is sign-extended to 64;
 *   1  a block starts: bits 3 to 27 are its id, above them stand bits 12 to 47 of
 *      the address that it was translated for.  The word is the userdata of the
 *      block's callback;
 *   2  a block starts whose id is too long for that: bits 3 to 30;
 *   3  anything else: bits 0 to 15 are an LS_W_ tag, the rest its payload.
 */
#ifndef LOADSTORE_WORDS_H
#define LOADSTORE_WORDS_H

#include <stdbool.h>
#include <stdint.h>

enum {
    LS_ACCESS_STORE = 1 << 3,
    LS_ACCESS_SIZE_SHIFT = 4, /* of 3 bits */
    LS_ACCESS_INDEX_SHIFT = 7,
    LS_ACCESS_INDEX = 0x1ff << LS_ACCESS_INDEX_SHIFT,
    LS_NOT_ACCESS = 7, /* any of these bits */
};

/* The host tests have fewer. */
#ifndef LS_WORD_ID_BITS
#define LS_WORD_ID_BITS 25
#endif

enum {
    LS_WORD_KIND = 7,
    LS_WORD_BLOCK = 1,
    LS_WORD_BLOCK_FAR = 2,
    LS_WORD_OTHER = 3,
    LS_WORD_ID_SHIFT = 3,
    LS_WORD_PAGE_SHIFT = 28,
    LS_WORD_ID = (1 << LS_WORD_ID_BITS) - 1,
    LS_NEAR_IDS = 1 << LS_WORD_ID_BITS, /* ids below this are short enough */
};

#define LS_WORD_BELOW_PAGE ((UINT64_C(1) << LS_WORD_PAGE_SHIFT) - 1)
#define LS_W(number) ((number) << 3 | LS_WORD_OTHER)

/* Tags of the other words. */
enum {
    LS_W_REDO = LS_W(2),        /* QEMU redoes one instruction in a block of its own
                                   (block id) and reports its accesses only */
    LS_W_VCPU = LS_W(3),        /* the thread now runs vCPU (payload) */
    LS_W_CR3 = LS_W(4),         /* CR3 changed; next word: its value */
    LS_W_MAP = LS_W(5),         /* payload: virtual page; next word: physical page,
                                   or LS_MAP_UNKNOWN */
    LS_W_UNMAP = LS_W(6),       /* all mappings told so far are void */
    LS_W_DEVICE = LS_W(7),      /* the next access goes to a device (payload bit 0:
                                   only its part in the second page; above it the
                                   number of the region, regions.h); next word: the
                                   guest-physical address */
    LS_W_WIDE = LS_W(8),        /* the next access has this address (next word) */
    LS_W_PHYS = LS_W(9),        /* the next access has a physical address only */
    LS_W_EVENT = LS_W(10),      /* payload: vector | LS_EV_*; then error code, IP
                                   (linear), CR2 */
    LS_W_GAP = LS_W(11),        /* recording was paused until now; next word: the
                                   nanoseconds since it began */
    LS_W_PAGE_WALK = LS_W(12),  /* the next access is the MMU's, to a physical
                                   address */
    LS_W_PORT = LS_W(13),       /* payload: port | LS_PORT_* bits | instruction index
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

/* The instruction's index in its block, of an access. */
static inline uint32_t ls_access_index(uint64_t word)
{
    return (uint32_t)(word & LS_ACCESS_INDEX) >> LS_ACCESS_INDEX_SHIFT;
}

static inline unsigned ls_access_bytes(uint64_t word)
{
    return 1u << (word >> LS_ACCESS_SIZE_SHIFT & 7);
}

static inline bool ls_word_is_block(uint64_t word)
{
    return (word & LS_WORD_KIND) == LS_WORD_BLOCK ||
           (word & LS_WORD_KIND) == LS_WORD_BLOCK_FAR;
}

/* The id of an LS_WORD_BLOCK. */
static inline uint32_t ls_near_id(uint64_t word)
{
    return word >> LS_WORD_ID_SHIFT & LS_WORD_ID;
}

/* The id in a word that starts a block or redoes an instruction in one. */
static inline uint32_t ls_word_id(uint64_t word)
{
    return (word & LS_WORD_KIND) == LS_WORD_BLOCK ? ls_near_id(word)
           : (word & LS_WORD_KIND) == LS_WORD_BLOCK_FAR
               ? (uint32_t)(word >> LS_WORD_ID_SHIFT)
               : (uint32_t)(word >> 16);
}

/* The word that starts a block, which was translated for this page (address >> 12;
 * the encoder does not look at it). */
static inline uint64_t ls_word_of_block(uint32_t id, uint64_t page)
{
    return id >= LS_NEAR_IDS
               ? (uint64_t)id << LS_WORD_ID_SHIFT | LS_WORD_BLOCK_FAR
               : page << LS_WORD_PAGE_SHIFT |
                     (uint64_t)id << LS_WORD_ID_SHIFT | LS_WORD_BLOCK;
}

#define LS_MAP_UNKNOWN UINT64_MAX
/* A physical page has less than 48 bits; above them are the translation's
 * attributes (format.md 3.5), 0 when they are not known. */
enum { LS_MAP_ATTRIBUTES_SHIFT = 48 };
/* Not told, for the recorder's own use: no access can set a dirty bit any more. */
#define LS_ATTRIBUTE_SETTLED (UINT64_C(1) << 15)
#define LS_MAP_PAGE ((UINT64_C(1) << LS_MAP_ATTRIBUTES_SHIFT) - 1)

#endif
