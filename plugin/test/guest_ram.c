/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RAM for tests (see guest_ram.h), behind the functions that QEMU exports. */
#include "guest_ram.h"

#include "guest_memory.h"
#include "qemu_api.h"

#include <string.h>

static uint8_t ram[GUEST_RAM_BYTES] __attribute__((aligned(4096)));

static const uint8_t *ram_page(uint64_t page)
{
    return page < sizeof(ram) / 4096 ? ram + page * 4096 : NULL;
}

static int each_ram(int (*cb)(void *block, void *opaque), void *opaque)
{
    return cb(ram, opaque);
}

static void *ram_host(void *block)
{
    return block;
}

static uint64_t ram_length(void *block)
{
    (void)block;
    return sizeof(ram);
}

static uint64_t ram_addr(void *host)
{
    return (uint64_t)((uint8_t *)host - ram);
}

void guest_ram_start(void)
{
    memset(ram, 0, sizeof(ram));
    ls_api.ram_page = ram_page;
    ls_api.each_ram = each_ram;
    ls_api.ram_host = ram_host;
    ls_api.ram_length = ram_length;
    ls_api.ram_addr = ram_addr;
    ls_guest_memory_forget();
}

void guest_put(uint64_t paddr, unsigned bytes, uint64_t value)
{
    memcpy(ram + paddr, &value, bytes);
}
