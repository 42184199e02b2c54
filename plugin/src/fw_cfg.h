/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What QEMU's firmware configuration device writes to memory when it is told to
 * (docs/specs/fw_cfg.rst, "DMA interface"): the guest stores the address of
 * {control u32, length u32, address u64}, big-endian, to ports 0x514 and 0x518.
 */
#ifndef LOADSTORE_FW_CFG_H
#define LOADSTORE_FW_CFG_H

#include <stdint.h>

/* A write to the device's DMA port, of the value that the device sees, which has
 * done then what it was told: tells the memory audit. */
void ls_fw_cfg_written(uint64_t port, uint64_t value, unsigned bytes);

#endif
