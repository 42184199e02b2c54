/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds guest-physical pages in QEMU's memory (see guest_memory.h). */
#include "guest_memory.h"

#include "hints.h"
#include "qemu_api.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    SLOTS = 1024,
    MOVABLE_PAGES = 256, /* below 1 MiB shadow RAM and SMRAM come and go */
};

/* One for each vCPU thread: no lock.  On the heap, because a library that is
 * loaded late has little thread-local room. */
typedef struct {
    uint64_t page[SLOTS]; /* page + 1 */
    const uint8_t *host[SLOTS];
    unsigned moves; /* when they were found */
} Known;

static _Atomic unsigned moves;

static __thread Known *known __attribute__((tls_model("initial-exec")));

bool ls_guest_memory_is_readable(void)
{
    return ls_api.ram_page && (ls_api.version > 1 || ls_api.ram_addr);
}

void ls_guest_memory_forget(void)
{
    atomic_fetch_add(&moves, 1);
}

const uint8_t *ls_guest_page(uint64_t page)
{
    unsigned slot = page & (SLOTS - 1);
    unsigned now = atomic_load_explicit(&moves, memory_order_relaxed);
    const uint8_t *host;

    if (LIKELY(known && known->page[slot] == page + 1 && known->moves == now)) {
        return known->host[slot];
    }
    host = ls_api.ram_page(page);
    if (!known) {
        known = calloc(1, sizeof(*known));
    }
    if (known && known->moves != now) {
        *known = (Known){ .moves = now };
    }
    if (host && page >= MOVABLE_PAGES && known) {
        known->page[slot] = page + 1;
        known->host[slot] = host;
    }
    return host;
}

uint64_t ls_guest_told_page(uint64_t page)
{
    const uint8_t *host = ls_api.version == 1 ? ls_guest_page(page) : NULL;

    return host ? ls_api.ram_addr((void *)(uintptr_t)host) >> 12 : page;
}

bool ls_guest_read(uint64_t paddr, unsigned bytes, uint64_t *value)
{
    const uint8_t *page = ls_guest_page(paddr >> 12);

    *value = 0;
    if (!page) {
        return false;
    }
    memcpy(value, page + (paddr & 4095), bytes);
    return true;
}
