; SPDX-License-Identifier: Apache-2.0
; CPL 3 and back: iretq, int, syscall, sysret, faults.  Compatibility mode and its 32-bit code.
%include "boot.inc"

data        equ DATA
missing     equ DATA + 0x15000
missing_entry equ PTE(missing)
user_stack  equ DATA + 0x80000
UCODE32     equ 0x18 | 3
top         equ STACK
top0        equ STACK0

main:
        GATE 0x40, on_service
        GATE 0x41, on_finish
        GATE 14, map_page
        mov ecx, 0xc0000081         ; STAR
        xor eax, eax
        mov edx, (UCODE32 << 16) | KCODE
        wrmsr
        inc ecx                     ; LSTAR
        mov eax, on_syscall
        xor edx, edx
        wrmsr
        mov ecx, 0xc0000084         ; SFMASK: IF off
        mov eax, 0x200
        wrmsr
        mov qword [missing_entry], 0
        invlpg [missing]
        FIX missing, missing + MAPPED

        CASE iret-to-user, "iretq from CPL 0 to 3", transfer
        push UDATA                      ;= w8:top-8
        push user_stack                 ;= w8:top-16
        push 2                          ;= w8:top-24
        push UCODE                      ;= w8:top-32
        push user                       ;= w8:top-40
        iretq                           ;= iret_user(top)
        ;= cpl 3
user:   mov [data], eax                 ;= w4:data
        push rax                        ;= w8:user_stack-8
        ENDCASE

        ;= cpl 3
        CASE int-from-user, "int n from CPL 3: the stack from the TSS", event-delivery
u_int:  int 0x40
        ;= cpl 0
        ;= event 0x40 software at u_int: gate_tss(0x40) frame(top0)
        ;= on_service r4:hits w4:hits
        ;= v_ret iret_user(top0)
        ;= cpl 3
        mov eax, [data]                 ;= r4:data
        ENDCASE
        CASE syscall, "syscall and sysret: no memory", transfer
        syscall
        ;= cpl 0
        ;= on_syscall r4:hits w4:hits
        ;= -
        ;= cpl 3
        mov eax, [data]                 ;= r4:data
        ENDCASE
        CASE fault-from-user, "page fault of a store at CPL 3", event-delivery
        ;= cpl 0
        ;= event 14 error 6 cr2 missing at u_flt: gate_tss(14) frame_error(top0)
        ;= run map_page_user(missing_entry, top0)
        ;= cpl 3
u_flt:  mov [missing], eax              ;= w4:missing
        pop rax                         ;= r8:user_stack-8
        ENDCASE
        CASE far-return, "far return to 32-bit code at CPL 3", transfer
        push UCODE32                    ;= w8:user_stack-8
        push user32                     ;= w8:user_stack-16
        retfq                           ;= r8:user_stack-16 r8:user_stack-8 r8:gdt+0x18
        bits 32
user32: mov eax, [data]                 ;= r4:data
        ENDCASE
        CASE compatibility-stack, "32-bit code: push, pop, inc, which are other things in 64-bit code", stack
        push eax                        ;= w4:user_stack-4
        inc dword [data]                ;= r4:data w4:data
        pop eax                         ;= r4:user_stack-4
        ENDCASE
        CASE far-jump, "far jump from 32-bit to 64-bit code", transfer
        jmp UCODE:user64                ;= r8:gdt+UCODE-3
        bits 64
user64: mov eax, [data]                 ;= r4:data
        ENDCASE
        int 0x41

on_finish:
        mov rsp, [rsp + 24]             ; the user's
        CHECK dword [hits], 0x11
        CHECK rsp, user_stack
        PASS

on_service:
        add dword [hits], 1
v_ret:  iretq

on_syscall:
        add dword [hits], 0x10
        o64 sysret

        align 8
hits:   dq 0
END_OF_GUEST
