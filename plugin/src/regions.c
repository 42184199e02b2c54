/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names device regions (see regions.h). */
#include "regions.h"

#include "hints.h"
#include "qemu_api.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

/* Numbers outlive the region's place: what was told stays true. */
static LsRegion regions[LS_MAX_REGIONS];
static _Atomic unsigned count = 1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic unsigned moves; /* how often devices may have moved */
/* `moves` when the region was last found to be there. */
static _Atomic unsigned seen_at[LS_MAX_REGIONS];

void ls_regions_forget(void)
{
    atomic_fetch_add(&moves, 1);
}

const LsRegion *ls_region(unsigned number)
{
    return number && number < atomic_load(&count) ? &regions[number] : NULL;
}

static unsigned number_of(const LsRegion *wanted)
{
    unsigned number = 1, known;

    pthread_mutex_lock(&lock);
    known = atomic_load(&count);
    while (number < known &&
           (regions[number].first != wanted->first ||
            regions[number].last != wanted->last ||
            strcmp(regions[number].name, wanted->name))) {
        number++;
    }
    if (number == LS_MAX_REGIONS) {
        number = 0;
    } else if (number == known) {
        regions[number] = *wanted;
        atomic_store(&count, known + 1);
    }
    pthread_mutex_unlock(&lock);
    return number;
}

/* Asks QEMU; remembers when it did. */
static COLD unsigned look_up(uint64_t paddr, unsigned now)
{
    LsRegion found = { 0 };
    unsigned number;

    if (!ls_api_region(paddr, &found.first, &found.last, found.name,
                       sizeof(found.name))) {
        return 0;
    }
    number = number_of(&found);
    atomic_store(&seen_at[number], now);
    return number;
}

unsigned ls_region_of(uint64_t paddr)
{
    unsigned now = atomic_load(&moves);

    for (unsigned i = 1; i < atomic_load(&count); i++) {
        if (atomic_load(&seen_at[i]) == now && paddr >= regions[i].first &&
            paddr <= regions[i].last) {
            return i;
        }
    }
    return look_up(paddr, now);
}
