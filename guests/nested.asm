; SPDX-License-Identifier: Apache-2.0
; A guest within the guest: AMD64 Architecture Programmer's Manual volume 2, 15.5, 15.6, 15.10, 15.11, 15.25, appendix B
; and C.
%include "boot.inc"

EFER        equ 0xc0000080
SVME        equ 1 << 12
HSAVE_PA    equ 0xc0010117
vmcb        equ DATA + 0x10000
save        equ vmcb + 0x400
exit_code   equ vmcb + 0x70
hsave       equ DATA + 0x11000      ; where the host's state goes: in a form that the manual leaves open, and here QEMU's
state       equ DATA + 0x12000      ; for vmsave and vmload
data        equ DATA
mapped_data equ DATA + 0x40         ; of the guests with permission maps
missing     equ DATA + 0x20000
nested_top  equ DATA + 0x14000
frame       equ DATA + 0x33000
; What the guest's tables say leads to DATA + 0x21000, nested paging leads to `frame`, and DATA + 0x22000 nowhere.
moved       equ DATA + 0x21000
absent      equ DATA + 0x22000
; Copies of the tables in which `moved` is `frame`: for nested paging, and for a guest.
NESTED      equ 0x220000
NESTED_PT   equ NESTED + 0x6000
OTHER       equ 0x230000
CODE64      equ 0xa9b               ; attributes of segments
FLAT        equ 0xc93
VMRUN_CALLS equ 3                   ; intercepted: vmrun, which must be, and vmmcall
PAGE_FAULTS equ 1 << 14
EXIT_FAULT  equ 0x4e
EXIT_CALL   equ 0x81
EXIT_NESTED equ 0x400               ; a nested page fault
NESTED_ENTRY equ 7
VECTOR      equ 0x40
NO_SELECTOR equ 0x1230              ; behind the end of the GDT
; What the host's permission maps let a guest have: a bit for each port, two (read, write) for each MSR.
MAPS_RULE   equ 1 << 27 | 1 << 28   ; intercepted: in and out, rdmsr and wrmsr, as the maps say
EXIT_PORT_IO equ 0x7b
EXIT_MSR    equ 0x7c
iopm        equ DATA + 0x40000      ; 12 KiB
msrpm       equ DATA + 0x44000      ; 8 KiB
PORT        equ 0xa1                ; the mask of the second interrupt controller, which keeps what is written
CLOSED      equ 0x300               ; ports with nothing behind them: this one is intercepted
STRADDLING  equ 0x30f               ; two ports, in two bytes of the map: the second is intercepted
MSR         equ 0x174               ; SYSENTER_CS: it may be read, and not be written
FAR_MSR     equ 0xc0000082          ; LSTAR, in the second part of the map: the other way round
PORT_BIT    equ iopm + PORT / 8
CLOSED_BIT  equ iopm + CLOSED / 8
TWO_BITS    equ iopm + STRADDLING / 8
MSR_BITS    equ msrpm + MSR / 4
FAR_MSR_BITS equ msrpm + 0x800 + (FAR_MSR - 0xc0000000) / 4

; SEGMENT offset, selector, attributes: into the VMCB
%macro SEGMENT 3
        mov word [save + %1], %2
        mov word [save + %1 + 2], %3
        mov dword [save + %1 + 4], 0xffffffff
        mov qword [save + %1 + 8], 0
%endmacro

; SET offset, value: into the VMCB
%macro SET 2
        mov eax, %2
        mov [vmcb + %1], rax
%endmacro

; COPY_TABLES to
%macro COPY_TABLES 1
        mov esi, TABLES
        mov edi, %1
        mov ecx, 0x7000 / 8
        rep movsq
        mov dword [%1], %1 + 0x1000 + MAPPED
%assign gib 0
%rep 4
        mov dword [%1 + 0x1000 + gib * 8], %1 + 0x2000 + gib * 0x1000 + MAPPED
%assign gib gib + 1
%endrep
        mov dword [%1 + 0x2000 + (DATA >> 21) * 8], %1 + 0x6000 + MAPPED
        mov qword [%1 + 0x6000 + (PTE(moved) - PT)], frame + MAPPED
%endmacro

