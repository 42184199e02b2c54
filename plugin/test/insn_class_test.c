/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Encodings as GNU as writes them, and what looks like them. */
#include "check.h"
#include "cpu_view.h"
#include "hex.h"
#include "insn_class.h"
#include "words.h"

typedef struct {
    const char *hex;
    const char *assembly;
    unsigned class;
} Case;

static void check_cases(const Case *cases, size_t count, bool code64)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t bytes[16];
        unsigned len = (unsigned)hex_bytes(cases[i].hex, bytes, 15);

        check_context("%s", cases[i].assembly);
        CHECK_EQ(ls_insn_class(bytes, len, code64), cases[i].class);
    }
}

#define CHECK_CASES(cases, code64)                                         \
    check_cases(cases, sizeof(cases) / sizeof(cases[0]), code64)

static const Case any_mode[] = {
    { "0f 22 d8", "mov %eax,%cr3", LS_INSN_REMAPS },
    { "0f 22 c0", "mov %eax,%cr0", LS_INSN_REMAPS },
    { "0f 22 e0", "mov %eax,%cr4", LS_INSN_REMAPS },
    { "66 0f 22 c0", "data16 mov %eax,%cr0", LS_INSN_REMAPS },
    { "0f 20 d8", "mov %cr3,%eax", 0 },
    { "0f 23 c0", "mov %eax,%db0", 0 },
    { "0f 01 38", "invlpg (%eax)", LS_INSN_REMAPS },
    { "0f 01 78 10", "invlpg 16(%eax)", LS_INSN_REMAPS },
    { "65 0f 01 38", "invlpg %gs:(%eax)", LS_INSN_REMAPS },
    { "0f 01 f0", "lmsw %ax", LS_INSN_REMAPS },
    { "0f 01 30", "lmsw (%eax)", LS_INSN_REMAPS },
    { "0f 01 df", "invlpga", LS_INSN_REMAPS },
    { "0f 01 d8", "vmrun", LS_INSN_REMAPS | LS_INSN_PHYS },
    { "0f 01 da", "vmload", LS_INSN_PHYS },
    { "0f 01 db", "vmsave", LS_INSN_PHYS },
    { "0f 01 d9", "vmmcall", 0 },
    { "0f 01 e0", "smsw %eax", 0 },
    { "0f 01 20", "smsw (%eax)", 0 },
    { "0f 01 10", "lgdt (%eax)", 0 },
    { "0f 01 18", "lidt (%eax)", 0 },
    { "0f 01 00", "sgdt (%eax)", 0 },
    { "0f 01 d0", "xgetbv", 0 },
    { "0f 01 f9", "rdtscp", 0 },
    { "0f 01 f8", "swapgs", 0 },
    { "0f 30", "wrmsr", LS_INSN_REMAPS },
    { "0f 32", "rdmsr", 0 },
    { "0f aa", "rsm", LS_INSN_REMAPS },
    { "0f ae 00", "fxsave (%eax)", 0 },
    { "66 0f 38 82 00", "invpcid (%eax),%eax", LS_INSN_REMAPS },
    { "66 0f 38 00 c1", "pshufb %xmm1,%xmm0", 0 },
    { "e6 92", "out %al,$0x92", LS_INSN_PORT | LS_INSN_OUT_REMAPS },
    { "e7 92", "out %eax,$0x92", LS_INSN_PORT | LS_INSN_OUT_REMAPS },
    { "66 e7 64", "out %ax,$0x64", LS_INSN_PORT | LS_INSN_OUT_REMAPS },
    { "e6 60", "out %al,$0x60", LS_INSN_PORT | LS_INSN_OUT_REMAPS },
    { "e6 b2", "out %al,$0xb2", LS_INSN_PORT | LS_INSN_OUT_REMAPS },
    { "e6 80", "out %al,$0x80", LS_INSN_PORT },
    { "e6 21", "out %al,$0x21", LS_INSN_PORT },
    { "e4 92", "in $0x92,%al", LS_INSN_PORT },
    { "e5 64", "in $0x64,%eax", LS_INSN_PORT },
    { "ee", "out %al,(%dx)", LS_INSN_PORT | LS_INSN_OUT_DX },
    { "ef", "out %eax,(%dx)", LS_INSN_PORT | LS_INSN_OUT_DX },
    { "66 ef", "out %ax,(%dx)", LS_INSN_PORT | LS_INSN_OUT_DX },
    { "ec", "in (%dx),%al", LS_INSN_PORT },
    { "6e", "outsb", LS_INSN_PORT | LS_INSN_OUT_DX },
    { "f3 6e", "rep outsb", LS_INSN_PORT | LS_INSN_OUT_DX | LS_INSN_REP },
    { "f3 6f", "rep outsl", LS_INSN_PORT | LS_INSN_OUT_DX | LS_INSN_REP },
    { "6d", "insl", LS_INSN_PORT },
    { "f3 6c", "rep insb", LS_INSN_PORT | LS_INSN_REP },
    { "a4", "movsb", 0 },
    { "f3 a4", "rep movsb", LS_INSN_REP },
    { "f3 a5", "rep movsl", LS_INSN_REP },
    { "66 f3 a5", "rep movsw", LS_INSN_REP },
    { "f3 66 a5", "rep movsw, the other order", LS_INSN_REP },
    { "67 f3 a5", "addr rep movsl", LS_INSN_REP },
    { "2e f3 a4", "rep movsb %cs:", LS_INSN_REP },
    { "f3 a6", "repe cmpsb", LS_INSN_REP },
    { "f2 a6", "repne cmpsb", LS_INSN_REP },
    { "f3 aa", "rep stosb", LS_INSN_REP },
    { "f3 ab", "rep stosl", LS_INSN_REP },
    { "ab", "stosl", 0 },
    { "f3 ac", "rep lodsb", LS_INSN_REP },
    { "f2 ae", "repne scasb", LS_INSN_REP },
    { "f3 90", "pause", 0 },
    { "f3 0f b8 c1", "popcnt %ecx,%eax", 0 },
    { "f3 c3", "repz ret", 0 },
    { "f3 0f 10 00", "movss (%eax),%xmm0", 0 },
    { "a8 a4", "test $0xa4,%al", LS_INSN_NO_MEMORY },
    { "a0 f3 a4 00 00", "mov 0xa4f3,%al", 0 },
    { "b8 0f 22 d8 00", "mov $0xd8220f,%eax", LS_INSN_NO_MEMORY },
    { "8b 03", "mov (%ebx),%eax", 0 },
    { "90", "nop", LS_INSN_NO_MEMORY },
    { "f0 0f b1 0b", "lock cmpxchg %ecx,(%ebx)", 0 },
};

