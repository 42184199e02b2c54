/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Classifies instructions by their bytes (see insn_class.h). */
#include "insn_class.h"

#include "words.h"

bool ls_port_remaps(uint16_t port)
{
    return port == 0x60 || port == 0x64 || port == 0x92 || port == 0xb2 ||
           (port >= 0xcf8 && port <= 0xcff);
}

static bool is_prefix(uint8_t b, bool code64)
{
    switch (b) {
    case 0x26: case 0x2e: case 0x36: case 0x3e: case 0x64: case 0x65:
    case 0x66: case 0x67: case 0xf0: case 0xf2: case 0xf3:
        return true;
    default:
        return code64 && (b & 0xf0) == 0x40;
    }
}

/* 0f 01: system instructions, told apart by the byte after the opcode. */
static unsigned class_0f01(uint8_t modrm)
{
    if (modrm == 0xd8 || modrm == 0xda || modrm == 0xdb) {
        return LS_INSN_PHYS | (modrm == 0xd8 ? LS_INSN_REMAPS : 0u);
    }
    if (modrm >= 0xc0) {
        /* Register forms: lmsw and invlpga change translations. */
        return (modrm & 0x38) == 0x30 || modrm == 0xdf ? LS_INSN_REMAPS : 0u;
    }
    return (modrm & 0x38) >= 0x30 ? LS_INSN_REMAPS : 0u;
}

static unsigned class_0f(const uint8_t *op, unsigned len)
{
    switch (op[1]) {
    case 0x01:
        return len > 2 ? class_0f01(op[2]) : 0u;
    case 0x22: /* mov to CR */
    case 0x30: /* wrmsr */
    case 0xaa: /* rsm */
        return LS_INSN_REMAPS;
    case 0x38:
        return len > 2 && op[2] == 0x82 ? LS_INSN_REMAPS : 0u; /* invpcid */
    default:
        return 0;
    }
}

/* Two-byte opcodes, from the second byte on. */
static bool no_memory_0f(const uint8_t *op, unsigned len)
{
    bool registers = len > 1 && op[1] >= 0xc0;

    switch (op[0] >> 4) {
    case 0x4: case 0x9: /* cmovcc, setcc */
        return registers;
    case 0x8: /* jcc */
        return true;
    default:
        break;
    }
    switch (op[0]) {
    case 0x1f: /* nop */
        return len > 1;
    case 0xa3: case 0xab: case 0xb3: case 0xbb: /* bt, bts, btr, btc */
    case 0xaf: case 0xb6: case 0xb7: case 0xbe: case 0xbf: /* imul, movx */
        return registers;
    default:
        return op[0] >= 0xc8 && op[0] <= 0xcf; /* bswap */
    }
}

/* One-byte opcodes without prefixes but 66 and REX. */
static bool no_memory(const uint8_t *op, unsigned len)
{
    bool registers = len > 1 && op[1] >= 0xc0;
    unsigned extension = len > 1 ? op[1] >> 3 & 7 : 0;

    if (op[0] == 0x0f) {
        return len > 1 && no_memory_0f(op + 1, len - 1);
    }
    if (op[0] < 0x40) {
        /* add, or, adc, sbb, and, sub, xor, cmp */
        return (op[0] & 7) < 4 ? registers : (op[0] & 7) < 6;
    }
    switch (op[0] >> 4) {
    case 0x4: case 0x7: case 0xb: /* inc, dec; jcc; mov immediate */
        return true;
    case 0x8: /* arithmetic, test, xchg, mov; lea */
        return op[0] < 0x8c ? registers : op[0] == 0x8d;
    default:
        break;
    }
    switch (op[0]) {
    case 0x63: case 0x69: case 0x6b: /* movsxd, imul */
    case 0xc0: case 0xc1: case 0xd0: case 0xd1: case 0xd2: case 0xd3:
    case 0xf6: case 0xf7: /* shifts; test, not, neg, mul, div */
        return registers;
    case 0xc6: case 0xc7: /* mov */
        return registers && extension == 0;
    case 0xfe: case 0xff: /* inc, dec */
        return registers && extension < 2;
    case 0x90: case 0x91: case 0x92: case 0x93: case 0x94: case 0x95:
    case 0x96: case 0x97: case 0x98: case 0x99: /* xchg, cbw, cwd */
    case 0xa8: case 0xa9: case 0xe9: case 0xeb: /* test, jmp */
        return true;
    default:
        return false;
    }
}