; What vmrun loads and stores beside segments: the control area and the guest's state, and the host's.
        ;= define vmrun_state() r20:vmcb r40:vmcb+0x40 r8:vmcb+0x68 r8:vmcb+0x90 r8:vmcb+0xa8 r16:vmcb+0xb0 host_state()
        ;= define vmrun_registers() r1:save+0xcb r8:save+0xd0 r24:save+0x148 r32:save+0x160 r8:save+0x1d8 r8:save+0x1f8 r8:save+0x240
        ;= define host_state() w32:hsave+0x460 w8:hsave+0x4d0 w48:hsave+0x548 w8:hsave+0x578 w8:hsave+0x5d8 w8:hsave+0x5f8
; ES, CS, SS and DS of both, IDTR and GDTR of the guest.
        ;= define vmrun_segments() w64:hsave+0x400 r64:save r16:save+0x60 r16:save+0x80
; Leaving stores the guest's state and why, and loads the host's.
        ;= define exit_state() w24:exit_code w64:save w16:save+0x60 w16:save+0x80 w1:save+0xcb w8:save+0xd0 w24:save+0x148 w32:save+0x160 w8:save+0x1d8 w8:save+0x1f8 w8:save+0x240 r64:hsave+0x400

main:
        NEEDS "SVM", 0x80000001, ecx, 2
        mov qword [PTE(missing)], 0
        mov qword [PTE(missing + 0x1000)], moved + MAPPED
        COPY_TABLES OTHER
        COPY_TABLES NESTED
        mov qword [NESTED_PT + (PTE(absent) - PT)], 0
        mov rax, cr3
        mov cr3, rax
        GATE VECTOR, on_int
        GATE 0, on_divide
        GATE 13, on_protection

        mov edi, vmcb
        mov ecx, 0x3000 / 8
        xor eax, eax
        rep stosq
        mov ecx, EFER
        rdmsr
        or eax, SVME
        wrmsr
        mov ecx, HSAVE_PA
        mov eax, hsave
        xor edx, edx
        wrmsr
        SEGMENT 0x00, KDATA, FLAT
        SEGMENT 0x10, KCODE, CODE64
        SEGMENT 0x20, KDATA, FLAT
        SEGMENT 0x30, KDATA, FLAT
        mov dword [save + 0x64], 0x4f
        mov qword [save + 0x68], gdt
        mov dword [save + 0x84], 4095
        mov qword [save + 0x88], IDT
        mov dword [vmcb + 8], PAGE_FAULTS
        SET 0x10, VMRUN_CALLS
        SET 0x58, 1                 ; address space identifier
        SET 0x4d0, 0x1500           ; EFER: SVME, LMA, LME
        mov rax, cr4
        mov [save + 0x148], rax
        mov rax, cr3
        mov [save + 0x150], rax
        mov rax, cr0
        mov [save + 0x158], rax
        SET 0x560, 0x400
        SET 0x568, 0xffff0ff0
        SET 0x570, 2
        SET 0x578, a_guest
        SET 0x5d8, nested_top

        mov eax, vmcb
        CASE svm-round-trip, "vmrun, accesses of the guest, which vmmcall leaves", nested
        vmrun                       ;= unordered vmrun_state() vmrun_registers() ;! nested-state
        ;= + vmrun_segments()
        ;= a_guest w4:data
        ;= a_push w8:nested_top-8
        ;= a_pop r8:nested_top-8
        ;= event 0 guest-exit error EXIT_CALL at a_exit: exit_state() ;! accesses nested-state
        mov ebx, [data]             ;= r4:data
        ENDCASE
        CHECK ebx, 5
        CHECK qword [exit_code], EXIT_CALL

        mov qword [save + 0x178], b_guest
        CASE svm-fault, "a page fault of a guest, which leaves it in the middle of its code", nested
        vmrun                       ;= unordered vmrun_state() vmrun_registers() ;! nested-state
        ;= + vmrun_segments()
        ;= b_guest r4:data w4:data
        ;= event 0 guest-exit error EXIT_FAULT cr2 missing+8 at b_fault: exit_state() ;! accesses nested-state
        mov ebx, [data]             ;= r4:data
        ENDCASE
        CHECK ebx, 6
        CHECK qword [exit_code], EXIT_FAULT
        CHECK dword [data + 4], 0

        mov qword [save + 0x178], g_guest
        vmrun                       ; and accesses of the guest, below
        mov qword [save + 0x178], c_guest
        CASE svm-delivery, "int n and an exception within a guest, delivered to it", nested
        vmrun                       ;= unordered vmrun_state() vmrun_registers() ;! nested-state
        ;= + vmrun_segments()
        ;= c_guest
        ;= event VECTOR software at c_guest: gate(VECTOR) frame(nested_top)
        ;= on_int iret(nested_top)
        ;= - 2
        ;= event 0 at c_divide: gate(0) frame(nested_top)
        ;= on_divide r8:nested_top-40 w8:nested_top-40
        ;= on_divide_iret iret(nested_top)
        ;= event 0 guest-exit error EXIT_CALL at c_exit: exit_state() ;! accesses nested-state
        mov ebx, [data]             ;= r4:data
        ENDCASE
        CHECK qword [exit_code], EXIT_CALL

        mov qword [save + 0x178], o_guest
        CASE svm-delivery-error, "an exception with an error code within a guest, delivered to it", nested
        vmrun                       ;= unordered vmrun_state() vmrun_registers() ;! nested-state
        ;= + vmrun_segments()
        ;= o_guest
        ;= event 13 error NO_SELECTOR at o_load: gate(13) frame_error(nested_top)
        ;= on_protection w4:data+12
        ;= - 1
        ;= on_protection_add r8:nested_top-40 w8:nested_top-40
        ;= on_protection_iret iret(nested_top)
        ;= event 0 guest-exit error EXIT_CALL at o_exit: exit_state() ;! accesses nested-state
        mov ebx, [data]             ;= r4:data
        ENDCASE
        CHECK qword [exit_code], EXIT_CALL
        CHECK dword [data + 12], 13

        mov dword [vmcb + 0x0c], MAPS_RULE
        SET 0x40, iopm
        SET 0x48, msrpm
        mov byte [CLOSED_BIT], 1 << CLOSED % 8
        mov byte [TWO_BITS + 1], 1
        mov byte [MSR_BITS], 2 << MSR % 4 * 2
        mov byte [FAR_MSR_BITS], 1 << FAR_MSR % 4 * 2
        mov byte [mapped_data + 8], 0xa5
        mov ecx, MSR
        xor edx, edx
        mov eax, 0x1234
        wrmsr
        mov eax, vmcb
        mov qword [save + 0x178], j_guest
        vmrun                       ; and accesses of the guest, below
        CHECK qword [exit_code], EXIT_CALL
        CHECK word [mapped_data], 0xa53c
        CHECK dword [mapped_data + 4], 0x1234
        mov ecx, FAR_MSR
        rdmsr
        CHECK eax, 0x5678
        mov eax, vmcb

        ; Guests that are left by what their maps do not let through.
        mov qword [save + 0x178], k_guest
        CASE svm-port-exit, "in of a guest, which the I/O permission map does not let through", nested
        vmrun                       ;= unordered vmrun_state() vmrun_registers() ;! nested-state
        ;= + vmrun_segments()
        ;= k_guest w4:mapped_data
        ;= - 1
        ;= ? k_in r1:CLOSED_BIT!aborted ;! permission-maps
        ;= event 0 guest-exit error EXIT_PORT_IO cr2 k_next at k_in: exit_state() ;! accesses nested-state
        mov ebx, [mapped_data]      ;= r4:mapped_data
        ENDCASE
        CHECK ebx, 7
        CHECK qword [exit_code], EXIT_PORT_IO
        CHECK byte [exit_code + 8], 0x11    ; one byte, in
        CHECK word [exit_code + 10], CLOSED
        CHECK qword [exit_code + 16], k_next

        mov qword [save + 0x178], l_guest
        CASE svm-port-exit-second, "... out of two ports, the second of which the map's next byte is about", nested
        vmrun                       ;= unordered vmrun_state() vmrun_registers() ;! nested-state
        ;= + vmrun_segments()
        ;= l_guest w4:mapped_data
        ;= - 1
        ;= ? l_out r2:TWO_BITS!aborted ;! permission-maps
        ;= event 0 guest-exit error EXIT_PORT_IO cr2 l_next at l_out: exit_state() ;! accesses nested-state
        mov ebx, [mapped_data]      ;= r4:mapped_data
        ENDCASE
        CHECK ebx, 8
        CHECK qword [exit_code], EXIT_PORT_IO
        CHECK byte [exit_code + 8], 0x20    ; two bytes, out
        CHECK word [exit_code + 10], STRADDLING
        CHECK qword [exit_code + 16], l_next

        mov qword [save + 0x178], m_guest
        CASE svm-msr-exit, "wrmsr of a guest, which the MSR permission map does not let through", nested
        vmrun                       ;= unordered vmrun_state() vmrun_registers() ;! nested-state
        ;= + vmrun_segments()
        ;= m_guest w4:mapped_data
        ;= - 1
        ;= ? m_wrmsr r1:MSR_BITS!aborted ;! permission-maps
        ;= event 0 guest-exit error EXIT_MSR at m_wrmsr: exit_state() ;! accesses nested-state
        mov ebx, [mapped_data]      ;= r4:mapped_data
        ENDCASE
        CHECK ebx, 9
        CHECK qword [exit_code], EXIT_MSR
        CHECK qword [exit_code + 8], 1

        mov qword [save + 0x178], n_guest
        CASE svm-msr-exit-read, "... rdmsr", nested
        vmrun                       ;= unordered vmrun_state() vmrun_registers() ;! nested-state
        ;= + vmrun_segments()
        ;= n_guest w4:mapped_data
        ;= - 1
        ;= ? n_rdmsr r1:FAR_MSR_BITS!aborted ;! permission-maps
        ;= event 0 guest-exit error EXIT_MSR at n_rdmsr: exit_state() ;! accesses nested-state
        mov ebx, [mapped_data]      ;= r4:mapped_data
        ENDCASE
        CHECK ebx, 10
        CHECK qword [exit_code], EXIT_MSR
        CHECK qword [exit_code + 8], 0
        mov dword [vmcb + 0x0c], 0

        ; The host goes on in its own address space, and without nested paging: 15.6, 15.25.3.
        mov dword [moved], 1
        mov dword [frame], 2
        mov qword [save + 0x150], OTHER
        mov qword [save + 0x178], h_guest
        vmrun                       ; and accesses of the guest, below
        CASE svm-host-space, "the host's own mapping, after a guest with other tables", nested
        mov ebx, [moved]            ;= r4:moved
        inc dword [moved]           ;= r4:moved w4:moved
        ENDCASE
        CHECK ebx, 1
        CHECK dword [moved], 2
        CHECK dword [frame], 3
        mov qword [save + 0x150], TABLES

        mov qword [vmcb + 0xb0], NESTED
        mov dword [vmcb + 0x90], 1
        mov qword [save + 0x178], d_guest
        vmrun                       ; and accesses of the guest, below
        CASE svm-host-page, "the host's own mapping, after a guest with nested paging and the same CR3", nested
        mov ebx, [moved]            ;= r4:moved
        mov dword [moved], 4        ;= w4:moved
        ENDCASE
        CHECK ebx, 2
        CHECK dword [moved], 4
        CHECK dword [frame], 9

        mov qword [save + 0x178], i_guest
        vmrun                       ; and accesses of the guest, below
        CASE svm-host-page-fault, "... left in the middle of its code, by a nested page fault", nested
        inc dword [moved]           ;= r4:moved w4:moved
        mov ebx, [moved]            ;= r4:moved
        ENDCASE
        CHECK ebx, 5
        CHECK dword [frame], 10
        CHECK qword [exit_code], EXIT_NESTED

        mov qword [save + 0x178], e_guest
        CASE svm-nested-fault, "a page that nested paging does not map, in the middle of code", nested
        vmrun                       ;= unordered vmrun_state() vmrun_registers() ;! nested-state
        ;= + vmrun_segments()
        ;= e_guest r4:data w4:data
        ;= event 0 guest-exit error EXIT_NESTED cr2 absent+8 at e_fault: exit_state() ;! accesses nested-state
        mov ebx, [data]             ;= r4:data
        ENDCASE
        CHECK ebx, 8
        CHECK qword [exit_code], EXIT_NESTED

        mov qword [save + 0x178], f_guest
        mov qword [save + 0x1d8], nested_top
        CASE svm-nested-delivery, "int n within a guest with nested paging", nested
        vmrun                       ;= unordered vmrun_state() vmrun_registers() ;! nested-state
        ;= + vmrun_segments()
        ;= f_guest
        ;= event VECTOR software at f_guest: gate(VECTOR) frame(nested_top) ;! accesses nested-paging
        ;= on_int iret(nested_top)
        ;= event 0 guest-exit error EXIT_CALL at f_exit: exit_state() ;! accesses nested-state
        mov ebx, [data]             ;= r4:data
        ENDCASE
        CHECK qword [exit_code], EXIT_CALL

        mov eax, state
        CASE svm-save-load, "vmsave and vmload: FS, GS, TR, LDTR and model-specific registers, by a physical address", nested
        vmsave                      ;= unordered w32:state+0x440 w16:state+0x490 w16:state+0x470 w64:state+0x600
        vmload                      ;= unordered r32:state+0x440 r16:state+0x490 r16:state+0x470 r64:state+0x600
        ENDCASE
        CHECK word [state + 0x490], TASK
        ENDNEEDS
        PASS

