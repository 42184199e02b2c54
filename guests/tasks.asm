; SPDX-License-Identifier: Apache-2.0
; 32-bit protected mode: task switches, CPL 3 and back, call gates with parameters, sysenter, virtual 8086 mode.
%include "boot.inc"
%include "legacy.inc"

data        equ DATA
user_stack  equ DATA + 0x80000
other_stack equ DATA + 0x90000
PIC_MASK    equ 0x21
bitmap      equ TSS32 + 0x80        ; of ports 0 to 0xff
VM_SEGMENT  equ 0x500
vm_data     equ VM_SEGMENT * 16
VM_STACK    equ 0x800               ; SP in that segment
vm_top      equ vm_data + VM_STACK
VM_CODE     equ 0xffff              ; its base is 16 bytes below the image
VM_FLAGS    equ 0x23002             ; VM, IOPL 3
top         equ STACK
top0        equ STACK0
main:
        PROTECTED_MODE
        ;= cr3 0
        INT_GATE 0x40, on_service
        INT_GATE 0x41, on_finish
        INT_GATE 0x42, on_vm_service
        INT_GATE 0x43, on_vm_finish
        mov word [TSS32 + 0x66], bitmap - TSS32
        mov byte [gdt32 + TASK32], 0xff         ; its limit
        mov edi, bitmap
        mov ecx, 0x20 / 4
        xor eax, eax
        rep stosd
        mov ax, TASK32
        and byte [gdt32 + TASK32 + 5], ~2
        ltr ax
        mov ecx, 0x174                          ; SYSENTER_CS, _ESP, _EIP
        xor edx, edx
        mov eax, CODE32
        wrmsr
        inc ecx
        mov eax, STACK0
        wrmsr
        inc ecx
        mov eax, on_sysenter
        wrmsr
        CALL_GATE GATE32_ARGS, gate_target
        mov edi, TSS32_OTHER
        mov ecx, 0x68 / 4
        xor eax, eax
        rep stosd
        mov dword [TSS32_OTHER + 0x20], other
        mov dword [TSS32_OTHER + 0x24], 2
        mov dword [TSS32_OTHER + 0x28], 0x1234
        mov dword [TSS32_OTHER + 0x38], other_stack
        mov dword [TSS32_OTHER + 0x48], DATA32
        mov dword [TSS32_OTHER + 0x4c], CODE32
        mov dword [TSS32_OTHER + 0x50], DATA32
        mov dword [TSS32_OTHER + 0x54], DATA32
        mov dword [TSS32_OTHER + 0x64], 0xffff << 16
        xor eax, eax
        mov fs, ax
        mov gs, ax

        ; Tasks.
        CASE task-jump, "task switch by a far jump, and back", transfer
        jmp TASK32_OTHER:0              ;= unordered task_jump(TASK32_OTHER, TSS32_OTHER, TASK32, TSS32) ;~ task-switch-probes: unordered task_jump(TASK32_OTHER, TSS32_OTHER, TASK32, TSS32) probed(TSS32_OTHER, TSS32) ;~ task-flag-in-four-bytes: unordered task_jump(TASK32_OTHER, TSS32_OTHER, TASK32, TSS32) r2:TSS32_OTHER+0x66
        ;= other w4:data
        ;= t_back unordered task_jump(TASK32, TSS32, TASK32_OTHER, TSS32_OTHER) ;~ task-switch-probes: unordered task_jump(TASK32, TSS32, TASK32_OTHER, TSS32_OTHER) probed(TSS32, TSS32_OTHER) ;~ task-flag-in-four-bytes: unordered task_jump(TASK32, TSS32, TASK32_OTHER, TSS32_OTHER) r2:TSS32+0x66
        ENDCASE
        CHECK dword [data], 0x1234
        CHECK byte [gdt32 + TASK32 + 5], 0x8b
        CHECK byte [gdt32 + TASK32_OTHER + 5], 0x89
        CHECK dword [TSS32_OTHER + 0x20], other_again
        CASE task-call, "task switch by a far call: a link, and both tasks busy; iretd back", transfer
        call TASK32_OTHER:0             ;= unordered task_call(TASK32_OTHER, TSS32_OTHER, TSS32) ;~ task-switch-probes: unordered task_call(TASK32_OTHER, TSS32_OTHER, TSS32) probed(TSS32_OTHER, TSS32) ;~ task-flag-in-four-bytes: unordered task_call(TASK32_OTHER, TSS32_OTHER, TSS32) r2:TSS32_OTHER+0x66
        ;= other_again r4:data w4:data
        ;= t_iret unordered task_return(TASK32, TSS32, TASK32_OTHER, TSS32_OTHER) ;~ task-switch-probes: unordered task_return(TASK32, TSS32, TASK32_OTHER, TSS32_OTHER) probed(TSS32, TSS32_OTHER) ;~ task-return-stores-flags-twice [>=11]: unordered task_return(TASK32, TSS32, TASK32_OTHER, TSS32_OTHER) w4:TSS32_OTHER+0x24 ;~ task-return-stores-flags-twice: unordered task_return(TASK32, TSS32, TASK32_OTHER, TSS32_OTHER) w4:TSS32_OTHER+0x24 r2:TSS32+0x66
        ENDCASE
        CHECK dword [data], 0x1235
        CHECK word [TSS32_OTHER], TASK32
        CHECK byte [gdt32 + TASK32_OTHER + 5], 0x89
        CASE task-gate, "task switch by a call through a task gate; iretd back", transfer
        call TASK_GATE32:0              ;= unordered r8:gdt32+TASK_GATE32 task_call(TASK32_OTHER, TSS32_OTHER, TSS32) ;~ task-switch-probes: unordered r8:gdt32+TASK_GATE32 task_call(TASK32_OTHER, TSS32_OTHER, TSS32) probed(TSS32_OTHER, TSS32) ;~ task-flag-in-four-bytes: unordered r8:gdt32+TASK_GATE32 task_call(TASK32_OTHER, TSS32_OTHER, TSS32) r2:TSS32_OTHER+0x66
        ;= t_third r4:data w4:data
        ;= t_iret2 unordered task_return(TASK32, TSS32, TASK32_OTHER, TSS32_OTHER) ;~ task-switch-probes: unordered task_return(TASK32, TSS32, TASK32_OTHER, TSS32_OTHER) probed(TSS32, TSS32_OTHER) ;~ task-return-stores-flags-twice [>=11]: unordered task_return(TASK32, TSS32, TASK32_OTHER, TSS32_OTHER) w4:TSS32_OTHER+0x24 ;~ task-return-stores-flags-twice: unordered task_return(TASK32, TSS32, TASK32_OTHER, TSS32_OTHER) w4:TSS32_OTHER+0x24 r2:TSS32+0x66
        ENDCASE
        CHECK dword [data], 0x1236
        clts

        ; CPL 3.
        CASE p32-iret-user, "iretd from CPL 0 to 3", transfer
        push dword UDATA32              ;= w4:top-4
        push dword user_stack           ;= w4:top-8
        push dword 2                    ;= w4:top-12
        push dword UCODE32              ;= w4:top-16
        push dword user                 ;= w4:top-20
        iretd                           ;= iret32_user(top)
        ;= cpl 3
