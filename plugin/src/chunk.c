/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Begins chunks, notes what is neither access nor block, and seals them. */
#define _GNU_SOURCE
#include "encoder.h"

#include "clock.h"
#include "regions.h"
#include "sink.h"
#include "words.h"

#include <stdatomic.h>
#include <zstd.h>

enum { ZSTD_LEVEL = 1 };
#define FLUSH_NS UINT64_C(500000000)

LsEncoder *ls_encoder_new(uint32_t stream, uint32_t vcpu_count,
                          LsLimits limits)
{
    LsEncoder *e = ls_grow(NULL, sizeof(*e));

    memset(e, 0, sizeof(*e));
    e->stream = stream;
    e->limits = limits;
    e->limited = limits.accesses || limits.instructions;
    e->vcpu_count = vcpu_count;
    e->vcpus = ls_grow(NULL, vcpu_count * sizeof(*e->vcpus));
    memset(e->vcpus, 0, vcpu_count * sizeof(*e->vcpus));
    for (uint32_t i = 0; i < vcpu_count; i++) {
        e->vcpus[i].pending_rep = UINT64_MAX;
    }
    e->running = e->vcpus;
    e->begin = ls_grow(NULL, vcpu_count * sizeof(*e->begin));
    e->next3 = ls_grow(NULL, (sizeof(*e->next3) << LS_NEXT3_BITS));
    e->walk = ls_grow(NULL, (sizeof(*e->walk) << LS_WALK_BITS));
    e->slot_capacity = 1 << 16;
    e->slots = ls_grow(NULL, e->slot_capacity * sizeof(*e->slots));
    e->shape_capacity = 1 << 16;
    e->shapes = ls_grow(NULL, e->shape_capacity * sizeof(*e->shapes));
    memset(e->mirror_virt, 0xff, sizeof(e->mirror_virt));
    return e;
}

LsBuffer *ls_chunk_note(LsEncoder *e, uint8_t kind)
{
    LsBuffer *notes = &e->streams[LS_S_NOTES];

    ls_buffer_reserve(notes, 64);
    ls_put_u8(notes, kind);
    ls_put_varint(notes, e->chunk.block_count - e->note_block);
    ls_put_varint(notes, e->chunk.access_count - e->note_access);
    e->note_block = e->chunk.block_count;
    e->note_access = e->chunk.access_count;
    e->chunk.note_count++;
    return notes;
}

void ls_chunk_widen(LsEncoder *e, uint64_t vaddr)
{
    uint64_t first = vaddr & ~UINT64_C(0xfff), last = vaddr | 0xfff;

    if (first < e->chunk.lowest_vaddr) {
        e->chunk.lowest_vaddr = first;
    }
    if (last > e->chunk.highest_vaddr) {
        e->chunk.highest_vaddr = last;
    }
}

void ls_chunk_note_map(LsEncoder *e, uint64_t virt, uint64_t phys)
{
    bool known = phys != LS_MAP_UNKNOWN;
    uint64_t attributes = known ? phys >> LS_MAP_ATTRIBUTES_SHIFT &
                                      (LS_ATTRIBUTE_SETTLED - 1)
                                : 0;
    LsBuffer *notes;

    if (known && attributes != e->note_attributes) {
        ls_put_varint(ls_chunk_note(e, LS_NOTE_ATTRIBUTES), attributes);
        e->note_attributes = attributes;
    }
    notes = ls_chunk_note(e, known ? LS_NOTE_MAP : LS_NOTE_MAP_UNKNOWN);
    ls_chunk_widen(e, virt << 12);
    ls_put_varint(notes, ls_zigzag((int64_t)(virt - e->note_virt)));
    e->note_virt = virt;
    if (known) {
        phys &= LS_MAP_PAGE;
        ls_put_varint(notes, ls_zigzag((int64_t)(phys - e->note_phys)));
        e->note_phys = phys;
    }
}

