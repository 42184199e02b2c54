; SPDX-License-Identifier: Apache-2.0
; Real mode from the first instruction: segment bases, far transfers, software interrupts.  Then the same
; checks as in any guest, from long mode.
%include "boot.inc"

; Where the ROM is, as the CPU is reset (CS base 0xffff0000) and below 1 MiB.
HIGH_ROM    equ 0xffff0000
LOW_ROM     equ 0xf0000
PARAGRAPH   equ 0x1230              ; base 0x12300
IMAGE       equ 0x100000            ; what the labels are relative to
data        equ 0x5000
zero        equ 0x5080
ivt         equ 0x82 * 4
stack16     equ STACK16
%define IN_ROM(label) (ROM_OFFSET + ((label) - rom))

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
        mov word [zero], 0
        ;= mode real
        ;= cr3 0
        ;= code HIGH_ROM-IMAGE
        CASE real-stack, "push, call, ret, pop of 16 bits, where the CPU is reset", address
        mov bx, [data]                  ;= r2:data
        add [data + 2], bx              ;= r2:data+2 w2:data+2
        push bx                         ;= w2:stack16-2
        call h_sub                      ;= w2:stack16-4
        ;= h_sub r2:data+4 w2:data+4
        ;= h_ret r2:stack16-4
        pop cx                          ;= r2:stack16-2
        ENDCASE
        jmp (LOW_ROM >> 4):IN_ROM(l_load)
h_sub:  inc word [data + 4]
h_ret:  ret
        ; From here on CS has the base 0xf0000.
        ;= code LOW_ROM-IMAGE
l_load:
        CASE real-int, "int n: gate of the IVT, three pushes; iret", event-delivery
        mov eax, [data]                 ;= r4:data
l_int:  int 0x82
        ;= event 0x82 software at l_int: r4:ivt w2:stack16-2 w2:stack16-4 w2:stack16-6
        ;= handler r2:data+6 w2:data+6
        ;= i_ret r2:stack16-6 r2:stack16-4 r2:stack16-2
        mov [data + 8], ax              ;= w2:data+8
        ENDCASE
        mov dx, PARAGRAPH
        CASE real-segments, "addresses with segment bases of CS, DS and ES", address
        mov bx, [cs:IN_ROM(rom_word)]   ;= r2:rom_word-IMAGE+LOW_ROM
        mov ds, dx
        mov [data], bx                  ;= w2:0x12300+data
        mov [es:data + 16], bx          ;= w2:data+16
        mov ds, [es:zero]               ;= r2:zero
        ENDCASE
        CASE real-far-call, "far call and far return", address
        call (LOW_ROM >> 4):IN_ROM(far_sub) ;= w2:stack16-2 w2:stack16-4
        ;= far_sub w2:stack16-6
        ;= f_pop r2:stack16-6
        ;= f_ret r2:stack16-4 r2:stack16-2
        ENDCASE
        mov si, data
        mov di, data + 0x20
        mov cx, 3
        CASE real-movs, "rep movsb with 16-bit addresses", address
        rep movsb                       ;= 3{r1:data+i w1:data+0x20+i}
        mov [data + 0x30], cx           ;= w2:data+0x30
        ENDCASE
        xor cx, cx
        mov dword [0], LOW_ROM << 12 | IN_ROM(skip_2)
        mov dword [6 * 4], LOW_ROM << 12 | IN_ROM(skip_2)
        mov dword [5 * 4], LOW_ROM << 12 | IN_ROM(skip_4)
        mov dword [1 * 4], LOW_ROM << 12 | IN_ROM(stepped)
        CASE real-exception, "#DE in real mode: three pushes; the handler skips the instruction", event-delivery
        mov [data + 0x32], cx           ;= w2:data+0x32
        ;= event 0 at l_div: r4:0 w2:stack16-2 w2:stack16-4 w2:stack16-6
        ;= run skip_2(stack16)
l_div:  div cl                          ;= ?
        mov [data + 0x34], cx           ;= w2:data+0x34
        ENDCASE
        CASE real-exception-before-ret, "#UD in a block that ends with ret, through the handler of #DE", event-delivery
        call ud_sub                     ;= w2:stack16-2
        ;= ud_sub w2:data+0x36
        ;= ? l_ud
        ;= event 6 at l_ud: r4:6*4 w2:stack16-4 w2:stack16-6 w2:stack16-8
        ;= run skip_2(stack16-2)
        ;= ud_add r2:data+0x38 w2:data+0x38
        ;= ud_ret r2:stack16-2
        ENDCASE
        mov dword [data + 0x3c], 5 | 9 << 16
        mov ax, 4
        CASE real-bound, "bound outside its limits: #BR after both limits are read", event-delivery
        ;= ? l_bound r2:data+0x3c!aborted r2:data+0x3e!aborted
        ;= event 5 at l_bound: r4:5*4 w2:stack16-2 w2:stack16-4 w2:stack16-6
        ;= run skip_4(stack16)
l_bound: bound ax, [data + 0x3c]        ;= ?
        inc word [data + 0x40]          ;= r2:data+0x40 w2:data+0x40
        ENDCASE
        pushf
        or byte [stack16 - 1], 1
        CASE real-step, "TF: a trap behind the next instruction, and none in the handler", event-delivery
        popf                            ;= r2:stack16-2
        mov [data + 0x42], ax           ;= w2:data+0x42
        ;= event 1 at l_stepped: r4:1*4 w2:stack16-2 w2:stack16-4 w2:stack16-6
        ;= stepped w2:stack16-8
        ;= -
        ;= s_and r2:stack16-2 w2:stack16-2
        ;= s_pop r2:stack16-8
        ;= s_ret r2:stack16-6 r2:stack16-4 r2:stack16-2
l_stepped: mov [data + 0x44], ax        ;= w2:data+0x44
        ENDCASE
        jmp to_protected
ud_sub: mov [data + 0x36], ax
l_ud:   ud2
ud_add: inc word [data + 0x38]
ud_ret: ret
        ;= sequence skip_2(top)
skip_2: push bp                         ;= w2:top-8
        mov bp, sp
        add word [bp + 2], 2            ;= r2:top-6 w2:top-6
        pop bp                          ;= r2:top-8
        iret                            ;= r2:top-6 r2:top-4 r2:top-2
        ;= endsequence
        ;= sequence skip_4(top)
skip_4: push bp                         ;= w2:top-8
        mov bp, sp
        add word [bp + 2], 4            ;= r2:top-6 w2:top-6
        pop bp                          ;= r2:top-8
        iret                            ;= r2:top-6 r2:top-4 r2:top-2
        ;= endsequence
stepped:
        push bp
        mov bp, sp
s_and:  and word [bp + 6], ~0x100
s_pop:  pop bp
s_ret:  iret
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
        CHECK word [data + 0x38], 1
        CHECK word [data + 0x40], 1
        CHECK word [data + 0x44], 4
        PASS
END_OF_GUEST
