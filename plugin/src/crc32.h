/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CRC-32 as in IEEE 802.3 and zlib (reflected, polynomial 0xedb88320). */
#ifndef LOADSTORE_CRC32_H
#define LOADSTORE_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* Continues from `crc`, 0 for a new run of bytes.  Safe from any thread. */
uint32_t ls_crc32(uint32_t crc, const void *data, size_t bytes);

#endif
