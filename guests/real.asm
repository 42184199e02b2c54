; SPDX-License-Identifier: Apache-2.0
; Real mode from the first instruction: segment bases, far transfers, software interrupts.  Then the same
; checks as in any guest, from long mode.
%include "boot.inc"

; Where the ROM is, as the CPU is reset (CS base 0xffff0000) and below 1 MiB.
HIGH_ROM    equ 0xffff0000
LOW_ROM     equ 0xf0000
PARAGRAPH   equ 0x1230              ; base 0x12300
data        equ 0x5000
ivt         equ 0x82 * 4
stack16     equ STACK16
%define IN_ROM(label) (ROM_OFFSET + ((label) - rom))

; A symbol NAME_at for the linear address of a ROM label.
%macro AT 2
%1_at       equ %2 + IN_ROM(%1)
%endmacro

%macro MARK16 1
        mov byte [MARKS + %1], 0
%endmacro

%macro REAL_MODE_CODE 0
        cli
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, STACK16
        mov word [ivt], IN_ROM(handler)
        mov word [ivt + 2], LOW_ROM >> 4
        mov word [data], 0x1234
        MARK16 0
h_load: mov bx, [data]
h_add:  add [data + 2], bx
h_push: push bx
h_call: call h_sub
h_pop:  pop cx
h_far:  jmp (LOW_ROM >> 4):IN_ROM(l_load)
h_sub:  inc word [data + 4]
h_ret:  ret
        ; From here on CS has the base 0xf0000.
l_load: mov eax, [data]
l_int:  int 0x82
l_two:  mov [data + 8], ax
l_cs:   mov bx, [cs:IN_ROM(rom_word)]
        mov dx, PARAGRAPH
        mov ds, dx
l_seg:  mov [data], bx
l_es:   mov [es:data + 16], bx
l_fcal: call (LOW_ROM >> 4):IN_ROM(far_sub)
        xor dx, dx
        mov ds, dx
        mov si, data
        mov di, data + 0x20
        mov cx, 3
l_rep:  rep movsb
l_end:  mov [data + 0x30], cx
        MARK16 1
        jmp to_protected
rom_word: dw 0x4321
handler:
        inc word [ss:data + 6]
i_ret:  iret
far_sub:
        push ds
f_pop:  pop ds
f_ret:  retf
to_protected:
%endmacro

main:
        CHECK word [data], 0x1234
        CHECK word [data + 2], 0x1234
        CHECK word [data + 4], 1
        CHECK word [data + 6], 1
        CHECK word [data + 16], 0x4321
        CHECK word [PARAGRAPH * 16 + data], 0x4321
        CHECK word [data + 0x20], 0x1234
        PASS
END_OF_GUEST
        AT h_load, HIGH_ROM
        AT h_add, HIGH_ROM
        AT h_push, HIGH_ROM
        AT h_call, HIGH_ROM
        AT h_pop, HIGH_ROM
        AT h_sub, HIGH_ROM
        AT h_ret, HIGH_ROM
        AT l_load, LOW_ROM
        AT l_int, LOW_ROM
        AT l_two, LOW_ROM
        AT l_cs, LOW_ROM
        AT l_seg, LOW_ROM
        AT l_es, LOW_ROM
        AT l_fcal, LOW_ROM
        AT l_rep, LOW_ROM
        AT l_end, LOW_ROM
        AT rom_word, LOW_ROM
        AT handler, LOW_ROM
        AT i_ret, LOW_ROM
        AT far_sub, LOW_ROM
        AT f_pop, LOW_ROM
        AT f_ret, LOW_ROM
