/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Binds the plugin interface of whichever QEMU loaded us (see qemu_api.h). */
#define _GNU_SOURCE
#include "qemu_api.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

LsApi ls_api;

/* QEMU reads this symbol after loading the library, hence after pick(). */
LS_EXPORT extern int qemu_plugin_version;
int qemu_plugin_version = 1;

static void *find(const char *name)
{
    return dlsym(RTLD_DEFAULT, name);
}

/*
 * Windows of accepted versions do not overlap (7.2: 0..1, 10.0: 2..4,
 * 11.1: 7..7), so the version to claim is chosen before QEMU looks.  API 6
 * and 7 export the same names; the launcher, which has read `--version`, says
 * which one it is in LOADSTORE_PLUGIN_API.
 */
__attribute__((constructor)) static void pick(void)
{
    const char *told = getenv("LOADSTORE_PLUGIN_API");

    if (told && told[0] >= '1' && told[0] <= '9' && !told[1]) {
        qemu_plugin_version = told[0] - '0';
    } else if (find("qemu_plugin_set_pc")) {
        qemu_plugin_version = 7;
    } else if (find("qemu_plugin_read_memory_hwaddr")) {
        qemu_plugin_version = 5;
    } else if (find("qemu_plugin_read_memory_vaddr")) {
        qemu_plugin_version = 4;
    } else if (find("qemu_plugin_scoreboard_new")) {
        qemu_plugin_version = 2;
    } else {
        qemu_plugin_version = 1;
    }
    ls_api.version = qemu_plugin_version;
}

static void **current_cpu_of_thread(void)
{
    return find("current_cpu");
}

/* ISO C has no conversion from void * to a function pointer; copying the
 * representation is what POSIX guarantees to work. */
static bool bind(void *slot, const char *name)
{
    void *found = find(name);

    memcpy(slot, &found, sizeof(found));
    return found != NULL;
}

static const void *(*insn_data_v1)(const LsInsn *insn);
static size_t (*insn_data_v3)(const LsInsn *insn, void *dest, size_t len);

/* include/exec/memory.h, struct MemoryRegionSection; later fields differ. */
typedef struct {
    unsigned __int128 size;
    void *region;
    void *view;
    uint64_t offset_within_region;
    uint64_t offset_within_address_space;
    uint64_t rest[8];
} Section;

static void *(*get_system_memory)(void);
static Section (*memory_region_find)(void *root, uint64_t addr, uint64_t size);
static const char *(*memory_region_name)(const void *region);
static void (*memory_region_unref)(void *region);
static uint64_t (*memory_region_get_ram_addr)(void *region);
static uint8_t *(*memory_region_get_ram_ptr)(void *region);
static bool (*memory_region_is_ram_device)(void *region);

/* Reads nothing: address_space_map() would read a device into a buffer. */
static const uint8_t *ram_page(uint64_t page)
{
    const uint8_t *host = NULL;
    Section at = memory_region_find(get_system_memory(), page << 12, 4096);

    if (!at.region) {
        return NULL;
    }
    if ((uint64_t)at.size == 4096 && !memory_region_is_ram_device(at.region) &&
        memory_region_get_ram_addr(at.region) != UINT64_MAX) {
        host = memory_region_get_ram_ptr(at.region) + at.offset_within_region;
    }
    memory_region_unref(at.region);
    return host;
}

static void bind_regions(void)
{
    bool found = bind(&get_system_memory, "get_system_memory");

    found &= bind(&memory_region_find, "memory_region_find");
    found &= bind(&memory_region_unref, "memory_region_unref");
    bind(&memory_region_name, "memory_region_name");
    found &= bind(&memory_region_get_ram_addr, "memory_region_get_ram_addr");
    found &= bind(&memory_region_get_ram_ptr, "memory_region_get_ram_ptr");
    found &= bind(&memory_region_is_ram_device, "memory_region_is_ram_device");
    ls_api.ram_page = found ? ram_page : NULL;
}

