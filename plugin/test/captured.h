/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Capture without an encoder: a recorder whose words the test reads.
 */
#ifndef LOADSTORE_CAPTURED_H
#define LOADSTORE_CAPTURED_H

#include "record.h"
#include "words.h"

/* Binds the fake QEMU and makes vCPU 0, which runs in the calling thread. */
void captured_start(unsigned max_vcpus);

/* The recorder that was made last. */
LsRecorder *captured_recorder(void);

/*
 * The words since the last call, as text: one line for each, e.g.
 *   block 3 | load 0 8 0x1000 | map 0x1 0x80 | redo 3
 */
const char *captured_text(void);

/* mov (%rbx),%eax; mov %eax,(%rcx) */
#define LOAD_STORE "8b 03;89 01"

/* One vCPU and a block LOAD_STORE at 0x401000, translated but not run. */
LsTb *captured_first_block(void);

#endif
