/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The JSON of the header and totals sections (docs/format.md 1.2, 1.3). */
#ifndef LOADSTORE_REPORT_H
#define LOADSTORE_REPORT_H

#include "encoder.h"
#include "qemu_api.h"
#include "record.h"

typedef struct {
    bool view;      /* the vCPU's registers can be read */
    bool events;
    bool restores;  /* the log of events tells that a snapshot is loaded */
    bool parallel;  /* one thread for each vCPU */
} LsAbilities;

/* Both return memory to free().  `recorder` is JSON text or NULL. */
char *ls_report_header(const LsQemuInfo *info, const char *recorder,
                       const LsAbilities *abilities);
char *ls_report_totals(const char *cause, const char *error,
                       LsEncoder *const *encoders, unsigned count,
                       const LsAbilities *abilities);

#endif