const char *ls_api_bind(void)
{
    static const struct {
        void *slot;
        const char *name;
    } needed[] = {
        { &ls_api.tb_n_insns, "qemu_plugin_tb_n_insns" },
        { &ls_api.tb_vaddr, "qemu_plugin_tb_vaddr" },
        { &ls_api.tb_get_insn, "qemu_plugin_tb_get_insn" },
        { &ls_api.insn_size, "qemu_plugin_insn_size" },
        { &ls_api.insn_vaddr, "qemu_plugin_insn_vaddr" },
        { &ls_api.on_block, "qemu_plugin_register_vcpu_tb_exec_cb" },
        { &ls_api.on_insn, "qemu_plugin_register_vcpu_insn_exec_cb" },
        { &ls_api.on_mem, "qemu_plugin_register_vcpu_mem_cb" },
        { &ls_api.mem_size_shift, "qemu_plugin_mem_size_shift" },
        { &ls_api.mem_is_store, "qemu_plugin_mem_is_store" },
        { &ls_api.get_hwaddr, "qemu_plugin_get_hwaddr" },
        { &ls_api.hwaddr_is_io, "qemu_plugin_hwaddr_is_io" },
        { &ls_api.hwaddr_phys_addr, "qemu_plugin_hwaddr_phys_addr" },
        { &ls_api.outs, "qemu_plugin_outs" },
    };

    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        if (!bind(needed[i].slot, needed[i].name)) {
            return needed[i].name;
        }
    }
    if (ls_api.version >= 3) {
        bind(&insn_data_v3, "qemu_plugin_insn_data");
    } else {
        bind(&insn_data_v1, "qemu_plugin_insn_data");
    }
    if (find("current_cpu")) {
        ls_api.current_cpu = current_cpu_of_thread;
    }
    bind(&ls_api.get_cpu, "qemu_get_cpu");
    bind(&ls_api.each_ram, "qemu_ram_foreach_block");
    bind(&ls_api.ram_host, "qemu_ram_get_host_addr");
    bind(&ls_api.ram_length, "qemu_ram_get_used_length");
    bind(&ls_api.ram_addr, "qemu_ram_addr_from_host");
    bind(&ls_api.queue_desc, "virtio_queue_get_desc_addr");
    bind(&ls_api.queue_avail, "virtio_queue_get_avail_addr");
    bind(&ls_api.queue_used, "virtio_queue_get_used_addr");
    bind(&ls_api.queue_used_bytes, "virtio_queue_get_used_size");
    bind(&ls_api.queue_entries, "virtio_queue_get_num");
    bind_regions();
    return NULL;
}

unsigned ls_api_insn_bytes(const LsInsn *insn, uint8_t bytes[16])
{
    size_t len = ls_api.insn_size(insn);

    if (len == 0 || len > 15) {
        return 0;
    }
    if (insn_data_v3) {
        len = insn_data_v3(insn, bytes, len);
    } else {
        memcpy(bytes, insn_data_v1(insn), len);
    }
    return (unsigned)len;
}

/* memory_region_find() gives the part of the region that was asked for; the
 * region goes on as far as it is found with the same distance to its start. */
static bool is_part(const Section *of, uint64_t addr)
{
    Section s = memory_region_find(get_system_memory(), addr, 1);

    if (s.region) {
        memory_region_unref(s.region);
    }
    return s.region == of->region &&
           s.offset_within_region - of->offset_within_region ==
               addr - of->offset_within_address_space;
}

bool ls_api_names_regions(void)
{
    return get_system_memory && memory_region_find && memory_region_name &&
           memory_region_unref;
}