user:   nop
        ENDCASE
        mov ax, UDATA32
        mov ds, ax
        mov es, ax
        ;= cpl 3
        CASE p32-int-user, "int n from CPL 3: the stack from the TSS; iretd", event-delivery
u_int:  int 0x40
        ;= cpl 0
        ;= event 0x40 software at u_int: gate32_tss(0x40) frame32_outer(top0)
        ;= on_service r4:hits w4:hits
        ;= s_ret iret32_user(top0)
        ;= cpl 3
        mov eax, [data]                 ;= r4:data
        ENDCASE
        CHECK dword [hits], 1
        mov ecx, user_stack - 4
        CASE p32-gate-user, "call gate from CPL 3 with two parameters; far return that drops them", transfer
        push dword 0x11                 ;= w4:user_stack-4
        push dword 0x22                 ;= w4:user_stack-8
        call (GATE32_ARGS | 3):0        ;= r8:gdt32+GATE32_ARGS r8:gdt32+CODE32 r4:TSS32+4 r2:TSS32+8 r8:gdt32+DATA32 w4:top0-4 w4:top0-8 r4:user_stack-4 w4:top0-12 r4:user_stack-8 w4:top0-16 w4:top0-20 w4:top0-24
        ;= cpl 0
        ;= gate_target r4:top0-16
        ;= g_ret r4:top0-24 r4:top0-20 r8:gdt32+UCODE32-3 r4:top0-8 r4:top0-4 r8:gdt32+UDATA32-3
        ;= cpl 3
        mov [data], edx                 ;= w4:data
        ENDCASE
        CHECK dword [data], 0x22
        CHECK esp, user_stack
        mov dx, PIC_MASK
        CASE p32-port-bitmap, "in at CPL 3: the I/O permission bitmap", port-string
        in al, dx                       ;= r2:TSS32+0x66 r2:bitmap+4
        ENDCASE
        mov edi, data + 0x10
        mov ecx, 2
        CASE p32-ins-bitmap, "rep insb at CPL 3", port-string
        rep insb                        ;= r2:TSS32+0x66 r2:bitmap+4 w1:data+0x10 w1:data+0x11 ;~ bitmap-looked-at-again: 2{r2:TSS32+0x66 r2:bitmap+4 w1:data+0x10+i w1:data+0x10+i} r2:TSS32+0x66 r2:bitmap+4 ;~ ins-stores-zero-first: r2:TSS32+0x66 r2:bitmap+4 2{w1:data+0x10+i w1:data+0x10+i}
        ENDCASE
        ;= cpl 3
        CASE p32-sysenter, "sysenter and sysexit: no memory", transfer
        mov ecx, user_stack
        mov edx, after_sysexit
        sysenter
        ;= cpl 0
        ;= on_sysenter r4:hits w4:hits
        ;= -
        ;= cpl 3
