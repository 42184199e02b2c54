; SPDX-License-Identifier: Apache-2.0
; Single accesses: every width, unaligned, over a page boundary, by the stack, read-modify-write.
%include "boot.inc"

data        equ DATA
; Two virtual pages in a row whose frames are not: the other way round, and apart.
low_page    equ DATA + 0x10000
high_page   equ DATA + 0x11000
low_frame   equ DATA + 0x31000
high_frame  equ DATA + 0x21000
top         equ STACK

main:
        mov qword [PTE(low_page)], low_frame + MAPPED
        mov qword [PTE(high_page)], high_frame + MAPPED
        mov rax, cr3
        mov cr3, rax
        mov rax, 0x1122334455667788
        mov [data + 0x40], rax
        mov qword [data + 0x48], 0x5566
        fninit

        CASE load, "integer loads of every width", load
ld1:    mov cl, [data + 0x40]           ;= r1:data+0x40
ld2:    mov cx, [data + 0x42]           ;= r2:data+0x42
ld4:    mov ecx, [data + 0x44]          ;= r4:data+0x44
ld8:    mov rcx, [data + 0x40]          ;= r8:data+0x40
        ENDCASE
        CHECK rcx, rax
        CASE load-extending, "movsx, movzx, movsxd", load
        movsx edx, byte [data + 0x41]   ;= r1:data+0x41
        movzx edx, word [data + 0x43]   ;= r2:data+0x43
        movsxd rdx, dword [data + 0x45] ;= r4:data+0x45
        ENDCASE
        CHECK rdx, 0x66112233
        CASE store, "integer stores of every width", store
        mov [data + 0x10], al           ;= w1:data+0x10
        mov [data + 0x12], ax           ;= w2:data+0x12
        mov [data + 0x14], eax          ;= w4:data+0x14
        mov [data + 0x18], rax          ;= w8:data+0x18
        ENDCASE
        CHECK dword [data + 0x14], eax
        CASE store-immediate, "mov m, imm", store
        mov dword [data + 0x20], 0x12345678 ;= w4:data+0x20
        mov qword [data + 0x28], -1     ;= w8:data+0x28
        ENDCASE
        CHECK qword [data + 0x28], -1
        CASE load-sse, "movdqu, movaps, paddd from memory", load
        movdqu xmm0, [data + 0x40]      ;= r16:data+0x40
        movdqu [data + 0x50], xmm0      ;= w16:data+0x50
        movaps xmm1, [data + 0x50]      ;= r16:data+0x50
        movaps [data + 0x60], xmm1      ;= w16:data+0x60
        paddd xmm1, [data + 0x60]       ;= r16:data+0x60
        ENDCASE
        CHECK qword [data + 0x58], 0x5566
        CHECK qword [data + 0x68], 0x5566
        CASE load-sse-scalar, "movq, movss", load
        movq xmm2, [data + 0x40]        ;= r8:data+0x40
        movq [data + 0x70], xmm2        ;= w8:data+0x70
        movss xmm3, [data + 0x40]       ;= r4:data+0x40
        movss [data + 0x78], xmm3       ;= w4:data+0x78
        ENDCASE
        CHECK word [data + 0x70], 0x7788
        CHECK dword [data + 0x78], eax
        CASE x87-real, "fld m32, fstp m64", x87
        fld dword [data + 0x44]         ;= r4:data+0x44
        fstp qword [data + 0x80]        ;= w8:data+0x80
        ENDCASE
        CASE compare, "bt, cmp, test: only loads", load
        bt dword [data + 0x40], 5       ;= r4:data+0x40
        cmp dword [data + 0x14], eax    ;= r4:data+0x14
        test byte [data + 0x10], 1      ;= r1:data+0x10
        ENDCASE
        CASE no-access, "lea, prefetch, long nop: an address and no access", no-access
        lea rcx, [data + 0x40]
        prefetcht0 [data]
        nop dword [data]
        ENDCASE
        CHECK rcx, data + 0x40

        CASE unaligned, "unaligned accesses within a page", load
        mov cx, [data + 0x41]           ;= r2:data+0x41
        mov [data + 0x93], eax          ;= w4:data+0x93
        mov rcx, [data + 0x91]          ;= r8:data+0x91
        movdqu [data + 0xa1], xmm0      ;= w16:data+0xa1
        mov rcx, [data + 0xfc]          ;= r8:data+0xfc         ; over a cache line
        ENDCASE
        CHECK qword [data + 0xa9], 0x5566

        ; Forms of addresses that people asked about.
        mov r12d, data
        mov dword [data + 4], 0xfeedf00d
        CASE cmp-base-offset, "cmp ecx, [r12 + 4]", load
        cmp ecx, [r12 + 4]              ;= r4:data+4
        ENDCASE
        mov r13d, data + 5
        CASE mov-r13, "mov r10b, [r13]", load
        mov r10b, [r13]                 ;= r1:data+5
        ENDCASE
        movzx ecx, r10b
        CHECK ecx, 0xf0
        mov eax, data - 0xf0000 + 0x30
        mov byte [data + 0x30], 0xff
        CASE store-far-offset, "mov byte [rax + 0xf0000], 0", store
        mov byte [rax + 0xf0000], 0     ;= w1:data+0x30
        ENDCASE
        CHECK byte [data + 0x30], 0
        mov edx, 0xf0001
        mov byte [data + 0x31], 0xff
        CASE store-base-index, "mov byte [rax + rdx], 0", store
        mov byte [rax + rdx], 0         ;= w1:data+0x31
        ENDCASE
        CHECK byte [data + 0x31], 0
        mov rax, [data + 0x40]

        mov rbx, high_page
        mov rdx, 0x8877665544332211
        CASE page-end, "up to the end of a page and from its beginning", page-cross
        mov [rbx - 8], rdx              ;= w8:high_page-8@low_frame+0xff8
        mov cl, [rbx]                   ;= r1:high_page@high_frame
        ENDCASE
        CASE page-cross, "2 to 16 bytes over a page boundary", page-cross
        mov [rbx - 1], dx               ;= w2:high_page-1@low_frame+0xfff,high_frame
        mov ecx, [rbx - 3]              ;= r4:high_page-3@low_frame+0xffd,high_frame
        mov [rbx - 4], rdx              ;= w8:high_page-4@low_frame+0xffc,high_frame
        mov rcx, [rbx - 4]              ;= r8:high_page-4@low_frame+0xffc,high_frame
        movdqu [rbx - 15], xmm0         ;= w16:high_page-15@low_frame+0xff1,high_frame
        ENDCASE
        CHECK rcx, rdx
        CHECK dword [low_frame + 0xff8], 0x00556611
        CHECK dword [high_frame], 0x88776600

        mov rsp, top
        mov rbp, top
        mov ecx, 0x1234
        CASE push-pop, "push and pop of registers, immediates, memory, flags", stack
        push rax                        ;= w8:top-8
        pop rcx                         ;= r8:top-8
        push 5                          ;= w8:top-8
        push ax                         ;= w2:top-10
        pop ax                          ;= r2:top-10
        push qword [data + 0x40]        ;= r8:data+0x40 w8:top-16
        pop qword [data + 0xb0]         ;= r8:top-16 w8:data+0xb0
        pop rcx                         ;= r8:top-8
        pushfq                          ;= w8:top-8
        popfq                           ;= r8:top-8
        ENDCASE
        CHECK rcx, 5
        CHECK [data + 0xb0], rax
        mov qword [data + 0xc0], 0
        CASE call-ret, "call direct, by register and by memory; ret", stack
        call called                     ;= w8:top-8
        ;= run called()
        call rdi                        ;= w8:top-8
        ;= run called()
        call [data + 0xc8]              ;= r8:data+0xc8 w8:top-8
        ;= run called()
        ENDCASE
        CHECK qword [data + 0xc0], 3
        CASE enter-leave, "enter and leave, with and without nesting", stack
        enter 16, 0                     ;= w8:top-8
        leave                           ;= r8:top-8
        enter 16, 2                     ;= w8:top-8 r8:top-8 w8:top-16 w8:top-24
        leave                           ;= r8:top-8
        ENDCASE
        CHECK rsp, top
        jmp stack_done

        ;= sequence called()