bool ls_api_region(uint64_t paddr, uint64_t *first, uint64_t *last, char *name,
                   size_t size)
{
    Section at;

    if (!ls_api_names_regions()) {
        return false;
    }
    at = memory_region_find(get_system_memory(), paddr, 1);
    if (!at.region) {
        return false;
    }
    *first = *last = paddr;
    for (unsigned bit = 24; bit-- > 0;) {
        uint64_t step = UINT64_C(1) << bit;

        if (*first >= step && is_part(&at, *first - step)) {
            *first -= step;
        }
        if (is_part(&at, *last + step)) {
            *last += step;
        }
    }
    strncpy(name, memory_region_name(at.region), size - 1);
    name[size - 1] = 0;
    memory_region_unref(at.region);
    return true;
}

/* One handler of each kind: the plugin has one instance per QEMU. */
static void (*translate_handler)(LsTb *tb);
static void (*vcpu_init_handler)(unsigned vcpu);
static void (*flush_handler)(void);
static void (*exit_handler)(void);
static void (*reset_handler)(void);

static void translate_v1(LsPluginId id, LsTb *tb)
{
    (void)id;
    translate_handler(tb);
}

static void translate_v7(LsTb *tb, void *userdata)
{
    (void)userdata;
    translate_handler(tb);
}

static void vcpu_init_v1(LsPluginId id, unsigned vcpu)
{
    (void)id;
    vcpu_init_handler(vcpu);
}

static void vcpu_init_v7(unsigned vcpu, void *userdata)
{
    (void)userdata;
    vcpu_init_handler(vcpu);
}

static void flush_v1(LsPluginId id)
{
    (void)id;
    flush_handler();
}

static void flush_v7(void *userdata)
{
    (void)userdata;
    flush_handler();
}

static void exit_v1(LsPluginId id, void *userdata)
{
    (void)id;
    (void)userdata;
    exit_handler();
}

static void exit_v7(void *userdata)
{
    (void)userdata;
    exit_handler();
}

static void reset_v1(LsPluginId id)
{
    (void)id;
    reset_handler();
}

static void reset_v7(void *userdata)
{
    (void)userdata;
    reset_handler();
}

/* Registers cb7 (with userdata) from API 7 on, else cb1. */
static void register_cb(const char *name, LsPluginId id, void (*cb1)(void),
                        void (*cb7)(void))
{
    void (*with_data)(LsPluginId id, void (*cb)(void), void *userdata);

    if (bind(&with_data, name)) {
        /* Before API 7 the third argument is not looked at. */
        with_data(id, ls_api.version >= 7 ? cb7 : cb1, NULL);
    }
}

#define ANY(f) ((void (*)(void))(f))

void ls_api_on_translate(LsPluginId id, void (*cb)(LsTb *tb))
{
    translate_handler = cb;
    register_cb("qemu_plugin_register_vcpu_tb_trans_cb", id,
                ANY(translate_v1), ANY(translate_v7));
}

void ls_api_on_vcpu_init(LsPluginId id, void (*cb)(unsigned vcpu))
{
    vcpu_init_handler = cb;
    register_cb("qemu_plugin_register_vcpu_init_cb", id, ANY(vcpu_init_v1),
                ANY(vcpu_init_v7));
}

void ls_api_on_flush(LsPluginId id, void (*cb)(void))
{
    flush_handler = cb;
    register_cb("qemu_plugin_register_flush_cb", id, ANY(flush_v1),
                ANY(flush_v7));
}

void ls_api_on_exit(LsPluginId id, void (*cb)(void))
{
    exit_handler = cb;
    register_cb("qemu_plugin_register_atexit_cb", id, ANY(exit_v1),
                ANY(exit_v7));
}

bool ls_api_reset(LsPluginId id, void (*cb)(void))
{
    void **slot = ls_api.current_cpu ? ls_api.current_cpu() : NULL;

    if (!slot || !ls_api.get_cpu || !ls_api.get_cpu(0)) {
        return false;
    }
    reset_handler = cb;
    *slot = ls_api.get_cpu(0);
    register_cb("qemu_plugin_reset", id, ANY(reset_v1), ANY(reset_v7));
    *slot = NULL;
    return true;
}
