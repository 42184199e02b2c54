; SPDX-License-Identifier: Apache-2.0
; One page at several addresses, and one address with several pages after another.
%include "boot.inc"

data        equ DATA
; Code: the frame of `shared` at two more addresses.
alias_a     equ DATA + 0x20000
alias_b     equ DATA + 0x25000
; Data: one frame at two addresses, another after it at one.
twin_a      equ DATA + 0x30000
twin_b      equ DATA + 0x33000
twin_frame  equ DATA + 0x40000
; An address that moves from frame to frame.
moving      equ DATA + 0x50000
frame_1     equ DATA + 0x61000
frame_2     equ DATA + 0x72000
frame_3     equ DATA + 0x83000
moving_entry equ PTE(moving)
; A second address space: `moving` is elsewhere in it.
OTHER       equ 0x220000
other_pdpt  equ 0x221000
other_pd    equ 0x222000
other_pt    equ 0x223000
top         equ STACK
; The page table entry of `moving` becomes this; one instruction.
%macro MOVE_TO 1
        mov qword [moving_entry], %1
%endmacro

main:
        mov qword [PTE(alias_a)], shared + MAPPED
        mov qword [PTE(alias_b)], shared + MAPPED
        mov qword [PTE(twin_a)], twin_frame + MAPPED
        mov qword [PTE(twin_b)], twin_frame + MAPPED
        MOVE_TO frame_1 + MAPPED
        ; The second address space is a copy of the first, down to the page table of DATA.
        mov esi, TABLES
        mov edi, OTHER
        mov ecx, 0x3000 / 8
        rep movsq
        mov dword [OTHER], other_pdpt + MAPPED
        mov dword [other_pdpt], other_pd + MAPPED
        mov dword [other_pd + (DATA >> 21) * 8], other_pt + MAPPED
        mov esi, PT
        mov edi, other_pt
        mov ecx, 512
        rep movsq
        mov qword [other_pt + moving_entry - PT], frame_3 + MAPPED
        mov rax, cr3
        mov cr3, rax

        mov ebx, shared
        mov esi, alias_a
        mov edi, alias_b
        mov edx, alias_a
        CASE alias-code, "one page of code at three addresses: pc is where it runs", mapping
        call rbx                        ;= w8:top-8
        ;= run shared(0)
        call rsi                        ;= w8:top-8
        ;= run shared(alias_a-shared)
        call rdi                        ;= w8:top-8
        ;= run shared(alias_b-shared)
        call rsi                        ;= w8:top-8
        ;= run shared(alias_a-shared)
        call rbx                        ;= w8:top-8
        ;= run shared(0)
        ENDCASE
        CHECK dword [data + 4], 5

        mov ecx, 300
        CASE alias-code-hot, "... many times, when QEMU goes from block to block by itself", mapping
        ;= repeat 300
h_1:    call rbx                        ;= w8:top-8
        ;= run shared(0)
        call rsi                        ;= w8:top-8
        ;= run shared(alias_a-shared)
        call rdi                        ;= w8:top-8
        ;= run shared(alias_b-shared)
        dec ecx
        jnz h_1
        ;= endrepeat
        ENDCASE
        CHECK dword [data + 4], 905

        mov eax, 0x12345678
        CASE alias-data, "one page of data at two addresses", mapping
        mov [twin_a + 8], eax           ;= w4:twin_a+8@twin_frame+8
        mov ecx, [twin_b + 8]           ;= r4:twin_b+8@twin_frame+8
        add [twin_b + 0x10], ecx        ;= r4:twin_b+0x10@twin_frame+0x10 w4:twin_b+0x10@twin_frame+0x10
        mov edx, [twin_a + 0x10]        ;= r4:twin_a+0x10@twin_frame+0x10
        mov edx, [twin_frame + 0x10]    ;= r4:twin_frame+0x10
        ENDCASE
        CHECK edx, 0x12345678

        mov rdx, cr3
        CASE remap-invlpg, "a page moves: invlpg", mapping
        mov [moving], eax               ;= w4:moving@frame_1
        MOVE_TO frame_2 + MAPPED        ;= w8:moving_entry
        invlpg [moving]
        mov [moving + 4], eax           ;= w4:moving+4@frame_2+4
        ENDCASE
        CASE remap-cr3, "a page moves: mov cr3", mapping
        MOVE_TO frame_3 + MAPPED        ;= w8:moving_entry
        mov cr3, rdx
        mov [moving + 8], eax           ;= w4:moving+8@frame_3+8
        ENDCASE
        CASE remap-global, "a global page moves: a change of CR4.PGE, but not mov cr3", mapping
        MOVE_TO frame_1 + 0x100 + MAPPED ;= w8:moving_entry    ; global, once CR4.PGE is on
        invlpg [moving]
        mov rcx, cr4
        or ecx, 0x80
        mov cr4, rcx
        mov [moving + 12], eax          ;= w4:moving+12@frame_1+12
        MOVE_TO frame_2 + MAPPED        ;= w8:moving_entry
        mov cr3, rdx                    ; does not drop what is global
        and ecx, ~0x80
        mov cr4, rcx                    ; does
        mov [moving + 16], eax          ;= w4:moving+16@frame_2+16
        ENDCASE
        CHECK dword [frame_1], eax
        CHECK dword [frame_2 + 4], eax
        CHECK dword [frame_3 + 8], eax
        CHECK dword [frame_1 + 12], eax
        CHECK dword [frame_2 + 16], eax

        mov ecx, 4
        mov esi, frame_1 + MAPPED
        CASE remap-loop, "a loop that moves its page each time", mapping
        call move_and_add               ;= w8:top-8
        ;= run move_and_add(frame_1)
        ;= run move_and_add(frame_2)
        ;= run move_and_add(frame_1)
        ;= run move_and_add(frame_2)
        ;= moved r8:top-8
        ENDCASE

        ; Not invalidated: what is used is what the TLB holds (SDM 3A 4.10.4.3), and memory tells what that is.
        MOVE_TO frame_1 + MAPPED
        mov rax, cr3
        mov cr3, rax
        mov dword [frame_1 + 0x30], 0x11
        mov dword [frame_2 + 0x30], 0x22
        mov esi, moving
        mov ecx, [rsi]
        CASE moved-kept, "a page moves and is not invalidated: the TLB still has it", mapping
        MOVE_TO frame_2 + MAPPED        ;= w8:moving_entry
        mov ecx, [rsi + 0x30]           ;= r4:moving+0x30@frame_1+0x30
        ENDCASE
        CHECK ecx, 0x11
        mov ecx, 200
