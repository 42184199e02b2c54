; SPDX-License-Identifier: Apache-2.0
; 32-bit protected mode with paging: page boundaries, page faults, what is other than without.
%include "boot.inc"
%include "legacy.inc"

data        equ DATA
source      equ DATA + 0x100
; Two virtual pages in a row whose frames are not.
low_page    equ DATA + 0x10000
high_page   equ DATA + 0x11000
low_frame   equ DATA + 0x31000
high_frame  equ DATA + 0x21000
; The second of these two is not there until it is touched.
missing     equ DATA + 0x15000
missing_entry equ PTE32(missing)
readonly    equ DATA + 0x16000
readonly_entry equ PTE32(readonly)
user_stack  equ DATA + 0x80000
other_stack equ DATA + 0x90000
other_directory equ 0x219000
top         equ STACK
top0        equ STACK0

;= define task_entry(vector) r8:IDT32+vector*8 r8:gdt32+TASK32_OTHER 11{r4:TSS32_OTHER+0x1c+4*i} 7{r2:TSS32_OTHER+0x48+4*i}
;= + r2:TSS32_OTHER+0x64 10{w4:TSS32+0x20+4*i} 6{w2:TSS32+0x48+4*i} w2:TSS32_OTHER task_mark(TASK32_OTHER) task_segments()

; UNMAP32 page: the next touch faults, and map_page32 maps it.
%macro UNMAP32 1
        mov dword [PTE32(%1)], 0
        invlpg [%1]
        mov dword [fix_entry], PTE32(%1)
        mov dword [fix_value], %1 + MAPPED
%endmacro

main:
        PROTECTED_MODE
        PAGING
        ;= cr3 PD32
        mov dword [PTE32(low_page)], low_frame + MAPPED
        mov dword [PTE32(high_page)], high_frame + MAPPED
        mov eax, cr3
        mov cr3, eax
        INT_GATE 14, map_page32
        INT_GATE 0x41, on_finish
        mov edi, source
        mov ecx, 0x40
        mov eax, 0x10
