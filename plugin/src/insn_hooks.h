/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is told of single instructions besides their accesses: that addresses may
 * lead elsewhere afterwards, port I/O, software interrupts in real mode.
 */
#ifndef LOADSTORE_INSN_HOOKS_H
#define LOADSTORE_INSN_HOOKS_H

#include "record.h"

/* Registers what instruction `i` of the block needs; classes: insn_class.h. */
void ls_hook_insn_events(LsInsn *insn, const LsBlockDraft *draft, unsigned i,
                         unsigned class, unsigned class_before);

/* Tells what the instruction that ended the last block did; to be called before
 * the next one when r->kept_log. */
void ls_insn_settle(LsRecorder *r);

/* Makes the next block call that. */
void ls_insn_look_again(LsRecorder *r);

/* That is no longer known. */
void ls_insn_forget(LsRecorder *r);

#endif
