/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rep string instructions: which of their accesses make whole iterations. */
#ifndef LOADSTORE_REP_H
#define LOADSTORE_REP_H

#include "code.h"

/* Of the `count` accesses of the rep string instruction that ends the block, of which
 * `first` are the words of the first two, or fewer: those in no whole iteration. */
uint32_t ls_rep_behind_iterations(const LsBlock *code, const uint64_t *first,
                                  uint32_t count);

#endif
