/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The trace file: whole sections, appended under a lock.  The first error is
 * kept, later writes do nothing, and the file is cut back to its last whole
 * section, so that what is there can be read.
 */
#ifndef LOADSTORE_SINK_H
#define LOADSTORE_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layout.h"

/* Creates the file (it must not exist) and writes its header and the header
 * section.  Returns 0 or an errno. */
int ls_sink_open(const char *path, const char *header_json);

/* Appends one section.  `index` (may be NULL) is completed with offset, kind
 * and stream, and kept.  Returns false once an error is latched. */
bool ls_sink_append(uint16_t kind, uint32_t stream, const void *payload,
                    size_t bytes, LsIndexEntry *index);

/* Appends the code of blocks below `upto` that is not in the file yet. */
bool ls_sink_code(uint32_t upto);

/* Writes totals, index and trailer and closes the file. */
void ls_sink_close(const char *totals_json);

uint64_t ls_sink_bytes(void);

/* What the code table and the index will still add at most. */
uint64_t ls_sink_closing_bytes(void);

/* errno of the first failure, 0 while there is none. */
int ls_sink_error(void);

#endif
