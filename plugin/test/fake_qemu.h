/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What QEMU is to the plugin: the plugin interface in its versions, vCPU
 * objects, guest memory's map and the event log.  A test translates blocks of
 * made-up code and says what runs and what is accessed.
 *
 * TEST_WITH(name, "FAKE_QEMU=4") chooses the interface version, hence which
 * functions are found and how callbacks are called.  ",bare" after it hides the
 * vCPU objects, as builds do that export no symbols.  Without it: version 4.
 */
#ifndef LOADSTORE_FAKE_QEMU_H
#define LOADSTORE_FAKE_QEMU_H

#include "cpu_view.h"
#include "qemu_api.h"

#include <stdio.h>

/* What the access info is made of; set before ls_record_choose_callbacks(). */
extern unsigned fake_mmu_index_bits; /* 4 until QEMU 10.1, then 5 */

/* The vCPU objects.  eip lies this far in; set before the first vCPU. */
extern size_t fake_eip_offset;

/* Makes vCPU `index`, in 64-bit mode at CPL 0.  No callback is called. */
void fake_cpu_make(unsigned index);
void fake_cpu_set(unsigned index, int field, uint64_t value);
void fake_cpu_set_u32(unsigned index, int field, uint32_t value);
void *fake_cpu_object(unsigned index);

/* The calling thread runs this vCPU from here on. */
void fake_cpu_run(unsigned index);

/* Guest-physical memory behind a virtual page; nothing at first. */
void fake_map_ram(uint64_t page, uint64_t physical_page);
void fake_map_device(uint64_t page, uint64_t physical_page);
void fake_map_nothing(uint64_t page);
extern unsigned fake_map_questions; /* how often the plugin asked */

/*
 * Translates instructions, given as hex with ';' between them, at the running
 * vCPU's eip, which becomes `vaddr`.
 */
LsTb *fake_translate(uint64_t vaddr, const char *code);

/* The vCPU enters the block where it was translated, or elsewhere. */
void fake_enter(LsTb *tb);
void fake_enter_at(LsTb *tb, uint64_t vaddr);
/* It begins instruction `index`; its accesses follow. */
void fake_insn(LsTb *tb, unsigned index);
void fake_load(LsTb *tb, unsigned index, unsigned bytes, uint64_t vaddr);
void fake_store(LsTb *tb, unsigned index, unsigned bytes, uint64_t vaddr);

/* Installs the plugin as `-plugin loadstore.so,arguments` does; the arguments
 * are separated by commas. */
int fake_install(const char *arguments, unsigned max_vcpus);
/* Announces a vCPU; version 1 does so in the main thread. */
void fake_start_vcpu(unsigned index);
/* The queued work of qemu_plugin_reset(); false when there is none. */
bool fake_reset(void);
/* QEMU has dropped its translated code. */
void fake_flush(void);
void fake_exit(void);

/* The log of `-d int`, an empty file at first. */
void fake_log_open(const char *path);
void fake_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