TEST(insn_class_in_any_mode)
{
    CHECK_CASES(any_mode, false);
    CHECK_CASES(any_mode, true);
}

/* 40 to 4f are REX prefixes in 64-bit code only. */
TEST(insn_class_of_rex_prefixes)
{
    static const Case in64[] = {
        { "f3 48 a5", "rep movsq", LS_INSN_REP },
        { "f3 48 ab", "rep stosq", LS_INSN_REP },
        { "48 a5", "movsq", 0 },
        { "48 0f 22 d8", "rex.W mov %rax,%cr3", LS_INSN_REMAPS },
        { "44 0f 22 c0", "mov %rax,%cr8", LS_INSN_REMAPS },
        { "41 0f 22 d8", "mov %r8,%cr3", LS_INSN_REMAPS },
        { "41 0f 01 38", "invlpg (%r8)", LS_INSN_REMAPS },
        { "66 41 0f 38 82 00", "invpcid (%r8),%rax", LS_INSN_REMAPS },
        { "41 8b 03", "mov (%r11),%eax", 0 },
        { "66 90", "xchg %ax,%ax", LS_INSN_NO_MEMORY },
    };
    static const Case in32[] = {
        { "48", "dec %eax", LS_INSN_NO_MEMORY },
        { "41", "inc %ecx", LS_INSN_NO_MEMORY },
        { "4f", "dec %edi", LS_INSN_NO_MEMORY },
    };

    CHECK_CASES(in64, true);
    CHECK_CASES(in32, false);
}

