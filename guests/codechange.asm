; SPDX-License-Identifier: Apache-2.0
; Code that changes under the processor: by way of another address, by the stack, by instructions that load before
; they store, by a page table; in another page, in the block itself, over a page boundary.
;@ run
;@ run flushed accelerator="tb-size=1"
%include "boot.inc"

ROUNDS      equ 2000
data        equ DATA
top         equ STACK
; One frame of code at two addresses, and another.
here        equ DATA + 0x20000
there       equ DATA + 0x25000
frame       equ DATA + 0x30000
other_frame equ DATA + 0x31000
; An instruction over a page boundary.
first_page  equ DATA + 0x40000
straddle    equ first_page + 0xfff
LOAD_AL      equ 0xb0
RETURN      equ 0xc3

; LEAF address, value: `mov al, value; ret`
%macro LEAF 2
        mov byte [%1], LOAD_AL
        mov byte [(%1) + 1], %2
        mov byte [(%1) + 2], RETURN
%endmacro

        ;= sequence leaf(at)
        ;= -
        ;= at+2 r8:top-8
        ;= endsequence

main:
        mov qword [PTE(here)], frame + MAPPED
        mov qword [PTE(there)], frame + MAPPED
        mov rax, cr3
        mov cr3, rax
        LEAF here, 0x11
        LEAF straddle, 0x11
        LEAF other_frame, 0x77
        mov ebx, here
        mov esi, there
        mov edi, straddle

        call rbx
        CASE code-alias-store, "code changed by way of another address of its page", self-modifying
        call rbx                        ;= w8:top-8
        ;= run leaf(here)
        mov [data], al                  ;= w1:data
        mov byte [there + 1], 0x22      ;= w1:there+1@frame+1
        call rbx                        ;= w8:top-8
        ;= run leaf(here)
        mov [data + 1], al              ;= w1:data+1
        ENDCASE
        CHECK word [data], 0x2211

        CASE code-alias-both, "code that runs at two addresses, changed in between at each", self-modifying
        call rsi                        ;= w8:top-8
        ;= run leaf(there)
        mov byte [here + 1], 0x33       ;= w1:here+1@frame+1
        call rsi                        ;= w8:top-8
        ;= run leaf(there)
        mov [data], al                  ;= w1:data
        mov byte [there + 1], 0x44      ;= w1:there+1@frame+1
        call rbx                        ;= w8:top-8
        ;= run leaf(here)
        mov [data + 1], al              ;= w1:data+1
        call rsi                        ;= w8:top-8
        ;= run leaf(there)
        ENDCASE
        CHECK word [data], 0x4433

        mov ecx, ROUNDS
        CASE code-alias-hot, "... so often that QEMU may have to drop all translated code", self-modifying
        ;= repeat ROUNDS
c_on:   mov [here + 1], cl              ;= w1:here+1@frame+1
        call rsi                        ;= w8:top-8
        ;= run leaf(there)
        mov [data], al                  ;= w1:data
        call rbx                        ;= w8:top-8
        ;= run leaf(here)
        dec ecx
        jnz c_on
        ;= endrepeat
        ENDCASE
        CHECK al, 1
        CHECK byte [data], 1

        CASE code-remapped, "code changed by its page table entry", self-modifying
        call rbx                        ;= w8:top-8
        ;= run leaf(here)
        mov qword [PTE(here)], other_frame + MAPPED ;= w8:PTE_here
        invlpg [rbx]
        call rbx                        ;= w8:top-8
        ;= run leaf(here)
        mov [data], al                  ;= w1:data
        ENDCASE
        CHECK byte [data], 0x77

        CASE code-straddles, "an instruction over a page boundary, changed in its second page", self-modifying
        call rdi                        ;= w8:top-8
        ;= run leaf(straddle)
        mov byte [straddle + 1], 0x22   ;= w1:straddle+1
        call rdi                        ;= w8:top-8
        ;= run leaf(straddle)
        mov [data], al                  ;= w1:data
        ENDCASE
        CHECK byte [data], 0x22

        CASE code-straddles-first, "... and in its first, by a store over the boundary", self-modifying
        call rdi                        ;= w8:top-8
        ;= run leaf(straddle)
        mov word [straddle], 0x33b4     ;= w2:straddle      ; mov ah, 0x33
        call rdi                        ;= w8:top-8
        ;= run leaf(straddle)
        mov [data], ah                  ;= w1:data
        ENDCASE
        CHECK byte [data], 0x33

        mov rax, 0x909090acb0909090     ; nop nop nop; mov al, 0xac; nop nop nop
        mov rbp, rsp
        mov esp, d_code + 8
        jmp d_begin
        align 64
d_begin:
        CASE code-pushed, "a push into the block that it is in", self-modifying
        mov ecx, [data + 8]             ;= r4:data+8
        push rax                        ;= w8:d_code
d_code: nop
        nop
        nop
        mov al, 0x11
        nop
        nop
        nop
        mov [data], al                  ;= w1:data
        ENDCASE
        mov rsp, rbp
        CHECK byte [data], 0xac

        mov al, 0x55
        CASE code-exchanged, "xchg into the block that it is in", self-modifying
        mov ecx, [data + 8]             ;= r4:data+8
        ;~ redone-for-code: ? e_xchg r1:e_code+1!aborted
e_xchg: xchg [e_code + 1], al           ;= r1:e_code+1 w1:e_code+1
        nop
e_code: mov al, 0x11
        mov [data], al                  ;= w1:data
        ENDCASE
        CHECK byte [data], 0x55

        mov al, 0x11
        mov dl, 0x66
        CASE code-compared, "cmpxchg into the block that it is in", self-modifying
        mov ecx, [data + 8]             ;= r4:data+8
        ;~ redone-for-code: ? f_cmp r1:f_code+1!aborted
f_cmp:  cmpxchg [f_code + 1], dl        ;= r1:f_code+1 w1:f_code+1
        nop
f_code: mov al, 0x11
        mov [data], al                  ;= w1:data
        ENDCASE
        CHECK byte [data], 0x66

        mov edi, g_code + 1
        mov al, 0x77
        mov ecx, 1
        CASE code-stored-by-string, "stosb and rep stosb into what follows", self-modifying
        stosb                           ;= w1:g_code+1
g_code: mov al, 0x11
        mov [data], al                  ;= w1:data
        mov edi, g_next + 1
        rep stosb                       ;= w1:g_next+1
g_next: mov al, 0x11
        mov [data + 1], al              ;= w1:data+1
        ENDCASE
        CHECK word [data], 0x7777

        mov ecx, 3
        CASE code-behind, "a loop whose end changes its begin", self-modifying
        ;= repeat 3 as n
h_code: mov al, 0x11
        mov [data + rcx], al            ;= w1:data+3-n
        mov [h_code + 1], cl            ;= w1:h_code+1
        dec ecx
        jnz h_code
        ;= endrepeat
        ENDCASE
        CHECK byte [data + 1], 2
        CHECK byte [data + 2], 3

        CASE code-without-change, "a store that leaves the block's bytes as they are", self-modifying
        mov ecx, [data + 8]             ;= r4:data+8
        mov byte [i_code + 1], 0x11     ;= w1:i_code+1
        nop
i_code: mov al, 0x11
        mov [data], al                  ;= w1:data
        ENDCASE
        CHECK byte [data], 0x11
        PASS

PTE_here equ PTE(here)
END_OF_GUEST
