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
        mov qword [PTE(low_page)], low_frame + 7
        mov qword [PTE(high_page)], high_frame + 7
        mov rax, cr3
        mov cr3, rax
        mov rax, 0x1122334455667788
        mov [data + 0x40], rax
        mov qword [data + 0x48], 0x5566
        fninit

        MARK 0
ld1:    mov cl, [data + 0x40]
ld2:    mov cx, [data + 0x42]
ld4:    mov ecx, [data + 0x44]
ld8:    mov rcx, [data + 0x40]
ldsx:   movsx edx, byte [data + 0x41]
ldzx:   movzx edx, word [data + 0x43]
ldsxd:  movsxd rdx, dword [data + 0x45]
to1:    mov [data + 0x10], al
to2:    mov [data + 0x12], ax
to4:    mov [data + 0x14], eax
to8:    mov [data + 0x18], rax
toi4:   mov dword [data + 0x20], 0x12345678
toi8:   mov qword [data + 0x28], -1
ld16:   movdqu xmm0, [data + 0x40]
to16:   movdqu [data + 0x50], xmm0
lda16:  movaps xmm1, [data + 0x50]
toa16:  movaps [data + 0x60], xmm1
alu16:  paddd xmm1, [data + 0x60]
ldq:    movq xmm2, [data + 0x40]
toq:    movq [data + 0x70], xmm2
ldss:   movss xmm3, [data + 0x40]
toss:   movss [data + 0x78], xmm3
fld4:   fld dword [data + 0x44]
fst8:   fstp qword [data + 0x80]
bt4:    bt dword [data + 0x40], 5
cmp4:   cmp dword [data + 0x14], eax
test1:  test byte [data + 0x10], 1
prefet: prefetcht0 [data]
lea8:   lea rcx, [data + 0x40]
        MARK 1
        CHECK dword [data + 0x14], eax
        CHECK qword [data + 0x58], 0x5566
        CHECK word [data + 0x70], 0x7788

        MARK 2
un2:    mov cx, [data + 0x41]
un4:    mov [data + 0x93], eax
un8:    mov rcx, [data + 0x91]
un16:   movdqu [data + 0xa1], xmm0
line8:  mov rcx, [data + 0xfc]
        MARK 3

        mov rbx, high_page
        mov rdx, 0x8877665544332211
        MARK 4
edge8:  mov [rbx - 8], rdx          ; the last bytes of a page: not over the boundary
over2:  mov [rbx - 1], dx
over4:  mov ecx, [rbx - 3]
over8:  mov [rbx - 4], rdx
load8:  mov rcx, [rbx - 4]
over16: movdqu [rbx - 15], xmm0
next1:  mov cl, [rbx]
        MARK 5
        CHECK dword [low_frame + 0xff8], 0x00556611
        CHECK dword [high_frame], 0x88776600
        mov rsp, top
        mov rbp, top
        mov ecx, 0x1234

        MARK 6
push8:  push rax
pop8:   pop rcx
pushi:  push 5
push2:  push ax
pop2:   pop ax
pushm:  push qword [data + 0x40]
popm:   pop qword [data + 0xb0]
popi:   pop rcx
calld:  call called
callr:  call rdi
callm:  call [data + 0xc8]
pushf:  pushfq
popf:   popfq
enter0: enter 16, 0
leave0: leave
enter2: enter 16, 2
leave2: leave
        MARK 7
        CHECK rcx, 5
        CHECK qword [data + 0xc0], 3
        CHECK rsp, top
        jmp stack_done

called: inc qword [data + 0xc0]
        lea rdi, [called]
keep8:  mov [data + 0xc8], rdi
ret0:   ret
stack_done:

        mov dword [data + 0x100], 7
        mov ecx, 3
        MARK 8
add4:   add [data + 0x100], ecx
adc8:   adc qword [data + 0x100], 1
sub1:   sub byte [data + 0x100], 1
inc2:   inc word [data + 0x100]
not4:   not dword [data + 0x100]
neg8:   neg qword [data + 0x100]
shl4:   shl dword [data + 0x100], 1
bts4:   bts dword [data + 0x104], 3
xadd4:  xadd [data + 0x108], ecx
xchg8:  xchg [data + 0x110], rcx    ; locked by itself
setc:   setc [data + 0x118]
over:   add [rbx - 2], ecx          ; over the page boundary
        MARK 9
        CHECK qword [data + 0x110], 0

        mov dword [data + 0x120], 5
        mov eax, 5
        mov ebp, 9
        MARK 10
cx_hit: cmpxchg [data + 0x120], ebp     ; 5 -> 9
cx_mis: cmpxchg [data + 0x120], eax     ; eax = 9
        mov eax, 4
cx_mi2: cmpxchg [data + 0x120], ebx
        MARK 11
        CHECK eax, 9

        xor eax, eax
        xor edx, edx
        mov [data + 0x130], rax
        mov ebx, 1
        mov ecx, 2
        MARK 12
c8_hit: cmpxchg8b [data + 0x130]        ; 0 -> 2:1
c8_mis: cmpxchg8b [data + 0x130]        ; edx:eax = 2:1
        MARK 13
        CHECK edx, 2

        xor eax, eax
        xor edx, edx
        mov [data + 0x140], rax
        mov [data + 0x148], rax
        MARK 14
c6_hit: cmpxchg16b [data + 0x140]       ; 0 -> 2:1
c6_mis: cmpxchg16b [data + 0x140]
        MARK 15
        CHECK rdx, 2

        mov dword [data + 0x160], 5
        mov eax, 5
        mov ebp, 9
        mov rbx, high_page
        MARK 16
k_add:  lock add dword [data + 0x164], 1
k_inc:  lock inc word [data + 0x168]
k_xadd: lock xadd [data + 0x16c], ecx
k_bts:  lock bts dword [data + 0x170], 3
k_not:  lock not byte [data + 0x174]
k_neg:  lock neg dword [data + 0x178]
k_chit: lock cmpxchg [data + 0x160], ebp
k_cmis: lock cmpxchg [data + 0x160], edi
        xor eax, eax
        xor edx, edx
k_8hit: lock cmpxchg8b [data + 0x180]
        not eax
k_8mis: lock cmpxchg8b [data + 0x180]
        xor eax, eax
        xor edx, edx
k_6hit: lock cmpxchg16b [data + 0x190]
        not eax
k_6mis: lock cmpxchg16b [data + 0x190]
k_over: lock add dword [rbx - 2], 1
        MARK 17
        CHECK dword [data + 0x160], 9
        CHECK dword [data + 0x180], high_page
        CHECK dword [data + 0x190], high_page
        PASS

END_OF_GUEST
