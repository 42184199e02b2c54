; SPDX-License-Identifier: Apache-2.0
; As codestring.asm, in 32-bit and in 16-bit protected mode.
%include "boot.inc"
%include "legacy.inc"

data        equ DATA
new_bytes   equ DATA + 0x100
low_bytes   equ 0x5000              ; reached by 16-bit addresses
low_data    equ 0x5100
PIC_MASK    equ 0x21
IMAGE       equ 0x100000            ; where code and CODE16 begin

main:
        PROTECTED_MODE
        ;= cr3 0
        mov eax, 0x90909090
        mov edi, new_bytes
        mov ecx, 8
        rep stosd
        mov edi, low_bytes
        mov ecx, 8
        rep stosd

        mov esi, new_bytes
        mov edi, a_code
        mov ecx, 2
        CASE p32-code-rep-movs, "rep movsb and rep movsd that store into their own block", self-modifying
        mov edx, [data + 8]             ;= r4:data+8
a_code: mov al, 0x11
        ;~ redone-for-code: ? a_movs r1:new_bytes!aborted
a_movs: rep movsb                       ;= 2{r1:new_bytes+i w1:a_code+i}
        mov edi, b_code
        mov ecx, 1
b_code: mov edx, [data + 8]             ;= r4:data+8
        ;~ redone-for-code: ? b_movs r4:new_bytes+2!aborted
b_movs: rep movsd                       ;= r4:new_bytes+2 w4:b_code
        mov [data], cl                  ;= w1:data
        ENDCASE
        CHECK word [a_code], 0x9090
        CHECK dword [b_code], 0x90909090

        ; The third and the fourth byte are the instruction itself.
        mov dword [new_bytes], 0xa4f39090
        mov esi, new_bytes
        mov edi, c_data
        mov ecx, 4
        CASE p32-code-rep-later, "rep movsb the third round of which stores into its block", self-modifying
        jmp c_movs
c_data:
        db 0x11, 0x22
        ;= ? c_movs 2{r1:new_bytes+i w1:c_data+i}
        ;~ redone-for-code: ? c_movs r1:new_bytes+2!aborted
        ;= ? c_movs r1:new_bytes+2 w1:c_data+2
        ;~ redone-for-code [<10]: ? c_movs r1:new_bytes+3!aborted
c_movs: rep movsb                       ;= r1:new_bytes+3 w1:c_data+3
        mov [data], cl                  ;= w1:data
        ENDCASE
        CHECK dword [c_data], 0xa4f39090

        mov eax, 0x90909090
        mov ebp, eax
        mov ebx, eax
        mov edx, eax
        mov ecx, eax
        mov esi, eax
        mov edi, eax
        mov esp, d_end
        CASE p32-code-pusha, "pushad of which EAX, ECX and EDX are stored into its block", self-modifying
        jmp d_code
        align 16
d_data:
        times 20 db 0x11
d_code: times 12 nop                    ;= - 12
d_end:
        ;~ redone-for-code: ? d_push w20:d_data!aborted
d_push: pushad                          ;= 8{w4:d_end-4-4*i} ;~ pusha-lowest-first: w32:d_data
        mov [data], cl                  ;= w1:data
        ENDCASE
        mov esp, STACK
        CHECK dword [d_code + 8], 0x90909090
        CHECK dword [d_data], 0x90909090

        ; BASED32 is the data of CODE16 from here on.
        mov word [gdt32 + BASED32 + 2], 0
        mov byte [gdt32 + BASED32 + 4], IMAGE >> 16
        mov byte [gdt32 + BASED32 + 7], 0
        mov ax, BASED32
        mov es, ax
        mov al, 0xfb
        out PIC_MASK, al
        jmp CODE16:(code16 - $$)
        [bits 16]
code16: mov si, low_bytes
        mov di, e_code - $$
        mov cx, 2
        CASE p16-code-rep-movs, "rep movsb and rep movsw that store into their own block", self-modifying
        mov dx, [low_data]              ;= r2:low_data
e_code: mov al, 0x11
        ;~ redone-for-code: ? e_movs r1:low_bytes!aborted
e_movs: rep movsb                       ;= 2{r1:low_bytes+i w1:e_code+i}
        mov di, f_code - $$
        mov cx, 1
f_code: mov dx, [low_data]              ;= r2:low_data
        ;~ redone-for-code: ? f_movs r2:low_bytes+2!aborted
f_movs: rep movsw                       ;= r2:low_bytes+2 w2:f_code
        mov [low_data], cl              ;= w1:low_data
        ENDCASE

        mov dword [low_bytes], 0xa4f39090
        mov si, low_bytes
        mov di, g_data - $$
        mov cx, 4
        CASE p16-code-rep-later, "rep movsb the third round of which stores into its block", self-modifying
        jmp g_movs
g_data:
        db 0x11, 0x22
        ;= ? g_movs 2{r1:low_bytes+i w1:g_data+i}
        ;~ redone-for-code: ? g_movs r1:low_bytes+2!aborted
        ;= ? g_movs r1:low_bytes+2 w1:g_data+2
        ;~ redone-for-code [<10]: ? g_movs r1:low_bytes+3!aborted
g_movs: rep movsb                       ;= r1:low_bytes+3 w1:g_data+3
        mov [low_data], cl              ;= w1:low_data
        ENDCASE

        mov dx, PIC_MASK
        mov di, h_code - $$
        mov cx, 2
        CASE p16-code-rep-ins, "rep insb that stores into its own block", self-modifying
        mov bx, [low_data]              ;= r2:low_data
h_code: nop
        nop
        rep insb                        ;= 2{w1:h_code+i} ;~ ins-stores-zero-first: 2{w1:h_code+i w1:h_code+i}
        mov [low_data], cl              ;= w1:low_data
        ENDCASE
        jmp dword CODE32:code32
        [bits 32]
code32:
        CHECK word [e_code], 0x9090
        CHECK word [f_code], 0x9090
        CHECK dword [g_data], 0xa4f39090
        CHECK word [h_code], 0xfbfb
        PASS
        bits 64
END_OF_GUEST
