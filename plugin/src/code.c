/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The code table (see code.h). */
#include "code.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Two levels, so that a block never moves: 2^14 pages of 2^14 blocks. */
enum { PAGE_BITS = 14, PAGE_BLOCKS = 1 << PAGE_BITS };

/* What blocks are made of is taken from pieces of this size: malloc() would ask the
 * kernel anew for every 4 KiB, in a thread that is not the first. */
enum { PIECE_BYTES = 1 << 20 };

static LsBlock *pages[1 << (LS_BLOCK_ID_BITS - PAGE_BITS)];
static _Atomic uint32_t published;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Open addressing, at most half full.  The hash tells most other blocks apart without
 * a look at them. */
typedef struct {
    uint32_t id_plus_1; /* 0: free */
    uint32_t hash;
} Slot;

static Slot *table;
static uint32_t table_mask;

static void *must(void *memory)
{
    if (!memory) {
        fputs("loadstore: out of memory for the code table\n", stderr);
        abort();
    }
    return memory;
}

/* Memory that is never given back; with the lock held. */
static void *take(size_t bytes)
{
    static uint8_t *piece;
    static size_t left;
    void *taken;

    bytes = (bytes + 7) & ~(size_t)7;
    if (left < bytes) { /* a block has less than 9 KiB */
        piece = must(malloc(PIECE_BYTES));
        left = PIECE_BYTES;
    }
    taken = piece;
    piece += bytes;
    left -= bytes;
    return taken;
}

const LsBlock *ls_code_block(uint32_t id)
{
    return &pages[id >> PAGE_BITS][id & (PAGE_BLOCKS - 1)];
}

uint32_t ls_code_count(void)
{
    return atomic_load_explicit(&published, memory_order_acquire);
}

/* FNV-1a over the fields that tell blocks apart. */
static uint32_t hash_block(uint64_t vaddr, uint64_t eip, uint32_t hflags,
                           uint32_t alias_of, const uint8_t *bytes,
                           unsigned byte_count)
{
    uint64_t h = 0xcbf29ce484222325u;

    h = (h ^ vaddr) * 0x100000001b3u;
    h = (h ^ eip) * 0x100000001b3u;
    h = (h ^ hflags) * 0x100000001b3u;
    h = (h ^ alias_of) * 0x100000001b3u;
    for (unsigned i = 0; i < byte_count; i++) {
        h = (h ^ bytes[i]) * 0x100000001b3u;
    }
    return (uint32_t)(h ^ (h >> 32));
}

static bool same(const LsBlock *b, const LsBlock *wanted)
{
    return b->vaddr == wanted->vaddr && b->eip == wanted->eip &&
           b->hflags == wanted->hflags && b->flags == wanted->flags &&
           b->alias_of == wanted->alias_of &&
           b->insn_count == wanted->insn_count &&
           b->byte_count == wanted->byte_count &&
           !memcmp(b->bytes, wanted->bytes, b->byte_count) &&
           !memcmp(b->offset, wanted->offset,
                   (b->insn_count + 1u) * sizeof(*b->offset));
}

static uint32_t hash_of(const LsBlock *b)
{
    return hash_block(b->vaddr, b->eip, b->hflags, b->alias_of, b->bytes,
                      b->byte_count);
}

/* The first free slot for this hash. */
static Slot *free_slot(uint32_t hash)
{
    uint32_t at = hash & table_mask;

    while (table[at].id_plus_1) {
        at = (at + 1) & table_mask;
    }
    return &table[at];
}

static void grow(void)
{
    Slot *old = table;
    uint32_t slots = old ? table_mask + 1 : 0;

    table_mask = (slots ? slots * 2 : 1u << 16) - 1;
    table = must(calloc(table_mask + 1u, sizeof(*table)));
    for (uint32_t at = 0; at < slots; at++) {
        if (old[at].id_plus_1) {
            *free_slot(old[at].hash) = old[at];
        }
    }
    free(old);
}

/* Finds or adds a block equal to `wanted`, whose arrays are copied unless
 * `share` says that they belong to a block of the table. */
static uint32_t intern(const LsBlock *wanted, bool share)
{
    uint32_t hash = hash_of(wanted), count, at, id;
    LsBlock *b;

    pthread_mutex_lock(&lock);
    count = atomic_load_explicit(&published, memory_order_relaxed);
    if (!table || count * 2 >= table_mask) {
        grow();
    }
    at = hash & table_mask;
    while (table[at].id_plus_1) {
        id = table[at].id_plus_1 - 1;
        if (table[at].hash == hash && same(ls_code_block(id), wanted)) {
            pthread_mutex_unlock(&lock);
            return id;
        }
        at = (at + 1) & table_mask;
    }
    id = count;
    if (id >> LS_BLOCK_ID_BITS) {
        fputs("loadstore: more than 2^28 distinct code blocks\n", stderr);
        abort();
    }
    if (!pages[id >> PAGE_BITS]) {
        pages[id >> PAGE_BITS] = must(calloc(PAGE_BLOCKS, sizeof(LsBlock)));
    }
    b = &pages[id >> PAGE_BITS][id & (PAGE_BLOCKS - 1)];
    *b = *wanted;
    if (!share) {
        size_t offset_bytes = (b->insn_count + 1u) * sizeof(*b->offset);

        b->offset = take(offset_bytes + b->byte_count);
        memcpy(b->offset, wanted->offset, offset_bytes);
        b->bytes = (uint8_t *)b->offset + offset_bytes;
        memcpy(b->bytes, wanted->bytes, b->byte_count);
    }
    table[at] = (Slot){ .id_plus_1 = id + 1, .hash = hash };
    atomic_store_explicit(&published, count + 1, memory_order_release);
    pthread_mutex_unlock(&lock);
    return id;
}

uint32_t ls_code_intern(const LsBlockDraft *draft)
{
    LsBlock wanted = {
        .vaddr = draft->vaddr,
        .eip = draft->eip,
        .hflags = draft->hflags,
        .flags = draft->flags,
        .insn_count = (uint16_t)draft->insn_count,
        .byte_count = draft->offset[draft->insn_count],
        .alias_of = UINT32_MAX,
        .offset = (uint16_t *)draft->offset,
        .bytes = (uint8_t *)draft->bytes,
    };

    return intern(&wanted, false);
}

uint32_t ls_code_alias(uint32_t id, uint64_t delta)
{
    LsBlock wanted = *ls_code_block(id);

    wanted.vaddr += delta;
    wanted.eip += delta;
    wanted.alias_of = id;
    return intern(&wanted, true);
}

int ls_code_find_insn(const LsBlock *block, uint64_t vaddr)
{
    uint64_t offset = vaddr - block->vaddr;

    if (offset >= block->byte_count) {
        return -1;
    }
    for (unsigned i = 0; i < block->insn_count; i++) {
        if (block->offset[i] == offset) {
            return (int)i;
        }
    }
    return -1;
}
