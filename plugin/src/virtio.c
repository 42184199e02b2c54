/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Follows virtio queues (see virtio.h). */
#include "virtio.h"

#include "audit.h"
#include "guest_memory.h"
#include "qemu_api.h"

#include <stdbool.h>

enum {
    MAX_QUEUES = 64,
    MAX_ENTRIES = 1024,
    DESC_BYTES = 16,
    DESC_NEXT = 1,
    DESC_WRITE = 2,
    DESC_INDIRECT = 4,
    RING_OFFSET = 4, /* behind flags and index */
};

typedef struct {
    uint64_t device, queue; /* in QEMU's memory */
    int n;
    uint64_t desc, avail, used, used_bytes;
    unsigned entries;
    uint16_t walked; /* what was made available before it was looked at */
} Queue;

static Queue queue[MAX_QUEUES];
static unsigned queue_count;

static uint64_t read_at(uint64_t paddr, unsigned bytes)
{
    uint64_t value;

    ls_guest_read(paddr, bytes, &value);
    return value;
}

/* The buffers of one request that the device may write to. */
static void expect_chain(const Queue *q, unsigned head)
{
    uint64_t table = q->desc;
    unsigned entries = q->entries;

    for (unsigned steps = 0; steps < MAX_ENTRIES && head < entries; steps++) {
        uint64_t at = table + head * DESC_BYTES;
        uint64_t addr = read_at(at, 8), len = read_at(at + 8, 4);
        unsigned flags = (unsigned)read_at(at + 12, 2);

        if (flags & DESC_INDIRECT) {
            table = addr;
            entries = (unsigned)len / DESC_BYTES;
            head = 0;
            continue;
        }
        if (flags & DESC_WRITE) {
            ls_audit_expect_dma(addr, len);
        }
        if (!(flags & DESC_NEXT)) {
            break;
        }
        head = (unsigned)read_at(at + 14, 2);
    }
}

static uint16_t ring_index(uint64_t ring)
{
    return (uint16_t)read_at(ring + 2, 2);
}

static void expect_from(const Queue *q, uint16_t from, uint16_t to)
{
    ls_audit_expect_dma(q->used, q->used_bytes);
    for (uint16_t i = from; i != to; i++) {
        expect_chain(q, (unsigned)read_at(q->avail + RING_OFFSET +
                                              i % q->entries * 2u, 2));
    }
}

/* What has become available since the last time. */
static void walk(Queue *q)
{
    uint16_t now = ring_index(q->avail);

    if ((uint16_t)(now - q->walked) > q->entries) { /* it was set up anew */
        q->walked = now > q->entries ? (uint16_t)(now - q->entries) : 0;
    }
    expect_from(q, q->walked, now);
    q->walked = now;
}

static bool locate(Queue *q)
{
    void *device = (void *)(uintptr_t)q->device;

    if (!ls_api.queue_desc || !ls_api.queue_avail || !ls_api.queue_used ||
        !ls_api.queue_used_bytes || !ls_api.queue_entries) {
        return false;
    }
    q->desc = ls_api.queue_desc(device, q->n);
    q->avail = ls_api.queue_avail(device, q->n);
    q->used = ls_api.queue_used(device, q->n);
    q->used_bytes = ls_api.queue_used_bytes(device, q->n);
    q->entries = (unsigned)ls_api.queue_entries(device, q->n);
    return q->desc && q->avail && q->used && q->entries &&
           q->entries <= UINT16_MAX;
}

static Queue *find(uint64_t address)
{
    for (unsigned i = 0; i < queue_count; i++) {
        if (queue[i].queue == address) {
            return &queue[i];
        }
    }
    return NULL;
}

void ls_virtio_notified(uint64_t device, int n, uint64_t address)
{
    Queue *q = find(address);

    if (!q) {
        if (queue_count == MAX_QUEUES) {
            return;
        }
        q = &queue[queue_count++];
        *q = (Queue){ .device = device, .queue = address, .n = n };
    }
    if (locate(q)) {
        walk(q);
    }
}

void ls_virtio_popped(uint64_t address)
{
    Queue *q = find(address);

    if (q && locate(q)) {
        walk(q);
    }
}

void ls_virtio_forget(void)
{
    queue_count = 0;
}

/* Without QEMU's functions: the device may be gone. */
void ls_virtio_expect(void)
{
    for (unsigned i = 0; i < queue_count; i++) {
        const Queue *q = &queue[i];
        uint16_t held = (uint16_t)(q->walked - ring_index(q->used));

        if (q->entries && held && held <= q->entries) {
            expect_from(q, (uint16_t)(q->walked - held), q->walked);
        }
    }
}