void ls_chunk_note_region(LsEncoder *e, unsigned number)
{
    const LsRegion *region = ls_region(number);
    size_t length;
    LsBuffer *notes;

    if (!region || e->told_regions >> number & 1) {
        return;
    }
    for (unsigned i = 0; i < LS_MAX_REGIONS; i++) {
        const LsRegion *other = ls_region(i);

        if (other && other->first <= region->last &&
            region->first <= other->last) {
            e->told_regions &= ~(UINT64_C(1) << i);
        }
    }
    e->told_regions |= UINT64_C(1) << number;
    length = strlen(region->name);
    notes = ls_chunk_note(e, LS_NOTE_REGION);
    ls_put_low(notes, region->first, 8);
    ls_put_low(notes, region->last, 8);
    ls_put_varint(notes, length);
    ls_buffer_reserve(notes, length);
    for (size_t i = 0; i < length; i++) {
        ls_put_u8(notes, (uint8_t)region->name[i]);
    }
}

void ls_chunk_tell_vcpu(LsEncoder *e)
{
    uint32_t loads = e->chunk.access_count - e->chunk.aborted -
                     e->chunk.stores;

    e->running->loads += loads - e->told_loads;
    e->running->stores += e->chunk.stores - e->told_stores;
    e->told_loads = loads;
    e->told_stores = e->chunk.stores;
}

uint64_t ls_chunk_tell_open(LsEncoder *e)
{
    static _Atomic uint64_t open_bytes;
    uint64_t bytes = 0, change;

    for (unsigned i = 0; i < LS_STREAMS && e->open; i++) {
        bytes += e->streams[i].length;
    }
    change = bytes - e->told_open;
    e->told_open = bytes;
    return atomic_fetch_add(&open_bytes, change) + change;
}

/* Completes the chunk's header and adds it to the totals. */
static void sum_up(LsEncoder *e)
{
    LsChunkHeader *c = &e->chunk;

    ls_chunk_tell_vcpu(e);
    c->loads = e->told_loads;
    c->host_end = ls_now_ns();
    for (uint32_t i = 0; i < e->vcpu_count; i++) {
        c->instruction_count += e->vcpus[i].icount;
    }
    c->instruction_count -= e->totals.instructions;
    e->totals.accesses += c->access_count;
    e->totals.blocks += c->block_count;
    e->totals.instructions += c->instruction_count;
    e->totals.loads += c->loads;
    e->totals.stores += c->stores;
    e->totals.aborted += c->aborted;
    e->totals.events += c->events;
}

void ls_chunk_begin(LsEncoder *e)
{
    uint32_t seen = 0;

    e->open = true;
    e->opened_at = ls_now_ns();
    memset(&e->chunk, 0, sizeof(e->chunk));
    e->chunk.first_ordinal = e->totals.accesses;
    e->chunk.first_block = e->totals.blocks;
    e->chunk.host_begin = e->opened_at;
    e->chunk.lowest_vaddr = UINT64_MAX;
    e->chunk.vcpu = e->vcpu;
    for (uint32_t i = 0; i < e->vcpu_count; i++) {
        const LsVcpu *v = &e->vcpus[i];

        if (v->seen) {
            e->begin[seen++] = (LsVcpuState){
                .vcpu = i,
                .icount = v->icount,
                .cr3 = v->cr3,
                .pending_rep = v->pending_rep,
            };
        }
    }
    e->chunk.vcpu_count = seen;
    e->chunk.stream_count = LS_STREAMS;
    e->chunk.page_slots = LS_PAGE_SLOTS;

    e->generation++;
    e->h0 = e->h1 = e->h2 = 0;
    e->p1 = e->p2 = e->p3 = 0;
    e->block_run = e->access_run = 0;
    memset(e->next3, 0xff, (sizeof(*e->next3) << LS_NEXT3_BITS));
    memset(e->walk, 0, (sizeof(*e->walk) << LS_WALK_BITS));
    e->slot_count = e->shape_count = 0;
    e->told_loads = e->told_stores = 0;
    e->note_block = e->note_access = 0;
    e->note_virt = e->note_phys = e->note_attributes = 0;
    e->told_regions = 0;
    for (unsigned i = 0; i < LS_STREAMS; i++) {
        e->streams[i].length = 0;
    }
    for (unsigned i = 0; i < LS_PAGE_SLOTS; i++) {
        if (e->mirror_virt[i] != UINT64_MAX) {
            ls_chunk_note_map(e, e->mirror_virt[i], e->mirror_phys[i]);
        }
    }
}

