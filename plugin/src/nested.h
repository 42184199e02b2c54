/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guests within the guest (SVM; AMD64 APM 2, 15): that one was left, and where.
 *
 * QEMU leaves a nested guest in the middle of a block, without a word.  The VMCB says
 * why, and at which instruction (target/i386/tcg/sysemu/svm_helper.c, do_vmexit); its
 * address is in RAX again when the host goes on.
 */
#ifndef LOADSTORE_NESTED_H
#define LOADSTORE_NESTED_H

#include "record.h"

/* A block of a nested guest begins: the next block is looked at closely. */
void ls_nested_enter(LsRecorder *r);

/* Before another block, or another vCPU: tells that this vCPU's guest was left, when
 * it was. */
void ls_nested_look(LsRecorder *r);

/* vmrun, vmload or vmsave accesses this guest-physical address: so vmrun tells where
 * it loads the guest's state from and saves the host's. */
void ls_nested_accessed(LsRecorder *r, uint64_t paddr, bool store);

/* What is known of any vCPU's guest is of another time. */
void ls_nested_forget(LsRecorder *r);

/* Whether the running vCPU translates addresses by nested paging, so that they cannot
 * be worked out.  In a nested guest whose VMCB is not known it may. */
bool ls_nested_is_paged(const LsRecorder *r);

#endif
