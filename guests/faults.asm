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
        CASE fault-load, "page fault of a load", fault
        mov eax, [data + 8]             ;= r4:data+8
        ;= event 14 error 0 cr2 missing+8 at s_load: gate(14) frame_error(top)
        ;= run map_page(missing_entry, top)
s_load: mov rax, [missing + 8]          ;= r8:missing+8
        mov [data + 8], eax             ;= w4:data+8
        ENDCASE
        UNMAP missing
        CASE fault-movs, "page fault of the second access of movsq", fault
        ;= ? s_movs r8:data!aborted
        ;= event 14 error 2 cr2 missing at s_movs: gate(14) frame_error(top)
        ;= run map_page(missing_entry, top)
s_movs: movsq                           ;= r8:data w8:missing
        mov eax, [data]                 ;= r4:data
        ENDCASE

        mov qword [readonly_entry], readonly + MAPPED - 2
        invlpg [readonly]
        FIX readonly, readonly + MAPPED
        CASE fault-rmw, "page fault of a read-modify-write on a read-only page", fault
        mov eax, [data]                 ;= r4:data
        ;= ? s_rmw r4:readonly!aborted
        ;= event 14 error 3 cr2 readonly at s_rmw: gate(14) frame_error(top)
        ;= run map_page(readonly_entry, top)
s_rmw:  add dword [readonly], 1         ;= r4:readonly w4:readonly
        add dword [readonly], 1         ;= r4:readonly w4:readonly
        ENDCASE
        CHECK dword [readonly], 2

        UNMAP missing
        CASE fault-cross, "page fault in the second page of a store", fault
        ;= event 14 error 2 cr2 missing at s_cross: gate(14) frame_error(top)
        ;= run map_page(missing_entry, top)
s_cross: mov [missing - 4], rax         ;= w8:missing-4
        mov eax, [missing - 4]          ;= r4:missing-4
        ENDCASE
        CHECK eax, [data]

        UNMAP missing
        CASE fault-pop, "page fault of pop to memory, with a stack that is not aligned", fault
        push qword [data]               ;= r8:data w8:top-8
        ;= ? s_pop r8:top-8!aborted
        ;= event 14 error 2 cr2 missing at s_pop: gate(14) frame_error(top-16)
        ;= run map_page(missing_entry, top-16)
s_pop:  pop qword [missing]             ;= r8:top-8 w8:missing
        ENDCASE
        CHECK dword [fix_count], 5

        ; A loop over five pages, the third of which is missing.
        UNMAP missing
        mov ebx, missing - 0x2000
        mov ecx, 5
        CASE fault-loop, "page fault in one of many executions of a block", fault
        call five_pages                 ;= w8:top-8
        ;= run one_page(missing-0x2000)
        ;= run one_page(missing-0x1000)
        ;= l_load r4:data+4
        ;= event 14 error 2 cr2 missing at l_page: gate(14) frame_error(top-16)
        ;= run map_page(missing_entry, top-16)
        ;= l_page w4:missing
        ;= l_sub r4:missing+8 w4:missing+8
        ;= - 3
        ;= run one_page(missing+0x1000)
        ;= run one_page(missing+0x2000)
        ;= five_ret r8:top-8
        ENDCASE
        CHECK ebx, missing + 0x3000
        CHECK dword [fix_count], 6

        xor ecx, ecx
        mov dword [hits], 0
        CASE fault-divide, "#DE, which has no error code; the handler skips the instruction", fault
        mov [data], eax                 ;= w4:data
        ;= event 0 at d_div: gate(0) frame(top)
        ;= on_divide r4:hits w4:hits
        ;= de_add r8:top-40 w8:top-40
        ;= de_ret iret(top)
d_div:  div ecx                         ;= ?
d_two:  mov [data], eax                 ;= w4:data
        ENDCASE
        CASE fault-undefined, "#UD", fault
        mov [data], eax                 ;= w4:data
        ;= event 6 at u_ud2: gate(6) frame(top)
        ;= on_undefined r4:hits w4:hits
        ;= ud_add r8:top-40 w8:top-40
        ;= ud_ret iret(top)
u_ud2:  ud2                             ;= ?
        mov [data], eax                 ;= w4:data
        ENDCASE
        mov eax, 0x1230
        CASE fault-selector, "#GP with an error code: no such segment", fault
        mov [data], eax                 ;= w4:data
        ;= event 13 error 0x1230 at g_sel: gate(13) frame_error(top)
        ;= on_protection r4:hits w4:hits
        ;= -
        ;= gp_add r8:top-40 w8:top-40
        ;= gp_ret iret(top)