after_sysexit: mov eax, [data]          ;= r4:data
        ENDCASE
        CHECK dword [hits], 0x11
        int 0x41

on_finish:
        mov ax, DATA32
        mov ds, ax
        mov es, ax
        mov esp, STACK

        ; Virtual 8086 mode.
        ;= cpl 0
        CASE p32-iret-vm86, "iretd to virtual 8086 mode", transfer
        push dword VM_SEGMENT           ;= w4:top-4
        push dword VM_SEGMENT           ;= w4:top-8
        push dword VM_SEGMENT           ;= w4:top-12
        push dword VM_SEGMENT           ;= w4:top-16
        push dword VM_SEGMENT           ;= w4:top-20
        push dword VM_STACK             ;= w4:top-24
        push dword VM_FLAGS             ;= w4:top-28
        push dword VM_CODE              ;= w4:top-32
        push dword vm - $$ + 16         ;= w4:top-36
        iretd                           ;= r4:top-36 r4:top-32 r4:top-28 r4:top-24 r4:top-20 r4:top-16 r4:top-12 r4:top-8 r4:top-4
        ;= cpl 3
        [bits 16]
        ;= mode vm86
vm:     mov ax, [0x10]                  ;= r2:vm_data+0x10
        push ax                         ;= w2:vm_top-2
        pop bx                          ;= r2:vm_top-2
        ENDCASE
        ;= cpl 3
        CASE vm86-segments, "segment loads in virtual 8086 mode: no descriptors", descriptor
        push ds                         ;= w2:vm_top-2
        pop es                          ;= r2:vm_top-2
        mov ax, VM_SEGMENT + 0x10
        mov fs, ax
        mov [fs:0x20], ax               ;= w2:vm_data+0x120
        les di, [0x20]                  ;= r4:vm_data+0x20
        mov es, ax
        stosw                           ;= w2:vm_data+0x100
        ENDCASE
        CASE vm86-int, "int n in virtual 8086 mode: nine pushes; iretd back", event-delivery
v_int:  int 0x42
        ;= cpl 0
        ;= event 0x42 software at v_int: gate32_tss(0x42) 4{w4:top0-4-4*i} frame32_outer(top0-16)
        ;= on_vm_service r4:top0-36
        ;= v_ret r4:top0-36 r4:top0-32 r4:top0-28 r4:top0-24 r4:top0-20 r4:top0-16 r4:top0-12 r4:top0-8 r4:top0-4
        ;= cpl 3
        mov [0x30], ax                  ;= w2:vm_data+0x30
        ENDCASE
        int 0x43
        [bits 32]

on_vm_finish:
        mov ax, DATA32
        mov ds, ax
        mov es, ax
        mov esp, STACK
        CHECK word [vm_data + 0x120], VM_SEGMENT + 0x10
        CHECK word [vm_data + 0x30], (v_int - $$ + 16 + 2) & 0xffff
        PASS

        ; The other task.
other:  mov [data], eax
t_back: jmp TASK32:0
other_again: inc dword [data]
t_iret: iretd
t_third: inc dword [data]
t_iret2: iretd

on_service:
        inc dword [hits]
s_ret:  iretd
gate_target:
        mov edx, [esp + 8]
g_ret:  retf 8
on_sysenter:
        add dword [ss:hits], 0x10
        sysexit
on_vm_service:
        mov eax, [esp]
v_ret:  iretd

        align 8
hits:   dq 0
        bits 64
END_OF_GUEST
