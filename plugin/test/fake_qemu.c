/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stands for QEMU (see fake_qemu.h). */
#define _GNU_SOURCE
#include "fake_qemu.h"

#include "hex.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MAX_CPUS = 16, CPU_BYTES = 16384, MAX_PAGES = 4096 };

struct LsInsn {
    uint64_t vaddr;
    unsigned len;
    uint8_t bytes[16];
    LsMemCb on_mem[2]; /* loads, stores */
    void *mem_data[2];
    LsBlockCb on_insn[4];
    void *insn_data[4];
    unsigned insn_cbs;
};

struct LsTb {
    uint64_t vaddr;
    unsigned count;
    LsBlockCb on_block;
    void *block_data;
    LsInsn *insns;
};

struct LsHwaddr {
    bool io;
    uint64_t address;
};

/* Which version knows a name first; the plugin tells versions apart by them. */
static const struct {
    const char *name;
    int since;
} newer[] = {
    { "qemu_plugin_scoreboard_new", 2 },
    { "qemu_plugin_read_memory_vaddr", 4 },
    { "qemu_plugin_read_memory_hwaddr", 5 },
    { "qemu_plugin_set_pc", 7 },
};

static int api(void)
{
    const char *chosen = getenv("FAKE_QEMU");

    return chosen ? atoi(chosen) : 4;
}

static bool is_bare(void)
{
    const char *chosen = getenv("FAKE_QEMU");

    return chosen && strstr(chosen, ",bare");
}

/* The linker puts this in the plugin's way (--wrap). */
void *__real_dlsym(void *handle, const char *name);
void *__wrap_dlsym(void *handle, const char *name);

void *__wrap_dlsym(void *handle, const char *name)
{
    for (size_t i = 0; i < sizeof(newer) / sizeof(newer[0]); i++) {
        if (!strcmp(name, newer[i].name)) {
            return api() >= newer[i].since ? (void *)(uintptr_t)name : NULL;
        }
    }
    if (is_bare() && (!strcmp(name, "current_cpu") ||
                      !strcmp(name, "qemu_get_cpu"))) {
        return NULL;
    }
    return __real_dlsym(handle, name);
}

/* vCPUs */

size_t fake_eip_offset = 0x2a80;
static uint8_t *cpus[MAX_CPUS];

LS_EXPORT extern __thread void *current_cpu;
__thread void *current_cpu;
static __thread unsigned running;

