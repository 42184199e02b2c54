/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The part of QEMU's plugin interface that the recorder uses, declared in our
 * own words because distributions do not ship qemu-plugin.h.
 *
 * This header and qemu_api.c are the only files that know that interface
 * versions differ.  Everything optional is looked up by name when the plugin
 * is loaded, so that one binary serves API 1 (QEMU 7.2) to API 7 (QEMU 11.1).
 * Source of the facts: include/plugins/qemu-plugin.h and its version notes.
 */
#ifndef LOADSTORE_QEMU_API_H
#define LOADSTORE_QEMU_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LS_EXPORT __attribute__((visibility("default")))

typedef uint64_t LsPluginId;
typedef struct LsTb LsTb;
typedef struct LsInsn LsInsn;
typedef struct LsHwaddr LsHwaddr;
/* Opaque to plugins: MemOpIdx in the low half, direction above bit 16. */
typedef uint32_t LsMemInfo;

/* What qemu_plugin_install() is told; the layout is the same in API 1 to 7. */
typedef struct {
    const char *target_name;
    struct {
        int min;
        int cur;
    } version;
    bool system_emulation;
    struct {
        int smp_vcpus;
        int max_vcpus;
    } system;
} LsQemuInfo;

enum { LS_CB_NO_REGS = 0, LS_CB_R_REGS = 1 };
enum { LS_MEM_R = 1, LS_MEM_W = 2, LS_MEM_RW = 3 };

typedef void (*LsBlockCb)(unsigned vcpu, void *userdata);
typedef void (*LsMemCb)(unsigned vcpu, LsMemInfo info, uint64_t vaddr,
                        void *userdata);

/* Functions with the same shape in every API version; NULL when absent. */
typedef struct {
    int version; /* the API version that this plugin speaks */
    size_t (*tb_n_insns)(const LsTb *tb);
    uint64_t (*tb_vaddr)(const LsTb *tb);
    LsInsn *(*tb_get_insn)(const LsTb *tb, size_t index);
    size_t (*insn_size)(const LsInsn *insn);
    uint64_t (*insn_vaddr)(const LsInsn *insn);
    void (*on_block)(LsTb *tb, LsBlockCb cb, int flags, void *userdata);
    void (*on_insn)(LsInsn *insn, LsBlockCb cb, int flags, void *userdata);
    void (*on_mem)(LsInsn *insn, LsMemCb cb, int flags, int rw,
                   void *userdata);
    unsigned (*mem_size_shift)(LsMemInfo info);
    bool (*mem_is_store)(LsMemInfo info);
    LsHwaddr *(*get_hwaddr)(LsMemInfo info, uint64_t vaddr);
    bool (*hwaddr_is_io)(const LsHwaddr *hwaddr);
    uint64_t (*hwaddr_phys_addr)(const LsHwaddr *hwaddr);
    void (*outs)(const char *text);
    /* The running vCPU's object, exported by Debian's builds; a thread-local
     * symbol, so the address is that of the calling thread. */
    void **(*current_cpu)(void);
    /* The vCPU object with this index; exported likewise. */
    void *(*get_cpu)(int index);
    /* A guest-physical page's bytes; NULL when it is not, or not whole, RAM or ROM.
     * Itself NULL when this QEMU does not export what that takes. */
    const uint8_t *(*ram_page)(uint64_t page);
    /* Blocks of RAM (include/exec/cpu-common.h), exported likewise. */
    int (*each_ram)(int (*cb)(void *block, void *opaque), void *opaque);
    void *(*ram_host)(void *block);
    uint64_t (*ram_length)(void *block);
    uint64_t (*ram_addr)(void *host); /* offset into all RAM blocks together */
    /* Where a virtio device has its queue `n` (include/hw/virtio/virtio.h). */
    uint64_t (*queue_desc)(void *device, int n);
    uint64_t (*queue_avail)(void *device, int n);
    uint64_t (*queue_used)(void *device, int n);
    uint64_t (*queue_used_bytes)(void *device, int n);
    int (*queue_entries)(void *device, int n);
} LsApi;

extern LsApi ls_api;

/* Looks the functions up.  Returns NULL, or the name of one that is missing. */
const char *ls_api_bind(void);

/* Copies the bytes of an instruction; returns how many (1 to 15), 0 when QEMU
 * does not give them. */
unsigned ls_api_insn_bytes(const LsInsn *insn, uint8_t bytes[16]);

/*
 * The device region at a guest-physical address: its first and last address, and
 * QEMU's name for it, cut to `size` bytes with the terminating one.  False when
 * there is none, or this build does not export what it takes.
 */
bool ls_api_region(uint64_t paddr, uint64_t *first, uint64_t *last, char *name,
                   size_t size);

/* Whether that can work. */
bool ls_api_names_regions(void);

/* Registers the life-cycle callbacks, whose shapes differ by version. */
void ls_api_on_translate(LsPluginId id, void (*cb)(LsTb *tb));
void ls_api_on_vcpu_init(LsPluginId id, void (*cb)(unsigned vcpu));
void ls_api_on_flush(LsPluginId id, void (*cb)(void));
void ls_api_on_exit(LsPluginId id, void (*cb)(void));
/*
 * Drops every callback and all translated code, then calls cb while no vCPU
 * runs.  QEMU wants to be asked by a thread that has a current vCPU; ours is
 * given one for the call, which only queues work for that vCPU.  Returns false
 * when this QEMU does not export what that takes.
 */
bool ls_api_reset(LsPluginId id, void (*cb)(void));

#endif