.other_pages:
        mov ebx, ecx
        shl ebx, 20                     ; all in one place of QEMU's TLB
        test ecx, 7                     ; ... and none in its place among those that the recorder knows
        jz .next
        mov edi, [rsi + rbx]
.next:  loop .other_pages
        CASE moved-lost, "... until it needs the place for another page", mapping
        mov ecx, [rsi + 0x30]           ;= r4:moving+0x30@frame_2+0x30
        mov [rsi + 0x34], ecx           ;= w4:moving+0x34@frame_2+0x34
        ENDCASE
        CHECK ecx, 0x22
        CHECK dword [frame_2 + 0x34], 0x22
        mov rdx, cr3
        mov eax, 0x12345678

        MOVE_TO frame_1 + MAPPED
        invlpg [moving]
        mov ebx, OTHER
        CASE address-spaces, "one address in two address spaces", mapping
        mov [moving + 0x40], eax        ;= w4:moving+0x40@frame_1+0x40
        mov cr3, rbx
        ;= cr3 OTHER
        mov [moving + 0x40], eax        ;= w4:moving+0x40@frame_3+0x40
        mov ecx, [data]                 ;= r4:data
        mov cr3, rdx
        ;= cr3 TABLES
        mov ecx, [moving + 0x40]        ;= r4:moving+0x40@frame_1+0x40
        ENDCASE
        CHECK dword [frame_1 + 0x40], eax
        CHECK dword [frame_3 + 0x40], eax

        ; Process-context identifiers: SDM 3A 4.10.1.
        NEEDS "PCID", 1, ecx, 17
        mov rdx, cr3
        mov rcx, cr4
        bts rcx, 17
        mov cr4, rcx
        mov ebx, OTHER + 1
        mov rsi, rdx
        bts rsi, 63
        CASE pcid, "address spaces with PCIDs; mov cr3 that keeps what is cached", mapping
        mov [moving + 0x44], eax        ;= w4:moving+0x44@frame_1+0x44
        mov cr3, rbx
        ;= cr3 OTHER+1
        mov [moving + 0x44], eax        ;= w4:moving+0x44@frame_3+0x44
        mov cr3, rsi
        ;= cr3 TABLES
        mov [moving + 0x48], eax        ;= w4:moving+0x48@frame_1+0x48
        ENDCASE
        CHECK dword [frame_3 + 0x44], eax
        CHECK dword [frame_1 + 0x48], eax
        btr rcx, 17
        mov cr4, rcx
        ENDNEEDS

        NEEDS "INVPCID", 7, ebx, 10
        mov qword [data + 0x10], 0
        mov qword [data + 0x18], moving
        xor ecx, ecx
        CASE invpcid, "invpcid of one address: it loads its descriptor of 16 bytes", mapping
        MOVE_TO frame_2 + MAPPED        ;= w8:moving_entry
        invpcid rcx, [data + 0x10]      ;= r16:data+0x10
        mov [moving + 0x4c], eax        ;= w4:moving+0x4c@frame_2+0x4c
        ENDCASE
        CHECK dword [frame_2 + 0x4c], eax
        ENDNEEDS
        PASS

        ;= sequence move_and_add(frame)
move_and_add:
        mov [moving_entry], rsi         ;= w8:moving_entry
        invlpg [moving]
        add [moving + 0x20], ecx        ;= r4:moving+0x20@frame+0x20 w4:moving+0x20@frame+0x20
        xor esi, frame_1 ^ frame_2
        dec ecx
        jnz move_and_add
        ;= endsequence
moved:  ret

        align 4096
        ;= sequence shared(alias)
        ;= code alias
shared: inc dword [abs data + 4]        ;= r4:data+4 w4:data+4
        jmp s_two
        times 1 nop                     ; never runs
s_two:  mov eax, [data]                 ;= r4:data
        call s_leaf                     ;= w8:top-16
        ;= s_leaf w4:data+8
        ;= s_lret r8:top-16
        ret                             ;= r8:top-8
        ;= code 0
        ;= endsequence
s_leaf: mov [data + 8], eax
s_lret: ret
END_OF_GUEST
