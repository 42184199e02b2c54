/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest-physical memory, read where QEMU keeps it: page tables, descriptor
 * tables and stacks that no callback shows.  Nothing is ever written.
 *
 * QEMU's own look-up (system/memory.c, memory_region_find) finds the place, once
 * for each page; the answer is kept where nothing moves, from 1 MiB up.  What is no
 * RAM is not touched: reading a device may change it.
 */
#ifndef LOADSTORE_GUEST_MEMORY_H
#define LOADSTORE_GUEST_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

/* Whether this QEMU lets us: its build exports the functions. */
bool ls_guest_memory_is_readable(void);

/* Host address of the 4 KiB guest-physical page (address >> 12), NULL when it is
 * not RAM or ROM.  In a vCPU's thread. */
const uint8_t *ls_guest_page(uint64_t page);

/* Little-endian value of 1, 2, 4 or 8 bytes within one page; false when it is not
 * RAM. */
bool ls_guest_read(uint64_t paddr, unsigned bytes, uint64_t *value);

/* The number by which plugin callbacks call this page: the same, but in QEMU 7.2
 * (T7), where it is that of the RAM block's. */
uint64_t ls_guest_told_page(uint64_t page);

/* Forgets what was found, in every thread: memory may have moved. */
void ls_guest_memory_forget(void);

#endif