a_guest: mov dword [data], 5
a_push: push rax
a_pop:  pop rax
a_exit: vmmcall
        mov dword [data], 0
        vmmcall

b_guest: inc dword [data]
b_fault: mov dword [missing + 8], 1
        mov dword [data + 4], 1
        vmmcall

g_guest:
        CASE svm-guest, "accesses of a guest", nested
        mov dword [data], 6         ;= w4:data
        push rax                    ;= w8:nested_top-8
        lock inc dword [data]       ;= r4:data w4:data
        pop rax                     ;= r8:nested_top-8
        ENDCASE
        vmmcall

c_guest: int VECTOR
        xor ecx, ecx
        xor edx, edx
c_divide: div ecx
c_exit: vmmcall

d_guest:
        CASE svm-nested-paging, "accesses of a guest with nested paging: paddr is the host's", nested
        mov dword [moved], 9        ;= w4:moved@frame
        mov eax, [moved]            ;= r4:moved@frame
        push rax                    ;= w8:nested_top-8
        ENDCASE
        vmmcall

;= cr3 OTHER
h_guest:
        CASE svm-guest-space, "accesses of a guest with tables of its own", nested
        mov eax, [moved]            ;= r4:moved@frame
        inc dword [moved]           ;= r4:moved@frame w4:moved@frame
        ENDCASE
        vmmcall
