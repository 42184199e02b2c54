/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Exceptions in real mode.  QEMU logs them in protected mode alone (seg_helper.c,
 * do_interrupt_all), so each block of real mode looks at how the one before was
 * left: whether on the stack lies a frame with the address of one of its
 * instructions, and the interrupt vector table leads here (SDM 3B 21.1.4).
 */
#ifndef LOADSTORE_REAL_MODE_H
#define LOADSTORE_REAL_MODE_H

#include "record.h"

/* Block `id`, translated in real mode, is about to run on the recorder's vCPU. */
void ls_real_mode_arrive(LsRecorder *r, uint32_t id);

#endif