.fill:  stosb
        inc eax
        loop .fill
        mov ebx, high_page
        mov eax, 0x11223344

        CASE p32-cross, "2 and 4 bytes over a page boundary", page-cross
        mov [ebx - 1], ax               ;= w2:high_page-1@low_frame+0xfff,high_frame
        mov [ebx - 3], eax              ;= w4:high_page-3@low_frame+0xffd,high_frame
        mov ecx, [ebx - 3]              ;= r4:high_page-3@low_frame+0xffd,high_frame
        add [ebx - 2], eax              ;= r4:high_page-2@low_frame+0xffe,high_frame w4:high_page-2@low_frame+0xffe,high_frame
        ENDCASE
        CHECK ecx, eax
        CASE p32-cross-8, "8 and 16 bytes over a page boundary", page-cross
        movdqu xmm0, [source]           ;= r16:source
        movq [ebx - 5], xmm0            ;= w8:high_page-5@low_frame+0xffb,high_frame
        movdqu [ebx - 5], xmm0          ;= w16:high_page-5@low_frame+0xffb,high_frame
        movdqu xmm1, [ebx - 5]          ;= r16:high_page-5@low_frame+0xffb,high_frame
        ENDCASE
        CHECK dword [high_frame], 0x18171615
        CASE p32-cross-cmpxchg8b, "cmpxchg8b over a page boundary", page-cross
        cmpxchg8b [ebx - 4]             ;= r8:high_page-4@low_frame+0xffc,high_frame w8:high_page-4@low_frame+0xffc,high_frame
        ENDCASE
        CHECK edx, 0x18171615
        mov ebx, high_page
        mov eax, 0x11223344
        CASE p32-cross-pusha, "pushad and popad over a page boundary", page-cross
        lea esp, [ebx + 6]
        pushad                          ;= w4:high_page+2@high_frame+2 w4:high_page-2@low_frame+0xffe,high_frame 6{w4:high_page-6-4*i@low_frame+0xffa-4*i} ;~ pusha-lowest-first: w28:high_page-26@low_frame+0xfe6,high_frame w4:high_page+2@high_frame+2
        popad                           ;= r12:high_page-26@low_frame+0xfe6 r12:high_page-10@low_frame+0xff6,high_frame r4:high_page+2@high_frame+2
        mov esp, top
        ENDCASE
        CHECK [high_frame + 2], eax
        CASE p32-cross-call, "call, enter and ret with the stack over a page boundary", page-cross
        lea esp, [ebx + 2]
        call subroutine                 ;= w4:high_page-2@low_frame+0xffe,high_frame
        ;= subroutine w4:high_page-6@low_frame+0xffa
        ;= sub_leave r4:high_page-6@low_frame+0xffa
        ;= sub_ret r4:high_page-2@low_frame+0xffe,high_frame
        mov esp, top
        ENDCASE
        CASE p32-cross-far, "far call and return with the stack over a page boundary", page-cross
        lea esp, [ebx + 2]
        call CODE32:far_routine         ;= r8:gdt32+CODE32 w4:high_page-2@low_frame+0xffe,high_frame w4:high_page-6@low_frame+0xffa
        ;= far_routine r4:high_page-6@low_frame+0xffa r4:high_page-2@low_frame+0xffe,high_frame r8:gdt32+CODE32
        mov esp, top
        ENDCASE
        mov word [ebx - 2], 0
        mov word [ebx], 9
        xor eax, eax
        CASE p32-cross-pointer, "lds and bound over a page boundary", page-cross
        mov dword [ebx + 2], DATA32 << 16 ;= w4:high_page+2@high_frame+2
        bound ax, [ebx - 2]             ;= r4:high_page-2@low_frame+0xffe,high_frame
        lds ecx, [ebx]                  ;= r6:high_page@high_frame r8:gdt32+DATA32
        o16 lds cx, [ebx + 2]           ;= r4:high_page+2@high_frame+2 r8:gdt32+DATA32
        ENDCASE
        mov esi, source
        mov edi, high_page - 6
        mov ecx, 3
        CASE p32-cross-movs, "rep movsd with an element over a page boundary", page-cross
        rep movsd                       ;= r4:source w4:high_page-6@low_frame+0xffa r4:source+4 w4:high_page-2@low_frame+0xffe,high_frame r4:source+8 w4:high_page+2@high_frame+2
        ENDCASE
        CHECK dword [high_frame + 2], 0x1b1a1918
        fninit
        fldpi
        CASE p32-cross-x87, "fnsave, fstp m80 over a page boundary", page-cross
        fnsave [ebx - 34]               ;= w108:high_page-34@low_frame+0xfde,high_frame
        frstor [ebx - 34]               ;= r108:high_page-34@low_frame+0xfde,high_frame ;~ x87-pointers-not-restored: r2:high_page-34@low_frame+0xfde r2:high_page-30@low_frame+0xfe2 r2:high_page-26@low_frame+0xfe6 r80:high_page-6@low_frame+0xffa,high_frame
        fstp tword [ebx - 5]            ;= w10:high_page-5@low_frame+0xffb,high_frame
        ENDCASE
        CHECK word [high_frame + 3], 0x4000

        ; Faults.
        UNMAP32 missing
        mov ebx, missing
        CASE p32-fault-load, "page fault of a load", fault
        ;= event 14 error 0 cr2 missing+8 at s_load: gate32(14) frame32_error(top)
        ;= run map_page32(missing_entry, top)
s_load: mov eax, [ebx + 8]              ;= r4:missing+8
        ENDCASE
        mov dword [readonly_entry], readonly + MAPPED - 2
        invlpg [readonly]
        mov dword [fix_entry], readonly_entry
        mov dword [fix_value], readonly + MAPPED
        CASE p32-fault-rmw, "page fault of a read-modify-write on a read-only page", fault
        ;= ? s_rmw r4:readonly!aborted
        ;= event 14 error 3 cr2 readonly at s_rmw: gate32(14) frame32_error(top)
        ;= run map_page32(readonly_entry, top)
