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

        MARK 0
first:  push UDATA
second: push user_stack
third:  push 2
fourth: push UCODE
p_last: push user
p_iret: iretq

user:   mov [data], eax
u_push: push rax
u_int:  int 0x40
u_two:  mov eax, [data]
u_sys:  syscall
u_tri:  mov eax, [data]
u_flt:  mov [missing], eax
u_pop:  pop rax
        ; 32-bit code, by a far return
u_ss:   push UCODE32
u_eip:  push user32
u_far:  retfq
        bits 32
user32: mov eax, [data]
c_push: push eax
c_inc:  inc dword [data]            ; a REX prefix in 64-bit code
c_pop:  pop eax
c_far:  jmp UCODE:user64
        bits 64
user64: int 0x41

on_finish:
        mov rsp, [rsp + 24]         ; the user's
        MARK 1
        CHECK dword [hits], 0x11
        CHECK rsp, user_stack
        PASS

on_service:
        add dword [hits], 1
v_ret:  iretq

on_syscall:
        add dword [hits], 0x10
y_ret:  o64 sysret

        align 8
hits:   dq 0
END_OF_GUEST