g_sel:  mov ds, eax                     ;= ?
g_two:  mov [data], eax                 ;= w4:data
        ENDCASE
        CHECK dword [hits], 3

        CASE int-n, "int n", event-delivery
        mov [data], eax                 ;= w4:data
i_int:  int 0x40
        ;= event 0x40 software at i_int: gate(0x40) frame(top)
        ;= run on_int(top)
        mov [data], eax                 ;= w4:data
        ENDCASE
        CASE int3, "int3", event-delivery
i_int3: int3
        ;= event 3 software at i_int3: gate(3) frame(top)
        ;= run on_int(top)
        mov [data], eax                 ;= w4:data
        ENDCASE
        CHECK dword [hits], 5

        UNMAP missing
        CASE fault-in-handler, "page fault in the handler of int n", fault
n_int:  int 0x41
        ;= event 0x41 software at n_int: gate(0x41) frame(top)
        ;= event 14 error 0 cr2 missing at on_int_touching: gate(14) frame_error(top-48)
        ;= run map_page(missing_entry, top-48)
        ;= on_int_touching r8:missing
        ;= nt_ret iret(top)
        mov [data], eax                 ;= w4:data
        ENDCASE
        CHECK dword [fix_count], 7

        UNMAP exec_next
        CASE fault-fetch-second-page, "page fault of the fetch of an instruction's second page", fault
        call straddle - 1               ;= w8:top-8
        ;= -
        ;= event 14 error 0 cr2 exec_next at straddle: gate(14) frame_error(top-16)
        ;= run map_page(exec_next_entry, top-16)
        ;= straddle r8:data
        ;= target r8:top-8
        mov [data], eax                 ;= w4:data
        ENDCASE
        UNMAP exec_next
        CASE fault-fetch, "page fault of the fetch that a call leads to", fault
        call target                     ;= w8:top-8
        ;= event 14 error 0 cr2 target at target: gate(14) frame_error(top-16)
        ;= run map_page(exec_next_entry, top-16)
        ;= target r8:top-8
        mov [data], eax                 ;= w4:data
        ENDCASE
        CHECK dword [fix_count], 9

        mov dword [hits], 0
        mov esi, data
        mov edi, data + 0x40
        mov ecx, 2
        CASE single-step, "TF: a trap after each instruction and each element of a string", event-delivery
        pushfq                          ;= w8:top-8
        or qword [rsp], 0x100           ;= r8:top-8 w8:top-8
        popfq                           ;= r8:top-8
        nop                             ; the first that is followed by a trap
        ;= run step(t_load, top)
t_load: mov eax, [data]                 ;= r4:data
        ;= run step(t_rep, top)
        ;= ? t_rep r1:data w1:data+0x40
        ;= run step(t_rep, top)
        ;~ step-after-last-element: ? t_rep r1:data+1 w1:data+0x41
        ;~ step-after-last-element: run step(t_rep, top)
        ;~ step-after-last-element: -
        ;~ not step-after-last-element: t_rep r1:data+1 w1:data+0x41
t_rep:  rep movsb                       ;= - 0
        ;= run step(t_off, top)
t_off:  pushfq                          ;= w8:top-8
        ;= run step(t_and, top-16)
t_and:  and qword [rsp], ~0x100         ;= r8:top-8 w8:top-8
        ;= run step(t_end, top-16)
t_end:  popfq                           ;= r8:top-8
        ;= run step(t_last, top)
t_last: mov [data], eax                 ;= w4:data
        ENDCASE
        mov eax, [hits]                 ; 7 or, with one more trap behind the last element of t_rep, 8
        sub eax, 7
        shr eax, 1
        CHECK eax, 0
        PASS

        ;= sequence one_page(page)
five_pages:
l_load: mov eax, [data + 4]             ;= r4:data+4
l_page: mov [rbx], eax                  ;= w4:page
l_sub:  sub [rbx + 8], eax              ;= r4:page+8 w4:page+8
        add ebx, 0x1000
        dec ecx
        jnz l_load
        ;= endsequence
five_ret: ret

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

        ;= sequence on_int(top)
on_int: inc dword [hits]                ;= r4:hits w4:hits
        iretq                           ;= iret(top)
        ;= endsequence

on_int_touching:
        mov rax, [missing]
nt_ret: iretq

        ;= sequence step(next, top)
        ;= event 1 at next: gate(1) frame(top)
on_step: inc dword [hits]               ;= r4:hits w4:hits
        iretq                           ;= iret(top)
        ;= endsequence

code_to_move:
        nop
.straddle:
        mov rax, [data]             ; 8 bytes, of which 3 are in exec_page
        ret
.end:

        align 8
hits:   dq 0
END_OF_GUEST