s_rmw:  inc dword [readonly]            ;= r4:readonly w4:readonly
        ENDCASE
        UNMAP32 missing
        CASE p32-fault-pop, "page fault of pop to memory", fault
        push eax                        ;= w4:top-4
        ;= ? s_pop r4:top-4!aborted
        ;= event 14 error 2 cr2 missing at s_pop: gate32(14) frame32_error(top-4)
        ;= run map_page32(missing_entry, top-4)
s_pop:  pop dword [ebx]                 ;= r4:top-4 w4:missing
        ENDCASE
        UNMAP32 missing
        mov ebp, missing + 4
        CASE p32-fault-enter, "page fault of enter, of a frame pointer that it copies", fault
        ;= ? s_enter w4:top-4!aborted
        ;= event 14 error 0 cr2 missing at s_enter: gate32(14) frame32_error(top)
        ;= run map_page32(missing_entry, top)
s_enter: enter 8, 3                     ;= w4:top-4 r4:missing w4:top-8 r4:missing-4 w4:top-12 w4:top-16
        leave                           ;= r4:top-4
        ENDCASE
        CHECK ebp, missing + 4
        UNMAP32 missing
        mov esi, source
        mov edi, missing - 2
        mov ecx, 4
        CASE p32-fault-movs, "rep movsb that faults at its third store", rep-fault
        ;= ? s_movs r1:source w1:missing-2 r1:source+1 w1:missing-1 r1:source+2!aborted
        ;= event 14 error 2 cr2 missing at s_movs: gate32(14) frame32_error(top)
        ;= run map_page32(missing_entry, top)
s_movs: rep movsb                       ;= r1:source+2 w1:missing r1:source+3 w1:missing+1
        nop
        ENDCASE
        CHECK dword [missing - 2], 0x13121110
        UNMAP32 missing
        mov dword [missing - 4], popped
        INT_GATE 14, map_selector
        CASE p32-fault-retf, "page fault of a far return, at its selector", fault
        mov esp, missing - 4
        ;= ? s_retf r4:missing-4!aborted
        ;= event 14 error 0 cr2 missing at s_retf: gate32(14) frame32_error(missing-4)
        ;= run map_selector(missing-4)
s_retf: retf                            ;= r4:missing-4 r4:missing r8:gdt32+CODE32
popped: mov esp, top
        ENDCASE
        INT_GATE 14, map_page32
        CHECK dword [fix_count], 6

        ; A task with a directory of its own.
        mov esi, PD32
        mov edi, other_directory
        mov ecx, 1024
        rep movsd
        mov edi, TSS32_OTHER
        mov ecx, 0x68 / 4
        xor eax, eax
        rep stosd
        mov fs, ax
        mov gs, ax
        mov dword [TSS32 + 0x1c], PD32
        mov dword [TSS32_OTHER + 0x1c], other_directory
        mov dword [TSS32_OTHER + 0x20], other
        mov dword [TSS32_OTHER + 0x24], 2
        mov dword [TSS32_OTHER + 0x28], 0x1234
        mov dword [TSS32_OTHER + 0x38], other_stack
        mov dword [TSS32_OTHER + 0x48], DATA32
        mov dword [TSS32_OTHER + 0x4c], CODE32
        mov dword [TSS32_OTHER + 0x50], DATA32
        mov dword [TSS32_OTHER + 0x54], DATA32
        mov dword [TSS32_OTHER + 0x64], 0xffff << 16
        CASE task-address-space, "task switch to another address space, and back", transfer
        call TASK32_OTHER:0             ;= unordered task_call(TASK32_OTHER, TSS32_OTHER, TSS32) ;~ task-switch-probes: unordered task_call(TASK32_OTHER, TSS32_OTHER, TSS32) probed(TSS32_OTHER, TSS32) ;~ task-flag-in-four-bytes: unordered task_call(TASK32_OTHER, TSS32_OTHER, TSS32) r2:TSS32_OTHER+0x66
        ;= cr3 other_directory
        ;= other w4:data
        ;= t_iret unordered task_return(TASK32, TSS32, TASK32_OTHER, TSS32_OTHER) ;~ task-switch-probes: unordered task_return(TASK32, TSS32, TASK32_OTHER, TSS32_OTHER) probed(TSS32, TSS32_OTHER) ;~ task-return-stores-flags-twice [>=11]: unordered task_return(TASK32, TSS32, TASK32_OTHER, TSS32_OTHER) w4:TSS32_OTHER+0x24 ;~ task-return-stores-flags-twice: unordered task_return(TASK32, TSS32, TASK32_OTHER, TSS32_OTHER) w4:TSS32_OTHER+0x24 r2:TSS32+0x66
        ;= cr3 PD32
        mov eax, [data]                 ;= r4:data
        ENDCASE
        CHECK eax, 0x1234
        mov dword [IDT32 + 0x42 * 8], TASK32_OTHER << 16
        mov dword [IDT32 + 0x42 * 8 + 4], 0xe500
        CASE task-gate-address-space, "int n through a task gate to another address space, and back", event-delivery