/* Appends a stream to the payload, compressed when that makes it smaller. */
static LsStreamSize pack(LsBuffer *payload, const LsBuffer *stream)
{
    static __thread ZSTD_CCtx *context;
    size_t bound = ZSTD_compressBound(stream->length);
    LsStreamSize size = { (uint32_t)stream->length, (uint32_t)stream->length };
    size_t stored;

    if (!context) {
        context = ZSTD_createCCtx();
    }
    ls_buffer_reserve(payload, bound);
    stored = ZSTD_compressCCtx(context, payload->bytes + payload->length,
                               bound, stream->bytes, stream->length,
                               ZSTD_LEVEL);
    if (ZSTD_isError(stored) || stored >= stream->length) {
        if (stream->length) {
            memcpy(payload->bytes + payload->length, stream->bytes,
                   stream->length);
        }
    } else {
        size.stored_bytes = (uint32_t)stored;
    }
    payload->length += size.stored_bytes;
    return size;
}

void ls_chunk_seal(LsEncoder *e)
{
    LsStreamSize sizes[LS_STREAMS];
    LsBuffer *payload = &e->payload;
    size_t sizes_at;
    LsIndexEntry index;

    if (!e->open || e->chunk.block_count + e->chunk.note_count == 0) {
        return;
    }
    e->open = false;
    ls_buffer_reserve(&e->streams[LS_S_BLOCK_RUNS], 8);
    ls_put_varint(&e->streams[LS_S_BLOCK_RUNS], e->block_run);
    ls_buffer_reserve(&e->streams[LS_S_ACCESS_RUNS], 8);
    ls_put_varint(&e->streams[LS_S_ACCESS_RUNS], e->access_run);
    sum_up(e);

    payload->length = 0;
    ls_buffer_reserve(payload, sizeof(e->chunk) + sizeof(sizes) +
                                   e->chunk.vcpu_count * sizeof(LsVcpuState));
    memcpy(payload->bytes, &e->chunk, sizeof(e->chunk));
    payload->length = sizeof(e->chunk);
    memcpy(payload->bytes + payload->length, e->begin,
           e->chunk.vcpu_count * sizeof(LsVcpuState));
    payload->length += e->chunk.vcpu_count * sizeof(LsVcpuState);
    sizes_at = payload->length;
    payload->length += sizeof(sizes);
    for (unsigned i = 0; i < LS_STREAMS; i++) {
        sizes[i] = pack(payload, &e->streams[i]);
    }
    memcpy(payload->bytes + sizes_at, sizes, sizeof(sizes));

    index = (LsIndexEntry){
        .first_ordinal = e->chunk.first_ordinal,
        .access_count = e->chunk.access_count,
        .block_count = e->chunk.block_count,
        .lowest_vaddr = e->chunk.lowest_vaddr,
        .highest_vaddr = e->chunk.highest_vaddr,
        .host_begin = e->chunk.host_begin,
    };
    for (uint32_t i = 0; i < e->chunk.vcpu_count; i++) {
        if (e->begin[i].vcpu == e->chunk.vcpu) {
            index.icount = e->begin[i].icount;
        }
    }
    if (ls_sink_code(e->highest_block) &&
        ls_sink_append(LS_SECTION_CHUNK, e->stream, payload->bytes,
                       payload->length, &index)) {
        e->totals.written += (uint64_t)e->chunk.access_count +
                             e->chunk.block_count;
    }
    ls_chunk_tell_open(e);
}

void ls_chunk_flush_old(LsEncoder *e)
{
    if (e->open && !e->resumed && !e->in_event && ls_now_ns() - e->opened_at > FLUSH_NS) {
        ls_chunk_seal(e);
    }
}
