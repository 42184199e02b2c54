/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Classifies instructions by their bytes (see insn_class.h). */
#include "insn_class.h"

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

unsigned ls_insn_class(const uint8_t *bytes, unsigned len, bool code64)
{
    bool rep = false;
    unsigned at = 0;

    while (at < len && is_prefix(bytes[at], code64)) {
        rep |= bytes[at] == 0xf2 || bytes[at] == 0xf3;
        at++;
    }
    if (at >= len) {
        return 0;
    }
    switch (bytes[at]) {
    case 0x0f:
        return at + 1 < len ? class_0f(bytes + at, len - at) : 0;
    case 0xe6: case 0xe7: /* out imm8 */
        return at + 1 < len && ls_port_remaps(bytes[at + 1])
                   ? LS_INSN_OUT_REMAPS : 0u;
    case 0xee: case 0xef: /* out dx */
        return LS_INSN_OUT_DX;
    case 0x6e: case 0x6f: /* outs */
        return LS_INSN_OUT_DX | (rep ? LS_INSN_REP : 0u);
    case 0x6c: case 0x6d: /* ins */
    case 0xa4: case 0xa5: case 0xa6: case 0xa7: /* movs, cmps */
    case 0xaa: case 0xab: case 0xac: case 0xad: /* stos, lods */
    case 0xae: case 0xaf: /* scas */
        return rep ? LS_INSN_REP : 0;
    default:
        return 0;
    }
}