g_int:  int 0x42
        ;= event 0x42 software at g_int: task_entry(0x42)
        ;= cr3 other_directory
        ;= other_again w4:data+4
        ;= t_iret2 unordered task_return(TASK32, TSS32, TASK32_OTHER, TSS32_OTHER) ;~ task-switch-probes: unordered task_return(TASK32, TSS32, TASK32_OTHER, TSS32_OTHER) probed(TSS32, TSS32_OTHER) ;~ task-return-stores-flags-twice [>=11]: unordered task_return(TASK32, TSS32, TASK32_OTHER, TSS32_OTHER) w4:TSS32_OTHER+0x24 ;~ task-return-stores-flags-twice: unordered task_return(TASK32, TSS32, TASK32_OTHER, TSS32_OTHER) w4:TSS32_OTHER+0x24 r2:TSS32+0x66
        ;= cr3 PD32
        mov eax, [data + 4]             ;= r4:data+4
        ENDCASE
        CHECK eax, 0x1234
        clts

        ; CPL 3.
        UNMAP32 missing
        push dword UDATA32
        push dword user_stack
        push dword 2
        push dword UCODE32
        push dword user
        iretd
user:   mov ax, UDATA32
        mov ds, ax
        mov es, ax
        ;= cpl 3
        CASE p32-fault-user, "page fault of a store at CPL 3", event-delivery
        ;= cpl 0
        ;= event 14 error 6 cr2 missing at u_flt: gate32_tss(14) frame32_outer_error(top0)
        ;= run map_page32_frame(missing_entry, top0-8)
        ;= map_page32_iret iret32_user(top0)
        ;= cpl 3
u_flt:  mov [missing], eax              ;= w4:missing
        pop eax                         ;= r4:user_stack
        ENDCASE
        int 0x41

on_finish:
        mov ax, DATA32
        mov ds, ax
        CHECK dword [fix_count], 7
        PASS

        ; Maps the page, and puts a selector at its beginning.
        ;= sequence map_selector(top)
map_selector:
        mov dword [missing_entry], missing + MAPPED ;= w4:missing_entry
        mov dword [missing], CODE32     ;= w4:missing
        inc dword [fix_count]           ;= r4:fix_count w4:fix_count
        add esp, 4
        iretd                           ;= iret32(top)
        ;= endsequence
subroutine: enter 0, 0
sub_leave: leave
sub_ret: ret
far_routine: retf
other:  mov [data], eax
t_iret: iretd
other_again: mov [data + 4], eax
t_iret2: iretd
        bits 64
END_OF_GUEST