unsigned ls_insn_vector(const uint8_t *bytes, unsigned len)
{
    for (unsigned at = 0; at < len; at++) {
        switch (bytes[at]) {
        case 0xcc:
            return 3;
        case 0xcd:
            return at + 1 < len ? bytes[at + 1] : 0;
        case 0xce:
            return 4;
        case 0xf1:
            return 1;
        default:
            break; /* prefixes */
        }
    }
    return 0;
}

uint32_t ls_insn_port(const uint8_t *bytes, unsigned len, bool wide)
{
    unsigned at = 0;
    uint32_t port = LS_PORT_DX;
    uint8_t op;

    while (at + 1 < len && is_prefix(bytes[at], true)) {
        wide ^= bytes[at] == 0x66;
        at++;
    }
    op = bytes[at];
    if ((op & 0xf0) == 0x60) {
        port |= LS_PORT_STRING | (op & 2 ? (uint32_t)LS_PORT_OUT : 0u);
    } else {
        port = op & 8 ? (uint32_t)LS_PORT_DX : at + 1 < len ? bytes[at + 1] : 0;
        port |= op & 2 ? (uint32_t)LS_PORT_OUT : 0u;
    }
    return port | (!(op & 1) ? 0u : wide ? 2u : 1u) << LS_PORT_SIZE_SHIFT;
}

unsigned ls_insn_mov_cr(const uint8_t *bytes, unsigned len, bool code64)
{
    unsigned at = 0, rex = 0, modrm, number;

    while (at < len && is_prefix(bytes[at], code64)) {
        rex = (bytes[at] & 0xf0) == 0x40 ? bytes[at] : 0;
        at++;
    }
    if (len - at < 3 || bytes[at] != 0x0f || bytes[at + 1] != 0x22) {
        return 0;
    }
    modrm = bytes[at + 2];
    number = (modrm >> 3 & 7) | (rex & 4) << 1;
    return number == 0 || number == 3
               ? LS_MOV_CR | number << LS_MOV_CR_NUMBER_SHIFT |
                     (modrm & 7) | (rex & 1) << 3
               : 0u;
}

unsigned ls_insn_class(const uint8_t *bytes, unsigned len, bool code64)
{
    bool rep = false, other = false;
    unsigned at = 0;

    while (at < len && is_prefix(bytes[at], code64)) {
        rep |= bytes[at] == 0xf2 || bytes[at] == 0xf3;
        other |= bytes[at] != 0x66 && (bytes[at] & 0xf0) != 0x40;
        at++;
    }
    if (at >= len) {
        return 0;
    }
    if (!other && no_memory(bytes + at, len - at)) {
        return LS_INSN_NO_MEMORY;
    }
    switch (bytes[at]) {
    case 0x0f:
        return at + 1 < len ? class_0f(bytes + at, len - at) : 0;
    case 0xcc: case 0xcd: case 0xce: case 0xf1: /* int3, int, into, int1 */
        return LS_INSN_INT;
    case 0xe4: case 0xe5: case 0xec: case 0xed: /* in */
        return LS_INSN_PORT;
    case 0xe6: case 0xe7: /* out imm8 */
        return at + 1 < len && ls_port_remaps(bytes[at + 1])
                   ? LS_INSN_PORT | LS_INSN_OUT_REMAPS : LS_INSN_PORT;
    case 0xee: case 0xef: /* out dx */
        return LS_INSN_PORT | LS_INSN_OUT_DX;
    case 0x6e: case 0x6f: /* outs */
        return LS_INSN_PORT | LS_INSN_OUT_DX | (rep ? LS_INSN_REP : 0u);
    case 0x6c: case 0x6d: /* ins */
        return LS_INSN_PORT | (rep ? LS_INSN_REP : 0u);
    case 0xa4: case 0xa5: case 0xa6: case 0xa7: /* movs, cmps */
    case 0xaa: case 0xab: case 0xac: case 0xad: /* stos, lods */
    case 0xae: case 0xaf: /* scas */
        return rep ? LS_INSN_REP : 0;
    default:
        return 0;
    }
}

