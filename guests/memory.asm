; SPDX-License-Identifier: Apache-2.0
; Where memory can be: over a page boundary with every width, above 4 GiB, in ROM, where nothing is, under a
; device that a store to another device moves; and every way to write an address in 64-bit code.
;@ run machine=q35,max-ram-below-4g=64M memory=128
%include "boot.inc"

data        equ DATA
; Two virtual pages in a row whose frames are not.
low_page    equ DATA + 0x10000
high_page   equ DATA + 0x11000
low_frame   equ DATA + 0x31000
high_frame  equ DATA + 0x21000
far_pd      equ 0x230000                ; for 4 GiB to 5 GiB, of which 64 MiB are RAM
above         equ 0x100000000
rom_word    equ 0xffff8                 ; in the reset vector's page; no code is there
nothing     equ 0xd0000000              ; no RAM and no device
PCI_CONFIG  equ 0xcf8
mmconfig    equ 0xb0000000              ; PCI configuration as memory, once it is on
pam         equ mmconfig + 0x90         ; of the host bridge: whether 0xf0000 is ROM or RAM
shadow      equ 0xf8000
fs_base     equ DATA + 0x2000

main:
        mov qword [PTE(low_page)], low_frame + MAPPED
        mov qword [PTE(high_page)], high_frame + MAPPED
        mov edi, far_pd
        mov ecx, 512
        xor eax, eax
        rep stosq
        mov rax, above + 0x80 + MAPPED
        mov [far_pd], rax
        mov qword [TABLES + 0x1020], far_pd + MAPPED
        mov rax, cr3
        mov cr3, rax
        mov rax, 0x1122334455667788
        movq xmm0, rax
        pshufd xmm0, xmm0, 0x44
        mov ebx, high_page

        CASE cross-store-2, "store of 2 bytes over a page boundary", page-cross
        mov [rbx - 1], ax               ;= w2:high_page-1@low_frame+0xfff,high_frame
        ENDCASE
        xor ecx, ecx
        CASE cross-load-2, "load of 2 bytes over a page boundary", page-cross
        mov cx, [rbx - 1]               ;= r2:high_page-1@low_frame+0xfff,high_frame
        ENDCASE
        CHECK cx, ax
        CASE cross-rmw-2, "read-modify-write of 2 bytes over a page boundary", page-cross
        not word [rbx - 1]              ;= r2:high_page-1@low_frame+0xfff,high_frame w2:high_page-1@low_frame+0xfff,high_frame
        ENDCASE
        not cx
        CHECK [rbx - 1], cx

        CASE cross-store-4, "store of 4 bytes over a page boundary", page-cross
        mov [rbx - 2], eax              ;= w4:high_page-2@low_frame+0xffe,high_frame
        ENDCASE
        xor ecx, ecx
        CASE cross-load-4, "load of 4 bytes over a page boundary", page-cross
        mov ecx, [rbx - 2]              ;= r4:high_page-2@low_frame+0xffe,high_frame
        ENDCASE
        CHECK ecx, eax
        CASE cross-rmw-4, "read-modify-write of 4 bytes over a page boundary", page-cross
        not dword [rbx - 2]             ;= r4:high_page-2@low_frame+0xffe,high_frame w4:high_page-2@low_frame+0xffe,high_frame
        ENDCASE
        not ecx
        CHECK [rbx - 2], ecx

        CASE cross-store-8, "store of 8 bytes over a page boundary", page-cross
        mov [rbx - 4], rax              ;= w8:high_page-4@low_frame+0xffc,high_frame
        ENDCASE
        xor ecx, ecx
        CASE cross-load-8, "load of 8 bytes over a page boundary", page-cross
        mov rcx, [rbx - 4]              ;= r8:high_page-4@low_frame+0xffc,high_frame
        ENDCASE
        CHECK rcx, rax
        CASE cross-rmw-8, "read-modify-write of 8 bytes over a page boundary", page-cross
        not qword [rbx - 4]             ;= r8:high_page-4@low_frame+0xffc,high_frame w8:high_page-4@low_frame+0xffc,high_frame
        ENDCASE
        not rcx
        CHECK [rbx - 4], rcx

        CASE cross-store-16, "store of 16 bytes over a page boundary", page-cross
        movdqu [rbx - 5], xmm0          ;= w16:high_page-5@low_frame+0xffb,high_frame
        ENDCASE
        CASE cross-load-16, "load of 16 bytes over a page boundary", page-cross
        movdqu xmm1, [rbx - 5]          ;= r16:high_page-5@low_frame+0xffb,high_frame
        ENDCASE
        pcmpeqb xmm1, xmm0
        pmovmskb ecx, xmm1
        CHECK ecx, 0xffff
        CHECK dword [low_frame + 0xffb], eax
        CASE cross-push, "push and pop over a page boundary", page-cross
        lea rsp, [rbx + 4]
        push rax                        ;= w8:high_page-4@low_frame+0xffc,high_frame
        pop rcx                         ;= r8:high_page-4@low_frame+0xffc,high_frame
        mov esp, STACK
        ENDCASE
        CHECK rcx, rax
        CASE cross-call, "call and ret with the stack over a page boundary", page-cross
        lea rsp, [rbx + 4]
        call only_ret                   ;= w8:high_page-4@low_frame+0xffc,high_frame
                                        ;= only_ret r8:high_page-4@low_frame+0xffc,high_frame
        mov esp, STACK
        ENDCASE

        mov rbp, above
        CASE far-store, "store above 4 GiB", store
        mov [rbp + 0x5008], rax         ;= w8:above+0x5008
        ENDCASE
        CASE far-load, "load above 4 GiB", load
        mov rcx, [rbp + 0x5008]         ;= r8:above+0x5008
        ENDCASE
        CHECK rcx, rax
        CASE far-rmw, "read-modify-write above 4 GiB", rmw
        add dword [rbp + 0x5008], 1     ;= r4:above+0x5008 w4:above+0x5008
        ENDCASE
        CHECK dword [rbp + 0x5008], 0x55667789

        mov ecx, [rom_word]
        CASE rom-load, "load from ROM", load
        mov edx, [rom_word]             ;= r4:rom_word
        ENDCASE
        CHECK edx, ecx
        CASE rom-store, "store to ROM, which changes nothing", store
        mov [rom_word], eax             ;= w4:rom_word
        ENDCASE
        CHECK [rom_word], ecx
        CASE rom-rmw, "read-modify-write of ROM", rmw
        inc dword [rom_word]            ;= r4:rom_word w4:rom_word
        ENDCASE
        CHECK [rom_word], ecx
        mov edi, nothing
        CASE nothing-load, "load from where nothing is", device
        mov ecx, [rdi]                  ;= r4:nothing!device
        ENDCASE
        CASE nothing-store, "store to where nothing is", device
        mov [rdi], eax                  ;= w4:nothing!device
        ENDCASE

        ; PCIEXBAR of the host bridge: MMCONFIG on, 256 MiB.
        mov edx, PCI_CONFIG
        mov eax, 0x80000064
        out dx, eax
        xor eax, eax
        add edx, 4
        out dx, eax
        sub edx, 4
        mov eax, 0x80000060
        out dx, eax
        mov eax, mmconfig + 1
        add edx, 4
        out dx, eax
        mov edi, pam
        mov eax, 0x600df00d
        CASE remap-by-device, "a store to a device makes RAM of ROM, in the middle of a block", device
        mov ecx, [shadow]               ;= r4:shadow
        mov byte [rdi], 0x30            ;= w1:pam!device
        mov [shadow], eax               ;= w4:shadow
        mov ecx, [shadow]               ;= r4:shadow
        ENDCASE
        CHECK ecx, eax
        mov byte [rdi], 0x10            ; loads from RAM, stores nowhere
        not eax
        CASE protected-store, "a store to RAM that the chipset protects changes nothing", store
        mov [shadow], eax               ;= w4:shadow
        mov ecx, [shadow]               ;= r4:shadow
        ENDCASE
        not eax
        CHECK ecx, eax
        CASE remap-back, "... and ROM of it again", device
        mov byte [rdi], 0               ;= w1:pam!device
        mov ecx, [shadow]               ;= r4:shadow
        ENDCASE
        sub ecx, eax
        setne cl
        CHECK cl, 1

        ; Addresses.
        mov dword [fs_base + 0x10], 0xf5f5
        mov dword [data + 0x80], 0x8080
        mov ecx, 0xc0000100             ; FS.base
        mov eax, fs_base
        xor edx, edx
        wrmsr
        inc ecx                         ; GS.base
        wrmsr
        CASE address-fs, "FS and GS with their bases", address
        mov eax, [fs:0x10]              ;= r4:fs_base+0x10
        mov [gs:0x18], eax              ;= w4:fs_base+0x18
        ENDCASE
        CHECK dword [fs_base + 0x18], 0xf5f5
        CASE address-rip, "relative to RIP", address
        mov eax, [rel near_word]        ;= r4:near_word
        ENDCASE
        CHECK eax, 0x4ea7
        CASE address-absolute, "mov rax, moffs64", address
        mov eax, [qword data + 0x80]    ;= r4:data+0x80
        ENDCASE
        CHECK eax, 0x8080
        mov r14d, data
        mov r15d, 0x10
        CASE address-scaled, "base, index, scale and displacement", address
        mov ecx, [r14 + r15 * 8]        ;= r4:data+0x80
        mov edx, [r14 + r15 * 4 + 0x40] ;= r4:data+0x80
        mov esi, [r15 * 8 + data]       ;= r4:data+0x80
        mov r8d, [r14 + r15 * 2 + 0x60] ;= r4:data+0x80
        ENDCASE
        add ecx, edx
        add ecx, esi
        add ecx, r8d
        CHECK ecx, 4 * 0x8080
        lea r13, [data + 0x100]
        mov rdx, -0x80
        CASE address-negative, "negative displacement and index", address
        mov ecx, [r13 - 0x80]           ;= r4:data+0x80
        add ecx, [r13 + rdx]            ;= r4:data+0x80
        ENDCASE
        CHECK ecx, 2 * 0x8080
        mov rdx, 0xffffffff00000000 + data
        CASE address-32, "32-bit addresses in 64-bit code", address
        mov ecx, [edx + 0x80]           ;= r4:data+0x80
        ENDCASE
        CHECK ecx, 0x8080

        ; Bit tests with a register reach beyond their operand.
        mov ecx, 1000
        mov dword [data + 124], 0
        CASE bt-register, "bt, bts with a register: the word that holds the bit", rmw
        bt [data], ecx                  ;= r4:data+124
        bts [data], ecx                 ;= r4:data+124 w4:data+124
        ENDCASE
        CHECK dword [data + 124], 0x100
        mov rcx, -1
        CASE bt-negative, "btc with a negative register: below the operand", rmw
        btc [data + 0x90], rcx          ;= r8:data+0x88 w8:data+0x88
        ENDCASE
        CHECK byte [data + 0x8f], 0x80

        ; Other instructions with a memory operand.
        mov dword [data + 0x100], 6
        mov dword [data + 0x104], 0
        mov eax, 7
        CASE multiply, "mul, imul, div: a load", load
        mul dword [data + 0x100]        ;= r4:data+0x100
        imul ecx, [data + 0x100], 3     ;= r4:data+0x100
        div dword [data + 0x100]        ;= r4:data+0x100
        ENDCASE
        CHECK eax, 7
        CHECK ecx, 18
        xor eax, eax                    ; ZF
        CASE cmov, "cmovcc loads whether it moves or not", load
        cmovne ecx, [data + 0x100]      ;= r4:data+0x100
        cmove edx, [data + 0x100]       ;= r4:data+0x100
        ENDCASE
        CHECK ecx, 18
        CHECK edx, 6
        CASE bit-scan, "bsf, bsr, popcnt", load
        bsf ecx, [data + 0x100]         ;= r4:data+0x100
        bsr edx, [data + 0x100]         ;= r4:data+0x100
        popcnt esi, [data + 0x100]      ;= r4:data+0x100
        ENDCASE
        CHECK ecx, 1
        CHECK edx, 2
        CHECK esi, 2
        mov ebx, data + 0x100
        xor eax, eax
        CASE xlat, "xlatb", load
        xlatb                           ;= r1:data+0x100
        ENDCASE
        CHECK al, 6
        mov rax, 0x1122334455667788
        CASE store-nontemporal, "movnti, movntdq", store
        movnti [data + 0x110], rax      ;= w8:data+0x110
        movntdq [data + 0x120], xmm0    ;= w16:data+0x120
        ENDCASE
        CHECK [data + 0x110], rax
        CHECK [data + 0x128], rax
        CASE sse-parts, "movhps, movlps, movd, cvtsi2sd, pinsrw", load
        movhps xmm1, [data + 0x110]     ;= r8:data+0x110
        movlps [data + 0x130], xmm1     ;= w8:data+0x130
        movd xmm2, [data + 0x100]       ;= r4:data+0x100
        cvtsi2sd xmm3, dword [data + 0x100] ;= r4:data+0x100
        pinsrw xmm2, [data + 0x110], 3  ;= r2:data+0x110
        movhpd [data + 0x138], xmm1     ;= w8:data+0x138
        ENDCASE
        CHECK [data + 0x138], rax
        NEEDS "MOVBE", 1, ecx, 22
        CASE movbe, "movbe: load and store", load
        movbe ecx, [data + 0x110]       ;= r4:data+0x110
        movbe [data + 0x140], ecx       ;= w4:data+0x140
        ENDCASE
        CHECK ecx, 0x88776655
        CHECK dword [data + 0x140], 0x55667788
        ENDNEEDS
        NEEDS "SSE4.2", 1, ecx, 20
        CASE crc32, "crc32 m32", load
        crc32 ecx, dword [data + 0x110] ;= r4:data+0x110
        ENDCASE
        ENDNEEDS
        NEEDS "AVX512F", 7, ebx, 16
        CASE avx512, "vmovdqu64 of 64 bytes", vector
        vmovdqu64 zmm0, [data + 0x100]  ;= r64:data+0x100
        ENDCASE
        ENDNEEDS

        ; x87.
        fninit
        mov word [data + 0x150], 3
        mov dword [data + 0x154], 5
        CASE x87-integer, "fild and fistp of 2, 4 and 8 bytes", x87
        fild word [data + 0x150]        ;= r2:data+0x150
        fild dword [data + 0x154]       ;= r4:data+0x154
        fistp qword [data + 0x158]      ;= w8:data+0x158
        fist word [data + 0x160]        ;= w2:data+0x160
        fistp dword [data + 0x164]      ;= w4:data+0x164
        ENDCASE
        CHECK qword [data + 0x158], 5
        CHECK word [data + 0x160], 3
        CHECK dword [data + 0x164], 3
        fld1
        CASE x87-extended, "fstp and fld of 10 bytes", x87
        fstp tword [data + 0x170]       ;= w10:data+0x170
        fld tword [data + 0x170]        ;= r10:data+0x170
        ENDCASE
        CHECK word [data + 0x178], 0x3fff
        CASE x87-decimal, "fbstp and fbld: ten bytes in an order of QEMU's own", x87
        fbstp [data + 0x180]            ;= unordered w10:data+0x180
        fbld [data + 0x180]             ;= unordered r10:data+0x180
        ENDCASE
        CHECK byte [data + 0x180], 1
        CASE x87-arithmetic, "fadd m32, fiadd m16, fcom m64", x87
        fadd dword [data + 0x154]       ;= r4:data+0x154
        fiadd word [data + 0x150]       ;= r2:data+0x150
        fcom qword [data + 0x158]       ;= r8:data+0x158
        ENDCASE
        CASE x87-control, "fnstcw, fldcw, fnstsw m16", x87
        fnstcw [data + 0x190]           ;= w2:data+0x190
        fldcw [data + 0x190]            ;= r2:data+0x190
        fnstsw [data + 0x192]           ;= w2:data+0x192
        ENDCASE
        CHECK word [data + 0x190], 0x37f
        CASE mxcsr, "stmxcsr, ldmxcsr", state
        stmxcsr [data + 0x194]          ;= w4:data+0x194
        ldmxcsr [data + 0x194]          ;= r4:data+0x194
        ENDCASE
        CHECK dword [data + 0x194], 0x1f80
        CASE no-access-others, "prefetch, clflush, invlpg: no access", no-access
        prefetchnta [data]
        prefetchw [data]
        clflush [data]
        invlpg [data]
        ENDCASE
        PASS

only_ret: ret
        align 8
near_word: dq 0x4ea7
END_OF_GUEST
