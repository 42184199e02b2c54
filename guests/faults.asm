; SPDX-License-Identifier: Apache-2.0
; Exceptions and software interrupts in the middle of blocks.
%include "boot.inc"

data        equ DATA
missing     equ DATA + 0x15000
missing_entry equ PTE(missing)
readonly    equ DATA + 0x16000
readonly_entry equ PTE(readonly)
; Code that begins in one page and goes on in the next, which is not there.
exec_page   equ DATA + 0x18000
exec_next   equ DATA + 0x19000
exec_next_entry equ PTE(exec_next)
straddle    equ exec_next - 3
target      equ exec_next + 5
top         equ STACK

; UNMAP page: the next touch faults, and map_page maps it.
%macro UNMAP 1
        mov qword [PTE(%1)], 0
        invlpg [%1]
        FIX %1, (%1) + MAPPED
%endmacro

main:
        GATE 0, on_divide
        GATE 1, on_step
        GATE 3, on_int
        GATE 6, on_undefined
        GATE 13, on_protection
        GATE 14, map_page
        GATE 0x40, on_int
        GATE 0x41, on_int_touching
        mov esi, code_to_move
        mov edi, straddle - 1
        mov ecx, code_to_move.end - code_to_move
        rep movsb

        UNMAP missing
        mov esi, data
        mov edi, missing
        MARK 0
s_one:  mov eax, [data + 8]
s_load: mov rax, [missing + 8]      ; the only access of its instruction
s_two:  mov [data + 8], eax
        MARK 1
        UNMAP missing
        MARK 2
s_movs: movsq                       ; its second access
s_aft:  mov eax, [data]
        MARK 3

        mov qword [readonly_entry], readonly + MAPPED - 2
        invlpg [readonly]
        FIX readonly, readonly + MAPPED
        MARK 4
s_bef:  mov eax, [data]
s_rmw:  add dword [readonly], 1
s_rmw2: add dword [readonly], 1
        MARK 5
        CHECK dword [readonly], 2

        UNMAP missing
        MARK 6
s_cross: mov [missing - 4], rax     ; its second page
s_cros2: mov eax, [missing - 4]
        MARK 7

        UNMAP missing
        MARK 8
s_push: push qword [data]
s_pop:  pop qword [missing]         ; with a stack that is not aligned
        MARK 9
        CHECK dword [fix_count], 5

        ; A loop over five pages, the third of which is missing.
        UNMAP missing
        mov ebx, missing - 0x2000
        mov ecx, 5
        MARK 10
l_load: mov eax, [data + 4]
l_page: mov [rbx], eax
l_sub:  sub [rbx + 8], eax
        add ebx, 0x1000
        dec ecx
        jnz l_load
        MARK 11
        CHECK ebx, missing + 0x3000
        CHECK dword [fix_count], 6

        xor ecx, ecx
        mov dword [hits], 0
        MARK 12
d_one:  mov [data], eax
d_div:  div ecx
d_two:  mov [data], eax
        MARK 13
u_one:  mov [data], eax
u_ud2:  ud2
u_two:  mov [data], eax
        MARK 14
        mov eax, 0x1230
        MARK 15
g_one:  mov [data], eax
g_sel:  mov ds, eax                 ; no such segment
g_two:  mov [data], eax
        MARK 16
        CHECK dword [hits], 3

        MARK 17
i_one:  mov [data], eax
i_int:  int 0x40
i_two:  mov [data], eax
i_int3: int3
i_tri:  mov [data], eax
        MARK 18
        CHECK dword [hits], 5

        UNMAP missing
        MARK 19
n_int:  int 0x41                    ; its handler faults
n_two:  mov [data], eax
        MARK 20
        CHECK dword [fix_count], 7

        UNMAP exec_next
        MARK 21
x_call: call straddle - 1           ; the second instruction reaches into the missing page
x_two:  mov [data], eax
        MARK 22
        UNMAP exec_next
        MARK 23
t_call: call target
t_two:  mov [data], eax
        MARK 24
        CHECK dword [fix_count], 9

        mov dword [hits], 0
        mov esi, data
        mov edi, data + 0x40
        mov ecx, 2
        MARK 25
t_push: pushfq
t_or:   or qword [rsp], 0x100
t_popf: popfq
t_nop:  nop                         ; the first that is followed by a trap
t_load: mov eax, [data]
t_rep:  rep movsb                   ; one for each element
t_off:  pushfq
t_and:  and qword [rsp], ~0x100
t_end:  popfq
t_last: mov [data], eax
        MARK 26
        mov eax, [hits]             ; QEMU 10 traps once more behind the last element of t_rep
        sub eax, 7
        shr eax, 1
        CHECK eax, 0
        PASS

on_divide:
        inc dword [hits]
de_add: add qword [rsp], d_two - d_div
de_ret: iretq

on_undefined:
        inc dword [hits]
ud_add: add qword [rsp], 2
ud_ret: iretq

on_protection:
        inc dword [hits]
        add rsp, 8
gp_add: add qword [rsp], g_two - g_sel
gp_ret: iretq

on_int: inc dword [hits]
in_ret: iretq

on_int_touching:
        mov rax, [missing]
nt_ret: iretq

on_step:
        inc dword [hits]
st_ret: iretq

code_to_move:
        nop
.straddle:
        mov rax, [data]             ; 8 bytes, of which 3 are in exec_page
        ret
.end:

        align 8
hits:   dq 0
END_OF_GUEST
