/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The trace file's numbers and structures: docs/format.md in C.  Mirrored by
 * src/format/layout.ts; plugin/test/layout_dump.c prints this side for the
 * test that compares the two.
 */
#ifndef LOADSTORE_LAYOUT_H
#define LOADSTORE_LAYOUT_H

#include <assert.h>
#include <stdint.h>

#define LS_FILE_MAGIC "MEMTRACE"
enum { LS_FORMAT_VERSION = 3 };
#define LS_SECTION_MAGIC UINT32_C(0x4345534c)
#define LS_NO_STREAM UINT32_MAX

typedef struct {
    char magic[8];
    uint32_t version;
    uint32_t reserved;
} LsFileHeader;

enum {
    LS_SECTION_HEADER = 1,
    LS_SECTION_CODE = 2,
    LS_SECTION_CHUNK = 3,
    LS_SECTION_TOTALS = 4,
    LS_SECTION_INDEX = 5,
    LS_SECTION_TRAILER = 6,
};

typedef struct {
    uint32_t magic;
    uint16_t kind;
    uint16_t reserved;
    uint32_t stream;
    uint32_t payload_bytes;
    uint32_t payload_crc;
    uint32_t header_crc;
} LsSectionHeader;

typedef struct {
    uint32_t first_id;
    uint32_t count;
    uint32_t raw_bytes;
    uint32_t stored_bytes;
} LsCodeHeader;

/* Slots of a chunk's table of pages (format.md 3.5), a power of two. */
enum { LS_PAGE_SLOTS = 4096 };

typedef struct {
    uint32_t page_slots;
    uint32_t access_count;
    uint32_t block_count;
    uint32_t note_count;
    uint64_t first_ordinal;
    uint64_t first_block;
    uint64_t instruction_count; /* modulo 2^64: it may be below 0 */
    uint64_t host_begin;
    uint64_t host_end;
    uint64_t lowest_vaddr;
    uint64_t highest_vaddr;
    uint32_t loads;
    uint32_t stores;
    uint32_t aborted;
    uint32_t user_accesses;
    uint32_t events;
    uint32_t vcpu;
    uint32_t vcpu_count;
    uint32_t stream_count;
} LsChunkHeader;

typedef struct {
    uint32_t vcpu;
    uint32_t reserved;
    uint64_t icount;
    uint64_t cr3;
    uint64_t pending_rep;
} LsVcpuState;

typedef struct {
    uint32_t raw_bytes;
    uint32_t stored_bytes;
} LsStreamSize;

typedef struct {
    uint64_t file_offset;
    uint16_t kind;
    uint16_t reserved;
    uint32_t stream;
    uint64_t first_ordinal;
    uint32_t access_count;
    uint32_t block_count;
    uint64_t icount;
    uint64_t lowest_vaddr;
    uint64_t highest_vaddr;
    uint64_t host_begin;
} LsIndexEntry;

static_assert(sizeof(LsFileHeader) == 16, "format.md 1");
static_assert(sizeof(LsSectionHeader) == 24, "format.md 1.1");
static_assert(sizeof(LsCodeHeader) == 16, "format.md 2");
static_assert(sizeof(LsChunkHeader) == 104, "format.md 3");
static_assert(sizeof(LsVcpuState) == 32, "format.md 3");
static_assert(sizeof(LsIndexEntry) == 64, "format.md 4");

/* Streams of a chunk. */
enum {
    LS_S_BLOCK_RUNS,
    LS_S_BLOCK_CODES,
    LS_S_BLOCK_IDS,
    LS_S_SHAPES,
    LS_S_ACCESS_RUNS,
    LS_S_ACCESS_CODES,
    LS_S_DELTA1,
    LS_S_DELTA2,
    LS_S_DELTA3,
    LS_S_DELTA6,
    LS_S_NOTES,
    LS_STREAMS,
};

/* Block codes (stream blockCodes). */
enum {
    LS_BLOCK_NEXT3 = 0,
    LS_BLOCK_NEXT1 = 1,
    LS_BLOCK_EXPLICIT = 2,
    LS_BLOCK_NEW_SHAPE = 4,
};

/* Access codes (stream accessCodes). */
enum {
    LS_ACCESS_WALK = 4,
    LS_ACCESS_EXPLICIT = 8,
};

enum {
    LS_NOTE_MAP = 1,
    LS_NOTE_MAP_UNKNOWN = 2,
    LS_NOTE_UNMAP = 3,
    LS_NOTE_VCPU = 4,
    LS_NOTE_CR3 = 5,
    LS_NOTE_DEVICE = 6,
    LS_NOTE_WIDE = 7,
    LS_NOTE_PHYS = 8,
    LS_NOTE_EVENT = 9,
    LS_NOTE_CUT = 10,
    LS_NOTE_GAP = 11,
    LS_NOTE_PAGE_WALK = 12,
    LS_NOTE_ATTRIBUTES = 13,
    LS_NOTE_PORT = 14,
    LS_NOTE_REGION = 15,
};

enum {
    LS_CUT_EXCEPTION = 1,
    LS_CUT_DEVICE = 2,
    LS_CUT_MODIFIED = 3,
    LS_CUT_REP = 4,
    LS_CUT_LIMIT = 5,
};

/* Predictors, format.md 3.1 to 3.4. */
enum { LS_NEXT3_BITS = 15, LS_WALK_BITS = 14 };

static inline uint32_t ls_next3_slot(uint32_t p1, uint32_t p2, uint32_t p3)
{
    return (p1 * UINT32_C(0x9E3779B1) ^ p2 * UINT32_C(0x85EBCA6B) ^
            p3 * UINT32_C(0xC2B2AE35)) >> (32 - LS_NEXT3_BITS);
}

static inline uint32_t ls_walk_slot(uint32_t key, uint64_t last)
{
    return (key * UINT32_C(0x9E3779B1) ^
            (uint32_t)last * UINT32_C(0x85EBCA6B)) >> (32 - LS_WALK_BITS);
}

#endif
