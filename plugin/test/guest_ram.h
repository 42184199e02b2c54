/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guest-physical memory for tests of what reads it: RAM from 0 on. */
#ifndef LOADSTORE_GUEST_RAM_H
#define LOADSTORE_GUEST_RAM_H

#include <stdint.h>

enum { GUEST_RAM_BYTES = 4 << 20 };

/* Puts zeroed RAM in place of QEMU's. */
void guest_ram_start(void);

/* Writes 1 to 8 bytes. */
void guest_put(uint64_t paddr, unsigned bytes, uint64_t value);

#endif
