; SPDX-License-Identifier: Apache-2.0
; Plain accesses in 32-bit and in 16-bit protected mode: every width, read-modify-write, LOCK, SSE, a device.
%include "boot.inc"
%include "legacy.inc"

data        equ DATA
low         equ 0x5000              ; reached by 16-bit addresses
timer       equ LAPIC + 0x3e0       ; divide configuration
top         equ STACK

main:
        PROTECTED_MODE
        ;= cr3 0
        mov edi, data
        mov ecx, 0x200 / 4
        mov eax, 0x01020304
        rep stosd
        mov edi, low
        mov ecx, 0x100 / 4
        rep stosd
        mov ebx, data
        movdqu xmm1, [data]

        CASE p32-load, "integer loads of every width", load
        mov cl, [data + 1]              ;= r1:data+1
        mov cx, [ebx + 2]               ;= r2:data+2
        mov ecx, [ebx + 4]              ;= r4:data+4
        movzx edx, byte [data + 8]      ;= r1:data+8
        movsx edx, word [data + 9]      ;= r2:data+9
        ENDCASE
        CHECK edx, 0x0203
        CASE p32-store, "integer stores of every width", store
        mov [data + 0x11], cl           ;= w1:data+0x11
        mov [ebx + 0x12], cx            ;= w2:data+0x12
        mov [ebx + 0x14], ecx           ;= w4:data+0x14
        mov dword [data + 0x19], 0x11223344 ;= w4:data+0x19
        ENDCASE
        CHECK dword [data + 0x19], 0x11223344
        CASE p32-rmw, "add, inc, not, shl, bts, xadd on memory", rmw
        add [data + 0x20], ecx          ;= r4:data+0x20 w4:data+0x20
        inc word [data + 0x24]          ;= r2:data+0x24 w2:data+0x24
        not byte [data + 0x26]          ;= r1:data+0x26 w1:data+0x26
        shl dword [data + 0x28], 1      ;= r4:data+0x28 w4:data+0x28
        bts dword [data + 0x2c], 3      ;= r4:data+0x2c w4:data+0x2c
        xadd [data + 0x30], edx         ;= r4:data+0x30 w4:data+0x30
        ENDCASE
        CHECK dword [data + 0x28], 0x02040608
        CASE p32-lock, "lock add, inc, neg, bts, xadd; xchg", lock
        lock add [data + 0x40], ecx     ;= r4:data+0x40 w4:data+0x40
        lock inc word [data + 0x44]     ;= r2:data+0x44 w2:data+0x44
        lock neg byte [data + 0x46]     ;= r1:data+0x46 w1:data+0x46 ;~ lock-neg-loads-twice: r1:data+0x46 r1:data+0x46 w1:data+0x46
        lock bts dword [data + 0x48], 3 ;= r4:data+0x48 w4:data+0x48
        lock xadd [data + 0x4c], edx    ;= r4:data+0x4c w4:data+0x4c
        xchg [data + 0x50], edx         ;= r4:data+0x50 w4:data+0x50
        ENDCASE
        CHECK dword [data + 0x48], 0x0102030c
        mov eax, 0x01020304
        CASE p32-lock-cmpxchg, "lock cmpxchg, hit and miss", lock
        lock cmpxchg [data + 0x60], ecx ;= r4:data+0x60 w4:data+0x60
        lock cmpxchg [data + 0x60], ebx ;= r4:data+0x60 w4:data+0x60
        ENDCASE
        CHECK dword [data + 0x60], DATA
        CASE p32-sse, "movdqu, movaps, movq, paddd, movss", load
        movdqu xmm0, [data + 0x71]      ;= r16:data+0x71
        movaps [data + 0x90], xmm0      ;= w16:data+0x90
        movq [data + 0xa0], xmm0        ;= w8:data+0xa0
        paddd xmm0, [data + 0x80]       ;= r16:data+0x80
        movss xmm0, [data + 0xb0]       ;= r4:data+0xb0
        ENDCASE
        CHECK dword [data + 0xa3], 0x01020304
        CASE p32-x87, "fld and fstp of 4, 8 and 10 bytes, fild, fistp", x87
        fld dword [data + 0xc0]         ;= r4:data+0xc0
        fstp qword [data + 0xc8]        ;= w8:data+0xc8
        fild word [data + 0xd0]         ;= r2:data+0xd0
        fist dword [data + 0xd4]        ;= w4:data+0xd4
        fstp tword [data + 0xe0]        ;= w10:data+0xe0
        ENDCASE
        CHECK dword [data + 0xd4], 0x0304
        mov edi, timer
        CASE p32-device, "load, store and read-modify-write of a device", device
        mov ecx, [edi]                  ;= r4:timer!device
        mov [edi], ecx                  ;= w4:timer!device
        or dword [edi], 1               ;= r4:timer!device w4:timer!device
        mov [data + 0xf0], ecx          ;= w4:data+0xf0
        ENDCASE
        CHECK dword [timer], 1

        jmp CODE16:(code16 - $$)
        [bits 16]
code16: mov bx, low
        mov eax, 0x01020304
        CASE p16-load, "integer loads of every width, 16- and 32-bit addresses", load
        mov cl, [bx + 1]                ;= r1:low+1
        mov cx, [bx + 2]                ;= r2:low+2
        mov ecx, [low + 4]              ;= r4:low+4
        mov edx, [dword data + 8]       ;= r4:data+8
        ENDCASE
        CASE p16-store, "integer stores of every width", store
        mov [bx + 0x11], cl             ;= w1:low+0x11
        mov [bx + 0x12], cx             ;= w2:low+0x12
        mov [low + 0x14], ecx           ;= w4:low+0x14
        mov [dword data + 0x100], edx   ;= w4:data+0x100
        ENDCASE
        CASE p16-rmw, "add, inc, xadd; LOCK", lock
        add [bx + 0x20], cx             ;= r2:low+0x20 w2:low+0x20
        inc dword [bx + 0x24]           ;= r4:low+0x24 w4:low+0x24
        xadd [bx + 0x28], dl            ;= r1:low+0x28 w1:low+0x28
        lock add [bx + 0x2a], cx        ;= r2:low+0x2a w2:low+0x2a
        lock cmpxchg [bx + 0x2c], ecx   ;= r4:low+0x2c w4:low+0x2c
        xchg [bx + 0x30], edx           ;= r4:low+0x30 w4:low+0x30
        ENDCASE
        CASE p16-stack, "push, call, ret and pop of 16 bits on a 32-bit stack", stack
        push ax                         ;= w2:top-2
        call near_routine               ;= w2:top-4
        ;= near_routine r2:top-4
        pop dx                          ;= r2:top-2
        ENDCASE
        CASE p16-sse, "movdqu, fld m64", load
        movdqu xmm0, [bx + 0x41]        ;= r16:low+0x41
        movdqu [bx + 0x60], xmm0        ;= w16:low+0x60
        fld qword [bx + 0x80]           ;= r8:low+0x80
        fstp dword [bx + 0x88]          ;= w4:low+0x88
        ENDCASE
        jmp dword CODE32:code32
near_routine: ret
        [bits 32]
code32:
        CHECK dword [low + 0x14], 0x01020304
        CHECK dword [low + 0x2c], 0x01020304
        CHECK dword [low + 0x63], 0x01020304
        CHECK dword [data + 0x100], 0x01020304
        CHECK dx, 0x0304
        PASS
        bits 64
END_OF_GUEST
