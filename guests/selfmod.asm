; SPDX-License-Identifier: Apache-2.0
; Code that changes code: its own block, another block, itself in a loop.
%include "boot.inc"

data        equ DATA
top         equ STACK

main:
        mov edi, data
        MARK 0
s_one:  mov ecx, [data + 8]
s_own:  mov byte [p_own + 1], 0x55  ; an instruction further on in the same block
        nop
p_own:  mov al, 0x11
s_two:  mov [data], al
        MARK 1
        CHECK byte [data], 0x55

        MARK 2
r_one:  mov ecx, [data + 8]
r_own:  add byte [p_rmw + 1], 1
        nop
p_rmw:  mov al, 0x11
r_two:  mov [data], al
        MARK 3
        CHECK byte [data], 0x12

        call other
        MARK 4
o_call: call other
o_set:  mov byte [other + 1], 0x22
o_two:  call other
        MARK 5
        CHECK al, 0x22

        mov esi, new_code
        mov edi, p_str
        mov ecx, 2
        MARK 6
t_one:  mov edx, [data + 8]
t_movs: movsb                       ; a load and a store
t_mov2: movsb
p_str:  mov al, 0x11
t_two:  mov [data], al
        MARK 7
        CHECK byte [data], 0x77

        mov esi, new_code
        mov edi, p_rep
        mov ecx, 2
        MARK 8
q_one:  mov edx, [data + 8]
q_rep:  rep movsb
p_rep:  mov al, 0x11
q_two:  mov [data], al
        MARK 9
        CHECK byte [data], 0x77

        mov ecx, 4
        MARK 10
w_set:  mov [p_loop + 1], cl
p_loop: mov al, 0x11
w_keep: mov [data + rcx], al
        dec ecx
        jnz w_set
        MARK 11
        CHECK dword [data + 1], 0x04030201

        mov ecx, 3
        MARK 12
x_add:  add byte [p_add + 1], cl
p_add:  mov al, 0x11
x_keep: mov [data + rcx], al
        dec ecx
        jnz x_add
        MARK 13
        CHECK byte [data + 1], 0x17

        PASS

other:  mov al, 0x11
o_ret:  ret

new_code: mov al, 0x77
END_OF_GUEST
