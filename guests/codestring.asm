; SPDX-License-Identifier: Apache-2.0
; Instructions of more than one access whose store hits the block that they are in: QEMU does not report that store,
; but begins the instruction again, and what it had done before stands in the trace, aborted.
%include "boot.inc"

data        equ DATA
new_bytes   equ DATA + 0x100
PIC_MASK    equ 0x21

; FILL value: what string instructions take from there.
%macro FILL 1
        mov rax, %1
        mov [new_bytes], rax
        mov [new_bytes + 8], rax
        mov esi, new_bytes
%endmacro

main:
        FILL 0x9090909090909090
        mov edi, a_code
        mov ecx, 2
        CASE code-rep-movsb, "rep movsb that stores into what came before it in its block", self-modifying
        mov edx, [data + 8]             ;= r4:data+8
a_code: mov al, 0x11
        nop
        ;~ redone-for-code: ? a_movs r1:new_bytes!aborted
a_movs: rep movsb                       ;= 2{r1:new_bytes+i w1:a_code+i}
        mov [data], al                  ;= w1:data
        ENDCASE
        CHECK word [a_code], 0x9090

        FILL 0x9090909090909090
        mov edi, b_code
        mov ecx, 1
        CASE code-rep-movsw, "rep movsw, rep movsd and rep movsq that do", self-modifying
        mov edx, [data + 8]             ;= r4:data+8
b_code: nop
        nop
        ;~ redone-for-code: ? b_movs r2:new_bytes!aborted
b_movs: rep movsw                       ;= r2:new_bytes w2:b_code
        mov edi, c_code
        mov ecx, 2
c_code: mov edx, [data + 8]             ;= r4:data+8
        nop
        nop
        ;~ redone-for-code: ? c_movs r4:new_bytes+2!aborted
c_movs: rep movsd                       ;= 2{r4:new_bytes+2+4*i w4:c_code+4*i}
        mov esi, new_bytes
        mov edi, d_code
        mov ecx, 1
d_code: mov edx, [data + 8]             ;= r4:data+8
        nop
        ;~ redone-for-code: ? d_movs r8:new_bytes!aborted
d_movs: rep movsq                       ;= r8:new_bytes w8:d_code
        ENDCASE
        CHECK dword [c_code], 0x90909090
        CHECK dword [d_code + 4], 0x90909090

        ; The third and the fourth byte are the instruction itself.
        FILL 0xa4f39090
        mov edi, e_data
        mov ecx, 4
        CASE code-rep-later, "rep movsb the third round of which stores into its block", self-modifying
        jmp e_movs
e_data:
        db 0x11, 0x22
        ;= ? e_movs 2{r1:new_bytes+i w1:e_data+i}
        ;~ redone-for-code: ? e_movs r1:new_bytes+2!aborted
        ;= ? e_movs r1:new_bytes+2 w1:e_data+2
        ;~ redone-for-code [<10]: ? e_movs r1:new_bytes+3!aborted
e_movs: rep movsb                       ;= r1:new_bytes+3 w1:e_data+3
        mov [data], cl                  ;= w1:data
        ENDCASE
        CHECK dword [e_data], 0xa4f39090

        mov edi, f_data
        mov al, 0x90
        mov ecx, 4
        CASE code-rep-stos, "rep stosb the third round of which does: no access before", self-modifying
        jmp f_begin
f_data:
        db 0x11, 0x22
f_begin: nop
        nop
        rep stosb                       ;= 4{w1:f_data+i}
        mov [data], cl                  ;= w1:data
        ENDCASE
        CHECK dword [f_data], 0x90909090

        mov al, 0xfb
        out PIC_MASK, al
        mov dx, PIC_MASK
        mov edi, g_code
        mov ecx, 2
        CASE code-rep-ins, "rep insb that does", self-modifying
        mov eax, [data + 8]             ;= r4:data+8
g_code: nop
        nop
        rep insb                        ;= 2{w1:g_code+i} ;~ ins-stores-zero-first: 2{w1:g_code+i w1:g_code+i}
        mov [data], cl                  ;= w1:data
        ENDCASE
        CHECK word [g_code], 0xfbfb

        mov rax, 0x9090909090909090
        movq xmm0, rax
        punpcklqdq xmm0, xmm0
        CASE code-second-half, "movups the second half of which does", self-modifying
        jmp h_code
        align 16
h_data:
        times 8 db 0x11
h_code: times 8 nop                     ;= - 8
        ;~ redone-for-code [<10]: ? h_move w8:h_data!aborted
h_move: movups [h_data], xmm0           ;= w16:h_data
        mov [data], cl                  ;= w1:data
        ENDCASE
        CHECK byte [h_data + 7], 0x90

        movaps xmm15, xmm0
        CASE code-fxsave, "fxsave64 the last register of which does", self-modifying
        jmp i_code
        align 16
i_area:
        times 408 db 0
i_code: times 8 nop                     ;= - 8
        ;~ redone-for-code [<11]: ? i_save unordered w6:i_area!aborted w16:i_area+8!aborted 8{w10:i_area+32+16*i!aborted} w8:i_area+24!aborted w248:i_area+160!aborted
i_save: o64 fxsave [i_area]             ;= unordered w32:i_area w128:i_area+32 w256:i_area+160 ;~ x87-opcode-not-saved: unordered w6:i_area w16:i_area+8 8{w10:i_area+32+16*i} w8:i_area+24 w256:i_area+160
        mov [data], cl                  ;= w1:data
        jmp i_end
        times 96 db 0
i_end:  nop
        ENDCASE
        CHECK dword [i_area + 24], 0x1f80
        CHECK dword [i_code + 4], 0x90909090
        PASS
END_OF_GUEST