void fake_cpu_make(unsigned index)
{
    /* Nothing is mapped behind it: whoever reads past its end faults. */
    uint8_t *at = mmap(NULL, CPU_BYTES + 4096, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (at == MAP_FAILED ||
        mprotect(at, CPU_BYTES, PROT_READ | PROT_WRITE) != 0) {
        abort();
    }
    cpus[index] = at;
    fake_cpu_set(index, LS_VIEW_EFLAGS, 2);
    fake_cpu_set_u32(index, LS_VIEW_DF, 1);
    fake_cpu_set_u32(index, LS_VIEW_HFLAGS,
                     LS_HF_PE | LS_HF_LMA | LS_HF_CS64);
    fake_cpu_set(index, LS_VIEW_CR0, 0x80000001);
}

void fake_cpu_set(unsigned index, int field, uint64_t value)
{
    memcpy(cpus[index] + fake_eip_offset + field, &value, sizeof(value));
}

void fake_cpu_set_u32(unsigned index, int field, uint32_t value)
{
    memcpy(cpus[index] + fake_eip_offset + field, &value, sizeof(value));
}

void *fake_cpu_object(unsigned index)
{
    return cpus[index];
}

void fake_cpu_run(unsigned index)
{
    running = index;
    current_cpu = cpus[index];
}

LS_EXPORT void *qemu_get_cpu(int index);

void *qemu_get_cpu(int index)
{
    return cpus[index];
}

/* Memory */

static struct {
    uint64_t page;
    LsHwaddr to;
} pages[MAX_PAGES];
static unsigned page_count;
unsigned fake_map_questions;

static void map_page(uint64_t page, LsHwaddr to)
{
    unsigned i = 0;

    while (i < page_count && pages[i].page != page) {
        i++;
    }
    if (i == MAX_PAGES) {
        abort();
    }
    page_count += i == page_count;
    pages[i].page = page;
    pages[i].to = to;
}

void fake_map_ram(uint64_t page, uint64_t physical_page)
{
    map_page(page, (LsHwaddr){ false, physical_page << 12 });
}

void fake_map_device(uint64_t page, uint64_t physical_page)
{
    map_page(page, (LsHwaddr){ true, physical_page << 12 });
}

void fake_map_nothing(uint64_t page)
{
    map_page(page, (LsHwaddr){ true, UINT64_MAX });
}

LS_EXPORT LsHwaddr *qemu_plugin_get_hwaddr(LsMemInfo info, uint64_t vaddr);
LS_EXPORT bool qemu_plugin_hwaddr_is_io(const LsHwaddr *hwaddr);
LS_EXPORT uint64_t qemu_plugin_hwaddr_phys_addr(const LsHwaddr *hwaddr);

LsHwaddr *qemu_plugin_get_hwaddr(LsMemInfo info, uint64_t vaddr)
{
    static __thread LsHwaddr answer; /* QEMU's is per thread, too */

    (void)info;
    __atomic_fetch_add(&fake_map_questions, 1, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < page_count; i++) {
        if (pages[i].page == (vaddr >> 12) &&
            pages[i].to.address != UINT64_MAX) {
            answer = pages[i].to;
            answer.address |= vaddr & 4095;
            return &answer;
        }
    }
    return NULL;
}

bool qemu_plugin_hwaddr_is_io(const LsHwaddr *hwaddr)
{
    return hwaddr->io;
}

uint64_t qemu_plugin_hwaddr_phys_addr(const LsHwaddr *hwaddr)
{
    return hwaddr->address;
}

/* Access info: MMU index, size, sign and byte order; direction at bit 16. */

unsigned fake_mmu_index_bits = 4;

static LsMemInfo info_of(bool store, unsigned bytes)
{
    unsigned log2 = (unsigned)__builtin_ctz(bytes);
    LsMemInfo mmu_index = 5, sign = 1;

    return mmu_index | log2 << fake_mmu_index_bits |
           sign << (fake_mmu_index_bits + 3) | (store ? 2u : 1u) << 16;
}

LS_EXPORT unsigned qemu_plugin_mem_size_shift(LsMemInfo info);
LS_EXPORT bool qemu_plugin_mem_is_store(LsMemInfo info);

unsigned qemu_plugin_mem_size_shift(LsMemInfo info)
{
    return info >> fake_mmu_index_bits & 7;
}

bool qemu_plugin_mem_is_store(LsMemInfo info)
{
    return info >> 16 & 2;
}

/* Code */

LS_EXPORT size_t qemu_plugin_tb_n_insns(const LsTb *tb);
LS_EXPORT uint64_t qemu_plugin_tb_vaddr(const LsTb *tb);
LS_EXPORT LsInsn *qemu_plugin_tb_get_insn(const LsTb *tb, size_t index);
LS_EXPORT size_t qemu_plugin_insn_size(const LsInsn *insn);
LS_EXPORT uint64_t qemu_plugin_insn_vaddr(const LsInsn *insn);
LS_EXPORT uintptr_t qemu_plugin_insn_data(const LsInsn *insn, void *to,
                                          size_t len);
LS_EXPORT void qemu_plugin_register_vcpu_tb_exec_cb(LsTb *tb, LsBlockCb cb,
                                                    int flags, void *data);
LS_EXPORT void qemu_plugin_register_vcpu_insn_exec_cb(LsInsn *insn,
                                                      LsBlockCb cb, int flags,
                                                      void *data);
LS_EXPORT void qemu_plugin_register_vcpu_mem_cb(LsInsn *insn, LsMemCb cb,
                                                int flags, int rw, void *data);
LS_EXPORT void qemu_plugin_outs(const char *text);

size_t qemu_plugin_tb_n_insns(const LsTb *tb)
{
    return tb->count;
}

uint64_t qemu_plugin_tb_vaddr(const LsTb *tb)
{
    return tb->vaddr;
}

LsInsn *qemu_plugin_tb_get_insn(const LsTb *tb, size_t index)
{
    return &tb->insns[index];
}

size_t qemu_plugin_insn_size(const LsInsn *insn)
{
    return insn->len;
}

uint64_t qemu_plugin_insn_vaddr(const LsInsn *insn)
{
    return insn->vaddr;
}

/* Versions 1 and 2: `const void *f(insn)`; later `size_t f(insn, to, len)`. */
uintptr_t qemu_plugin_insn_data(const LsInsn *insn, void *to, size_t len)
{
    if (api() < 3) {
        return (uintptr_t)insn->bytes;
    }
    len = len < insn->len ? len : insn->len;
    memcpy(to, insn->bytes, len);
    return len;
}

void qemu_plugin_register_vcpu_tb_exec_cb(LsTb *tb, LsBlockCb cb, int flags,
                                          void *data)
{
    (void)flags;
    tb->on_block = cb;
    tb->block_data = data;
}

void qemu_plugin_register_vcpu_insn_exec_cb(LsInsn *insn, LsBlockCb cb,
                                            int flags, void *data)
{
    (void)flags;
    if (insn->insn_cbs == 4) {
        abort();
    }
    insn->on_insn[insn->insn_cbs] = cb;
    insn->insn_data[insn->insn_cbs++] = data;
}

void qemu_plugin_register_vcpu_mem_cb(LsInsn *insn, LsMemCb cb, int flags,
                                      int rw, void *data)
{
    (void)flags;
    if (rw != LS_MEM_RW && api() < 3) {
        abort(); /* T3 */
    }
    for (unsigned store = 0; store < 2; store++) {
        if (rw >> store & 1) {
            insn->on_mem[store] = cb;
            insn->mem_data[store] = data;
        }
    }
}

void qemu_plugin_outs(const char *text)
{
    fputs(text, stderr);
}

/* Callbacks of a QEMU's life; a reset drops them. */

typedef void (*AnyCb)(void);
typedef void (*IdCb)(LsPluginId id);
typedef void (*DataCb)(void *data);

static struct {
    AnyCb translate, vcpu_init, flush, at_exit;
} callbacks;
static _Atomic(AnyCb) queued_reset;

enum { PLUGIN_ID = 7 };

#define REGISTER(function, member)                                         \
    LS_EXPORT void function(LsPluginId id, AnyCb cb);                      \
    void function(LsPluginId id, AnyCb cb)                                 \
    {                                                                      \
        if (id != PLUGIN_ID) {                                             \
            abort();                                                       \
        }                                                                  \
        member = cb;                                                       \
    }

REGISTER(qemu_plugin_register_vcpu_tb_trans_cb, callbacks.translate)
REGISTER(qemu_plugin_register_vcpu_init_cb, callbacks.vcpu_init)
REGISTER(qemu_plugin_register_flush_cb, callbacks.flush)
REGISTER(qemu_plugin_register_atexit_cb, callbacks.at_exit)
REGISTER(qemu_plugin_reset, queued_reset)

static void call_translate(LsTb *tb)
{
    if (!callbacks.translate) {
        return;
    }
    if (api() >= 7) {
        ((void (*)(LsTb *, void *))callbacks.translate)(tb, NULL);
    } else {
        ((void (*)(LsPluginId, LsTb *))callbacks.translate)(PLUGIN_ID, tb);
    }
}

LsTb *fake_translate(uint64_t vaddr, const char *code)
{
    LsTb *tb = calloc(1, sizeof(*tb));
    char *copy = strdup(code), *rest = copy, *one;

    tb->vaddr = vaddr;
    tb->insns = calloc(512, sizeof(*tb->insns));
    while ((one = strsep(&rest, ";"))) {
        LsInsn *insn = &tb->insns[tb->count++];

        insn->vaddr = vaddr;
        insn->len = (unsigned)hex_bytes(one, insn->bytes, 15);
        vaddr += insn->len;
    }
    free(copy);
    if (cpus[running]) {
        uint64_t base;

        memcpy(&base, cpus[running] + fake_eip_offset + LS_VIEW_CS_BASE, 8);
        fake_cpu_set(running, 0, tb->vaddr - base);
    }
    call_translate(tb);
    return tb;
}

void fake_enter_at(LsTb *tb, uint64_t vaddr)
{
    if (cpus[running]) {
        uint64_t base;

        memcpy(&base, cpus[running] + fake_eip_offset + LS_VIEW_CS_BASE, 8);
        fake_cpu_set(running, 0, vaddr - base);
    }
    if (tb->on_block) {
        tb->on_block(running, tb->block_data);
    }
}

void fake_enter(LsTb *tb)
{
    fake_enter_at(tb, tb->vaddr);
}

void fake_insn(LsTb *tb, unsigned index)
{
    LsInsn *insn = &tb->insns[index];

    for (unsigned i = 0; i < insn->insn_cbs; i++) {
        insn->on_insn[i](running, insn->insn_data[i]);
    }
}

static void access_memory(LsTb *tb, unsigned index, bool store, unsigned bytes,
                          uint64_t vaddr)
{
    LsInsn *insn = &tb->insns[index];

    if (insn->on_mem[store]) {
        insn->on_mem[store](running, info_of(store, bytes), vaddr,
                            insn->mem_data[store]);
    }
}

void fake_load(LsTb *tb, unsigned index, unsigned bytes, uint64_t vaddr)
{
    access_memory(tb, index, false, bytes, vaddr);
}

void fake_store(LsTb *tb, unsigned index, unsigned bytes, uint64_t vaddr)
{
    access_memory(tb, index, true, bytes, vaddr);
}

/* A run */

int qemu_plugin_install(LsPluginId id, const LsQemuInfo *info, int argc,
                        char **argv);

int fake_install(const char *arguments, unsigned max_vcpus)
{
    static char *argv[16];
    char *rest = strdup(arguments), *one;
    LsQemuInfo info = {
        .target_name = "x86_64",
        .version = { .min = api() < 2 ? 0 : 2, .cur = api() },
        .system_emulation = true,
        .system = { (int)max_vcpus, (int)max_vcpus },
    };
    int argc = 0;

    while ((one = strsep(&rest, ","))) {
        if (*one) {
            argv[argc++] = one;
        }
    }
    return qemu_plugin_install(PLUGIN_ID, &info, argc, argv);
}

void fake_start_vcpu(unsigned index)
{
    if (api() >= 7) {
        ((void (*)(unsigned, void *))callbacks.vcpu_init)(index, NULL);
    } else {
        ((void (*)(LsPluginId, unsigned))callbacks.vcpu_init)(PLUGIN_ID,
                                                              index);
    }
}

bool fake_reset(void)
{
    AnyCb cb = queued_reset;

    if (!cb) {
        return false;
    }
    queued_reset = NULL;
    memset(&callbacks, 0, sizeof(callbacks));
    if (api() >= 7) {
        ((DataCb)cb)(NULL);
    } else {
        ((IdCb)cb)(PLUGIN_ID);
    }
    return true;
}

void fake_flush(void)
{
    if (api() >= 7) {
        ((DataCb)callbacks.flush)(NULL);
    } else {
        ((IdCb)callbacks.flush)(PLUGIN_ID);
    }
}

void fake_exit(void)
{
    if (api() >= 7) {
        ((DataCb)callbacks.at_exit)(NULL);
    } else {
        ((void (*)(LsPluginId, void *))callbacks.at_exit)(PLUGIN_ID, NULL);
    }
}

/* The event log: QEMU writes on at its own place in the file. */

static int log_file = -1;
static off_t log_at;

void fake_log_open(const char *path)
{
    log_file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    log_at = 0;
    if (log_file < 0) {
        abort();
    }
}

void fake_log(const char *format, ...)
{
    static char text[1 << 16];
    va_list args;
    int length;

    va_start(args, format);
    length = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (pwrite(log_file, text, (size_t)length, log_at) != length) {
        abort();
    }
    log_at += length;
}