static const Case no_memory_in_any_mode[] = {
    { "01 d8", "add %ebx,%eax", LS_INSN_NO_MEMORY },
    { "66 03 c3", "add %bx,%ax", LS_INSN_NO_MEMORY },
    { "3c 05", "cmp $5,%al", LS_INSN_NO_MEMORY },
    { "35 78 56 34 12", "xor $0x12345678,%eax", LS_INSN_NO_MEMORY },
    { "01 18", "add %ebx,(%eax)", 0 },
    { "03 45 08", "add 8(%ebp),%eax", 0 },
    { "06", "push %es", 0 },
    { "1f", "pop %ds", 0 },
    { "83 e8 01", "sub $1,%eax", LS_INSN_NO_MEMORY },
    { "83 28 01", "subl $1,(%eax)", 0 },
    { "89 d8", "mov %ebx,%eax", LS_INSN_NO_MEMORY },
    { "8b 03", "mov (%ebx),%eax", 0 },
    { "8e d8", "mov %eax,%ds", 0 },
    { "8c d8", "mov %ds,%eax", 0 },
    { "8f c0", "pop %eax", 0 },
    { "8d 04 8b", "lea (%ebx,%ecx,4),%eax", LS_INSN_NO_MEMORY },
    { "87 d8", "xchg %ebx,%eax", LS_INSN_NO_MEMORY },
    { "f0 87 03", "lock xchg %eax,(%ebx)", 0 },
    { "90", "nop", LS_INSN_NO_MEMORY },
    { "f3 90", "pause", 0 },
    { "93", "xchg %ebx,%eax", LS_INSN_NO_MEMORY },
    { "99", "cltd", LS_INSN_NO_MEMORY },
    { "9c", "pushf", 0 },
    { "a1 00 10 00 00", "mov 0x1000,%eax", 0 },
    { "a4", "movsb", 0 },
    { "a9 01 00 00 00", "test $1,%eax", LS_INSN_NO_MEMORY },
    { "b8 01 00 00 00", "mov $1,%eax", LS_INSN_NO_MEMORY },
    { "c1 e0 03", "shl $3,%eax", LS_INSN_NO_MEMORY },
    { "c1 20 03", "shll $3,(%eax)", 0 },
    { "c3", "ret", 0 },
    { "c7 c0 01 00 00 00", "mov $1,%eax", LS_INSN_NO_MEMORY },
    { "c7 00 01 00 00 00", "movl $1,(%eax)", 0 },
    { "c7 f8 00 00 00 00", "xbegin", 0 },
    { "cc", "int3", LS_INSN_INT },
    { "d3 e8", "shr %cl,%eax", LS_INSN_NO_MEMORY },
    { "d7", "xlat", 0 },
    { "d9 c0", "fld %st(0)", 0 },
    { "e8 00 00 00 00", "call", 0 },
    { "e9 00 00 00 00", "jmp", LS_INSN_NO_MEMORY },
    { "eb fe", "jmp", LS_INSN_NO_MEMORY },
    { "74 05", "je", LS_INSN_NO_MEMORY },
    { "f7 f1", "div %ecx", LS_INSN_NO_MEMORY },
    { "f7 31", "divl (%ecx)", 0 },
    { "ff c0", "inc %eax", LS_INSN_NO_MEMORY },
    { "ff d0", "call *%eax", 0 },
    { "ff e0", "jmp *%eax", 0 },
    { "ff f0", "push %eax", 0 },
    { "ff 00", "incl (%eax)", 0 },
    { "0f 84 00 00 00 00", "je", LS_INSN_NO_MEMORY },
    { "0f 44 c1", "cmove %ecx,%eax", LS_INSN_NO_MEMORY },
    { "0f 44 01", "cmove (%ecx),%eax", 0 },
    { "0f 94 c0", "sete %al", LS_INSN_NO_MEMORY },
    { "0f 94 00", "sete (%eax)", 0 },
    { "0f af c1", "imul %ecx,%eax", LS_INSN_NO_MEMORY },
    { "0f b6 c0", "movzx %al,%eax", LS_INSN_NO_MEMORY },
    { "0f b6 00", "movzbl (%eax),%eax", 0 },
    { "0f a3 c8", "bt %ecx,%eax", LS_INSN_NO_MEMORY },
    { "0f a3 08", "bt %ecx,(%eax)", 0 },
    { "0f a0", "push %fs", 0 },
    { "0f b1 c8", "cmpxchg %ecx,%eax", 0 },
    { "0f b2 00", "lss (%eax),%eax", 0 },
    { "0f c8", "bswap %eax", LS_INSN_NO_MEMORY },
    { "0f 1f 00", "nopl (%eax)", LS_INSN_NO_MEMORY },
    { "0f 05", "syscall", 0 },
    { "67 8d 04 0b", "an address-size prefix", 0 },
    { "36 01 d8", "a segment prefix", 0 },
};

TEST(insn_class_of_what_touches_no_memory)
{
    static const Case in_64_bit[] = {
        { "48 89 d8", "mov %rbx,%rax", LS_INSN_NO_MEMORY },
        { "4c 8b 03", "mov (%rbx),%r8", 0 },
        { "48 63 c3", "movslq %ebx,%rax", LS_INSN_NO_MEMORY },
        { "48 8d 05 00 00 00 00", "lea 0(%rip),%rax", LS_INSN_NO_MEMORY },
        { "48 8b 05 00 00 00 00", "mov 0(%rip),%rax", 0 },
        { "41 57", "push %r15", 0 },
        { "c5 f8 77", "vzeroupper", 0 },
    };
    static const Case in_32_bit[] = {
        { "40", "inc %eax", LS_INSN_NO_MEMORY },
        { "4f", "dec %edi", LS_INSN_NO_MEMORY },
        { "50", "push %eax", 0 },
        { "63 c0", "arpl %ax,%ax", LS_INSN_NO_MEMORY },
        { "c5 00", "lds (%eax),%eax", 0 },
        { "62 00", "bound (%eax),%eax", 0 },
    };

    CHECK_CASES(no_memory_in_any_mode, true);
    CHECK_CASES(no_memory_in_any_mode, false);
    CHECK_CASES(in_64_bit, true);
    CHECK_CASES(in_32_bit, false);
}