called: inc qword [data + 0xc0]         ;= r8:data+0xc0 w8:data+0xc0
        lea rdi, [called]
        mov [data + 0xc8], rdi          ;= w8:data+0xc8
        ret                             ;= r8:top-8
        ;= endsequence
stack_done:

        mov dword [data + 0x100], 7
        mov ecx, 3
        CASE rmw, "add, adc, sub, inc, not, neg, shl on memory", rmw
        add [data + 0x100], ecx         ;= r4:data+0x100 w4:data+0x100
        adc qword [data + 0x100], 1     ;= r8:data+0x100 w8:data+0x100
        sub byte [data + 0x100], 1      ;= r1:data+0x100 w1:data+0x100
        inc word [data + 0x100]         ;= r2:data+0x100 w2:data+0x100
        not dword [data + 0x100]        ;= r4:data+0x100 w4:data+0x100
        neg qword [data + 0x100]        ;= r8:data+0x100 w8:data+0x100
        shl dword [data + 0x100], 1     ;= r4:data+0x100 w4:data+0x100
        ENDCASE
        mov qword [data + 0x110], 0x77
        mov dword [data + 0x108], 0x22
        CASE rmw-exchange, "bts, xadd, xchg on memory", rmw
        bts dword [data + 0x104], 3     ;= r4:data+0x104 w4:data+0x104
        xadd [data + 0x108], ecx        ;= r4:data+0x108 w4:data+0x108
        xchg [data + 0x110], rcx        ;= r8:data+0x110 w8:data+0x110
        ENDCASE
        CHECK ecx, 0x77
        CHECK dword [data + 0x108], 0x25
        CHECK qword [data + 0x110], 0x22
        CASE setcc, "setcc m8: only a store", store
        setc [data + 0x118]             ;= w1:data+0x118
        ENDCASE
        CASE rmw-cross, "add over a page boundary", page-cross
        add [rbx - 2], ecx              ;= r4:high_page-2@low_frame+0xffe,high_frame w4:high_page-2@low_frame+0xffe,high_frame
        ENDCASE

        mov dword [data + 0x120], 5
        mov eax, 5
        mov ebp, 9
        CASE cmpxchg-hit, "cmpxchg that hits", cmpxchg
        cmpxchg [data + 0x120], ebp     ;= r4:data+0x120 w4:data+0x120
        ENDCASE
        CHECK dword [data + 0x120], 9
        mov eax, 4
        CASE cmpxchg-miss, "cmpxchg that misses: the old value is written back", cmpxchg
        cmpxchg [data + 0x120], ebx     ;= r4:data+0x120 w4:data+0x120
        ENDCASE
        CHECK eax, 9
        CHECK dword [data + 0x120], 9

        xor eax, eax
        xor edx, edx
        mov [data + 0x130], rax
        mov ebx, 1
        mov ecx, 2
        CASE cmpxchg8b-hit, "cmpxchg8b that hits", cmpxchg
        cmpxchg8b [data + 0x130]        ;= r8:data+0x130 w8:data+0x130
        ENDCASE
        CASE cmpxchg8b-miss, "cmpxchg8b that misses", cmpxchg
        cmpxchg8b [data + 0x130]        ;= r8:data+0x130 w8:data+0x130
        ENDCASE
        CHECK edx, 2

        xor eax, eax
        xor edx, edx
        mov [data + 0x140], rax
        mov [data + 0x148], rax
        CASE cmpxchg16b-hit, "cmpxchg16b that hits", cmpxchg
        cmpxchg16b [data + 0x140]       ;= r16:data+0x140 w16:data+0x140
        ENDCASE
        CASE cmpxchg16b-miss, "cmpxchg16b that misses", cmpxchg
        cmpxchg16b [data + 0x140]       ;= r16:data+0x140 w16:data+0x140
        ENDCASE
        CHECK rdx, 2
        PASS

END_OF_GUEST