;= cr3 TABLES

i_guest:
        CASE svm-nested-again, "the guest's mapping by nested paging, after the host has used its own", nested
        mov eax, [moved]            ;= r4:moved@frame
        inc dword [moved]           ;= r4:moved@frame w4:moved@frame
        ENDCASE
        mov eax, [absent + 8]
        vmmcall

o_guest: mov eax, NO_SELECTOR
o_load: mov ds, eax
o_exit: vmmcall

; In its maps, bits beside those of each of these are set.
j_guest:
        mov al, 0x3c
        CASE svm-ports, "in, out and outsb of a guest, which the I/O permission map lets through", nested
        out PORT, al                ;= r1:PORT_BIT ;! permission-maps
        in al, PORT                 ;= r1:PORT_BIT ;! permission-maps
        mov [mapped_data], al       ;= w1:mapped_data
        mov esi, mapped_data + 8
        mov edx, PORT
        outsb                       ;= r1:PORT_BIT ;! permission-maps
        ;= + r1:mapped_data+8
        in al, dx                   ;= r1:PORT_BIT ;! permission-maps
        mov [mapped_data + 1], al   ;= w1:mapped_data+1
        ENDCASE
        mov ecx, FAR_MSR
        xor edx, edx
        mov eax, 0x5678
        CASE svm-msrs, "wrmsr and rdmsr of a guest, which the MSR permission map lets through", nested
        wrmsr                       ;= r1:FAR_MSR_BITS ;! permission-maps
        mov ecx, MSR
        rdmsr                       ;= r1:MSR_BITS ;! permission-maps
        mov [mapped_data + 4], eax  ;= w4:mapped_data+4
        ENDCASE
        vmmcall

k_guest: mov dword [mapped_data], 7
        mov edx, CLOSED
k_in:   in al, dx
k_next: mov dword [mapped_data], 0
        vmmcall

l_guest: mov dword [mapped_data], 8
        mov edx, STRADDLING
l_out:  out dx, ax
l_next: mov dword [mapped_data], 0
        vmmcall

m_guest: mov dword [mapped_data], 9
        mov ecx, MSR
m_wrmsr: wrmsr
        mov dword [mapped_data], 0
        vmmcall

n_guest: mov dword [mapped_data], 10
        mov ecx, FAR_MSR
n_rdmsr: rdmsr
        mov dword [mapped_data], 0
        vmmcall

e_guest: inc dword [data]
e_fault: mov eax, [absent + 8]
        mov [data + 4], eax
        vmmcall

f_guest: int VECTOR
f_exit: vmmcall

on_int: iretq
on_divide: add qword [rsp], 2       ; behind the div
on_divide_iret: iretq
on_protection: mov dword [data + 12], 13
        add rsp, 8                  ; the error code
on_protection_add: add qword [rsp], 2 ; behind the mov
on_protection_iret: iretq
END_OF_GUEST