TEST(insn_class_of_nothing_and_of_pieces)
{
    static const Case pieces[] = {
        { "", "no bytes", 0 },
        { "f3", "a prefix", 0 },
        { "0f", "half an opcode", 0 },
        { "0f 01", "no modrm", 0 },
        { "0f 38", "half an opcode of three bytes", 0 },
        { "e6", "no port", LS_INSN_PORT },
        { "66 66 66 66 66 66 66 66 66 66 66 66 66 66 66", "prefixes", 0 },
    };

    CHECK_CASES(pieces, true);
}

static uint32_t port_of(const char *hex, bool wide)
{
    uint8_t bytes[16];

    return ls_insn_port(bytes, (unsigned)hex_bytes(hex, bytes, 16), wide);
}

TEST(insn_port_and_size)
{
    enum { BYTE = 0, WORD = 1 << LS_PORT_SIZE_SHIFT,
           LONG = 2 << LS_PORT_SIZE_SHIFT };

    CHECK_EQ(port_of("e4 92", true), 0x92 | BYTE);
    CHECK_EQ(port_of("e5 64", true), 0x64 | LONG);
    CHECK_EQ(port_of("66 e5 64", true), 0x64 | WORD);
    CHECK_EQ(port_of("e5 64", false), 0x64 | WORD);
    CHECK_EQ(port_of("66 e5 64", false), 0x64 | LONG);
    CHECK_EQ(port_of("e6 80", true), 0x80 | LS_PORT_OUT | BYTE);
    CHECK_EQ(port_of("ee", true), LS_PORT_DX | LS_PORT_OUT | BYTE);
    CHECK_EQ(port_of("ed", true), LS_PORT_DX | LONG);
    CHECK_EQ(port_of("f3 6c", true), LS_PORT_DX | LS_PORT_STRING | BYTE);
    CHECK_EQ(port_of("66 6f", true),
             LS_PORT_DX | LS_PORT_STRING | LS_PORT_OUT | WORD);
}

TEST(insn_vector_of_interrupts)
{
    static const uint8_t int_80[] = { 0xcd, 0x80 }, int3[] = { 0xcc },
                         into[] = { 0xce }, int1[] = { 0xf1 },
                         prefixed[] = { 0x66, 0xcd, 0x10 };

    CHECK_EQ(ls_insn_vector(int_80, 2), 0x80);
    CHECK_EQ(ls_insn_vector(int3, 1), 3);
    CHECK_EQ(ls_insn_vector(into, 1), 4);
    CHECK_EQ(ls_insn_vector(int1, 1), 1);
    CHECK_EQ(ls_insn_vector(prefixed, 3), 0x10);
}

TEST(insn_class_of_ports)
{
    unsigned count = 0;

    for (unsigned port = 0; port < 0x10000; port++) {
        count += ls_port_remaps((uint16_t)port);
    }
    CHECK_EQ(count, 12);
    CHECK(ls_port_remaps(0xcf8) && ls_port_remaps(0xcfc) &&
          ls_port_remaps(0xcff));
    CHECK(!ls_port_remaps(0xcf7) && !ls_port_remaps(0xd00));
    CHECK(ls_port_remaps(0x92) && ls_port_remaps(0x60) &&
          ls_port_remaps(0x64) && ls_port_remaps(0xb2));
    CHECK(!ls_port_remaps(0x70) && !ls_port_remaps(0x3f8));
}

TEST(insn_mov_to_cr0_and_cr3)
{
    static const struct {
        const char *hex;
        unsigned what;
    } cases[] = {
        { "0f 22 d8", LS_MOV_CR | 3 << LS_MOV_CR_NUMBER_SHIFT | LS_RAX },
        { "0f 22 c2", LS_MOV_CR | LS_RDX },
        { "66 0f 22 c0", LS_MOV_CR | LS_RAX },
        { "41 0f 22 da", LS_MOV_CR | 3 << LS_MOV_CR_NUMBER_SHIFT | 10 },
        { "48 0f 22 d8", LS_MOV_CR | 3 << LS_MOV_CR_NUMBER_SHIFT | LS_RAX },
        { "0f 22 e0", 0 },    /* CR4 */
        { "44 0f 22 c0", 0 }, /* CR8 */
        { "0f 20 d8", 0 },    /* from CR3 */
        { "0f 22", 0 },
        { "8b 03", 0 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t bytes[16];
        unsigned len = (unsigned)hex_bytes(cases[i].hex, bytes, 15);

        check_context("%s", cases[i].hex);
        CHECK_EQ(ls_insn_mov_cr(bytes, len, true), cases[i].what);
    }
}
