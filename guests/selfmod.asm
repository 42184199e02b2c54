; SPDX-License-Identifier: Apache-2.0
; Code that changes code: its own block, another block, itself in a loop.
%include "boot.inc"

data        equ DATA
top         equ STACK

main:
        mov edi, data
        CASE store-own-block, "a store into the block that it is in", self-modifying
        mov ecx, [data + 8]             ;= r4:data+8
        mov byte [p_own + 1], 0x55      ;= w1:p_own+1   ; an instruction further on in the same block
        nop
p_own:  mov al, 0x11
        mov [data], al                  ;= w1:data
        ENDCASE
        CHECK byte [data], 0x55

        CASE rmw-own-block, "a read-modify-write of the block that it is in", self-modifying
        mov ecx, [data + 8]             ;= r4:data+8
        ;~ redone-for-code: ? r_own r1:p_rmw+1!aborted
r_own:  add byte [p_rmw + 1], 1         ;= r1:p_rmw+1 w1:p_rmw+1
        nop
p_rmw:  mov al, 0x11
        mov [data], al                  ;= w1:data
        ENDCASE
        CHECK byte [data], 0x12

        call other
        CASE store-other-block, "a store into another block", self-modifying
        call other                      ;= w8:top-8
        ;= run other()
        mov byte [other + 1], 0x22      ;= w1:other+1
        call other                      ;= w8:top-8
        ;= run other()
        ENDCASE
        CHECK al, 0x22

        mov esi, new_code
        mov edi, p_str
        mov ecx, 2
        CASE movs-own-block, "movsb into the block that it is in", self-modifying
        mov edx, [data + 8]             ;= r4:data+8
        ;~ redone-for-code: ? t_movs r1:new_code!aborted
t_movs: movsb                           ;= r1:new_code w1:p_str
        ;~ redone-for-code: ? t_mov2 r1:new_code+1!aborted
t_mov2: movsb                           ;= r1:new_code+1 w1:p_str+1
p_str:  mov al, 0x11
        mov [data], al                  ;= w1:data
        ENDCASE
        CHECK byte [data], 0x77

        mov esi, new_code
        mov edi, p_rep
        mov ecx, 2
        CASE movs-rep-code, "rep movsb into the code that follows", self-modifying
        mov edx, [data + 8]             ;= r4:data+8
        rep movsb                       ;= 2{r1:new_code+i w1:p_rep+i}
p_rep:  mov al, 0x11
        mov [data], al                  ;= w1:data
        ENDCASE
        CHECK byte [data], 0x77

        mov ecx, 4
        CASE store-own-loop, "a loop that stores into itself each time around", self-modifying
        ;= repeat 4 as n
w_set:  mov [p_loop + 1], cl            ;= w1:p_loop+1
p_loop: mov al, 0x11
        mov [data + rcx], al            ;= w1:data+4-n
        dec ecx
        jnz w_set
        ;= endrepeat
        ENDCASE
        CHECK dword [data + 1], 0x04030201

        mov ecx, 3
        CASE rmw-own-loop, "a loop that adds to itself each time around", self-modifying
        ;= repeat 3 as n
        ;~ redone-for-code: ? x_add r1:p_add+1!aborted
x_add:  add byte [p_add + 1], cl        ;= r1:p_add+1 w1:p_add+1
p_add:  mov al, 0x11
        mov [data + rcx], al            ;= w1:data+3-n
        dec ecx
        jnz x_add
        ;= endrepeat
        ENDCASE
        CHECK byte [data + 1], 0x17

        PASS

        ;= sequence other()
other:  mov al, 0x11
        ret                             ;= r8:top-8
        ;= endsequence

new_code: mov al, 0x77
END_OF_GUEST