/* Past the prefixes of code that is not 64-bit. */
static unsigned skip_prefixes(const uint8_t *bytes, unsigned len, bool *wide)
{
    unsigned at = 0;

    while (at + 1 < len && is_prefix(bytes[at], false)) {
        *wide ^= bytes[at] == 0x66;
        at++;
    }
    return at;
}

void ls_insn_branch(const uint8_t *bytes, unsigned len, bool wide,
                    LsBranch *branch)
{
    unsigned at = skip_prefixes(bytes, len, &wide), op = bytes[at];
    unsigned second = at + 1 < len ? bytes[at + 1] : 0;
    unsigned wide_bytes = wide ? 4 : 2, immediate = 0;

    *branch = (LsBranch){ .falls_through = true,
                          .mask = wide ? UINT32_MAX : 0xffff };
    if ((op & 0xf0) == 0x70 || (op & 0xfc) == 0xe0) { /* jcc, loop, jcxz */
        immediate = 1;
    } else if (op == 0x0f && (second & 0xf0) == 0x80) {
        immediate = wide_bytes;
    } else if (op == 0xe8 || op == 0xe9 || op == 0xeb) { /* call, jmp */
        immediate = op == 0xeb ? 1 : wide_bytes;
        branch->falls_through = false;
    } else if (op == 0x0f) { /* syscall, sysret, sysenter, sysexit, rsm, vmrun */
        branch->anywhere = second == 0x05 || second == 0x07 ||
                           second == 0x34 || second == 0x35 ||
                           second == 0xaa ||
                           (second == 0x01 && bytes[len - 1] == 0xd8);
    } else if (op == 0xff) { /* call, jmp through a register or memory */
        branch->anywhere = (second >> 3 & 7) >= 2 && (second >> 3 & 7) <= 5;
    } else { /* ret, retf, int3, int, into, iret, int1, far call and jmp */
        branch->anywhere = op == 0xc2 || op == 0xc3 ||
                           (op >= 0xca && op <= 0xcf) || op == 0xf1 ||
                           op == 0x9a || op == 0xea;
    }
    branch->taken = immediate != 0;
    for (unsigned i = 0; i < immediate; i++) {
        branch->displacement |= (uint32_t)bytes[len - immediate + i] << 8 * i;
    }
    if (immediate && immediate < 4 && bytes[len - 1] & 0x80) {
        branch->displacement |= UINT32_MAX << 8 * immediate;
    }
}

uint32_t ls_insn_faults(const uint8_t *bytes, unsigned len)
{
    bool wide = false;
    unsigned at = skip_prefixes(bytes, len, &wide), op = bytes[at];
    unsigned second = at + 1 < len ? bytes[at + 1] : 0;
    /* Any may be undefined here, or have an operand beyond a segment. */
    uint32_t vectors = 1 << 1 | 1 << 6 | 1 << 8 | 1 << 12 | 1 << 13;

    if (op == 0xd4 || ((op & 0xfe) == 0xf6 && (second >> 3 & 7) >= 6)) {
        /* aam, div, idiv */
        return op == 0xd4 || second >= 0xc0 ? 1u << 0 : vectors | 1u << 0;
    }
    if (op == 0x62) {
        return vectors | 1 << 5; /* bound */
    }
    if (op == 0x0f && (second == 0x0b || second == 0xb9 || second == 0xff)) {
        return 1 << 6; /* ud2, ud1, ud0 */
    }
    if ((op & 0xf8) == 0xd8 || op == 0x9b || op == 0x0f) {
        vectors |= 1 << 7 | 1 << 16 | 1 << 19; /* x87 and SSE */
    }
    return vectors;
}
