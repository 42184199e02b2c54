; SPDX-License-Identifier: Apache-2.0
; LOCK: each instruction that takes it, hit and miss, aligned, over a cache line, over a page boundary, of a device,
; on a read-only page; with one thread for all vCPUs and with a thread for each.
;@ run smp=2
;@ run multi smp=2 thread=multi needs=">=10: QEMU 7.2 uses freed memory with a plugin and thread=multi: such recordings are refused"
%include "boot.inc"

x           equ DATA + 0x40
line        equ DATA + 0xfe             ; 2 bytes before the end of a cache line
; Two virtual pages in a row whose frames are not.
low_page    equ DATA + 0x10000
high_page   equ DATA + 0x11000
low_frame   equ DATA + 0x31000
high_frame  equ DATA + 0x21000
edge        equ high_page - 2
edge_frame  equ low_frame + 0xffe
readonly    equ DATA + 0x16000
readonly_entry equ PTE(readonly)
counter     equ HPET + 0xf0             ; main counter: 8 bytes that stay, as long as it is off
top         equ STACK

; PROTECT: the page becomes read-only, until map_page makes it writable.
%macro PROTECT 0
        mov qword [readonly_entry], readonly + MAPPED - 2
        invlpg [readonly]
%endmacro

main:
        mov qword [PTE(low_page)], low_frame + MAPPED
        mov qword [PTE(high_page)], high_frame + MAPPED
        mov rax, cr3
        mov cr3, rax
        GATE 13, on_protection
        GATE 14, map_page
        FIX readonly, readonly + MAPPED
        mov edi, HPET

        ; Aligned.
        mov dword [x], 0x64
        CASE lock-add, "lock add", lock
        lock add dword [x], 3           ;= r4:x w4:x
        ENDCASE
        CHECK dword [x], 0x67
        mov word [x], 0x64
        stc
        CASE lock-adc, "lock adc", lock
        lock adc word [x], 3            ;= r2:x w2:x
        ENDCASE
        CHECK word [x], 0x68
        mov qword [x], 0x64
        CASE lock-sub, "lock sub", lock
        lock sub qword [x], 3           ;= r8:x w8:x
        ENDCASE
        CHECK qword [x], 0x61
        mov byte [x], 0x64
        stc
        CASE lock-sbb, "lock sbb", lock
        lock sbb byte [x], 3            ;= r1:x w1:x
        ENDCASE
        CHECK byte [x], 0x60
        mov dword [x], 0x67
        CASE lock-and, "lock and", lock
        lock and dword [x], 0x3c        ;= r4:x w4:x
        ENDCASE
        CHECK dword [x], 0x24
        mov word [x], 0x64
        CASE lock-or, "lock or", lock
        lock or word [x], 0x18          ;= r2:x w2:x
        ENDCASE
        CHECK word [x], 0x7c
        mov qword [x], 0x64
        CASE lock-xor, "lock xor", lock
        lock xor qword [x], 0x0f        ;= r8:x w8:x
        ENDCASE
        CHECK qword [x], 0x6b
        mov byte [x], 0x64
        CASE lock-inc, "lock inc", lock
        lock inc byte [x]               ;= r1:x w1:x
        ENDCASE
        CHECK byte [x], 0x65
        mov dword [x], 0x64
        CASE lock-dec, "lock dec", lock
        lock dec dword [x]              ;= r4:x w4:x
        ENDCASE
        CHECK dword [x], 0x63
        mov word [x], 0x64
        CASE lock-not, "lock not", lock
        lock not word [x]               ;= r2:x w2:x
        ENDCASE
        CHECK word [x], 0xff9b
        mov dword [x], 0x64
        CASE lock-neg, "lock neg", lock
        lock neg dword [x]              ;= r4:x w4:x ;~ lock-neg-loads-twice: r4:x r4:x w4:x
        ENDCASE
        CHECK dword [x], -0x64
        mov dword [x], 0x64
        CASE lock-bts, "lock bts", lock
        lock bts dword [x], 3           ;= r4:x w4:x
        ENDCASE
        CHECK dword [x], 0x6c
        mov qword [x], 0x64
        CASE lock-btr, "lock btr", lock
        lock btr qword [x], 2           ;= r8:x w8:x
        ENDCASE
        CHECK qword [x], 0x60
        mov word [x], 0x64
        CASE lock-btc, "lock btc", lock
        lock btc word [x], 0            ;= r2:x w2:x
        ENDCASE
        CHECK word [x], 0x65
        mov dword [x], 0x64
        mov ecx, 7
        CASE lock-xadd, "lock xadd", lock
        lock xadd [x], ecx              ;= r4:x w4:x
        ENDCASE
        CHECK dword [x], 0x6b
        CHECK ecx, 0x64
        mov dword [x], 0x64
        mov ecx, 7
        CASE lock-xchg, "xchg", lock
        xchg [x], ecx                   ;= r4:x w4:x
        ENDCASE
        CHECK dword [x], 7
        CHECK ecx, 0x64
        mov dword [x], 0x64
        mov eax, 0x64
        mov ecx, 7
        CASE lock-cmpxchg-hit, "lock cmpxchg that hits", lock
        lock cmpxchg [x], ecx           ;= r4:x w4:x
        ENDCASE
        CHECK dword [x], 7
        mov dword [x], 0x64
        mov eax, 0x65
        mov ecx, 7
        CASE lock-cmpxchg-miss, "lock cmpxchg that misses", lock
        lock cmpxchg [x], ecx           ;= r4:x w4:x
        ENDCASE
        CHECK dword [x], 0x64
        CHECK eax, 0x64
        mov qword [x], 0x64
        mov eax, 0x64
        xor edx, edx
        mov ebx, 7
        mov ecx, 8
        CASE lock-cmpxchg8b-hit, "lock cmpxchg8b that hits", lock
        lock cmpxchg8b [x]              ;= r8:x w8:x
        ENDCASE
        CHECK dword [x + 4], 8
        mov qword [x], 0x64
        mov eax, 0x65
        mov edx, 1
        mov ebx, 7
        mov ecx, 8
        CASE lock-cmpxchg8b-miss, "lock cmpxchg8b that misses", lock
        lock cmpxchg8b [x]              ;= r8:x w8:x
        ENDCASE
        CHECK eax, 0x64
        CHECK edx, 0
        mov qword [x], 0x64
        mov qword [x + 8], 0x65
        mov eax, 0x64
        mov edx, 0x65
        mov ebx, 7
        mov ecx, 8
        CASE lock-cmpxchg16b-hit, "lock cmpxchg16b that hits", lock
        lock cmpxchg16b [x]             ;= r16:x w16:x
        ENDCASE
        CHECK qword [x], 7
        CHECK qword [x + 8], 8
        mov qword [x], 0x64
        mov qword [x + 8], 0x65
        mov eax, 0x63
        mov edx, 0x65
        mov ebx, 7
        mov ecx, 8
        CASE lock-cmpxchg16b-miss, "lock cmpxchg16b that misses", lock
        lock cmpxchg16b [x]             ;= r16:x w16:x
        ENDCASE
        CHECK eax, 0x64
        CHECK qword [x], 0x64

        ; Over a cache line: one access still.
        mov dword [line], 0x64
        CASE lock-line-add, "add over a cache line", lock
        lock add dword [line], 3        ;= r4:line w4:line
        ENDCASE
        CHECK dword [line], 0x67
        mov dword [line], 0x64
        CASE lock-line-neg, "neg over a cache line", lock
        ;~ redone-alone: ? line_neg r4:line!aborted
line_neg: lock neg dword [line]         ;= r4:line w4:line ;~ lock-neg-loads-twice: r4:line r4:line w4:line
        ENDCASE
        CHECK dword [line], -0x64
        mov dword [line], 0x64
        CASE lock-line-bts, "bts over a cache line", lock
        lock bts dword [line], 3        ;= r4:line w4:line
        ENDCASE
        CHECK dword [line], 0x6c
        mov dword [line], 0x64
        mov ecx, 7
        CASE lock-line-xadd, "xadd over a cache line", lock
        lock xadd [line], ecx           ;= r4:line w4:line
        ENDCASE
        CHECK dword [line], 0x6b
        CHECK ecx, 0x64
        mov dword [line], 0x64
        mov ecx, 7
        CASE lock-line-xchg, "xchg over a cache line", lock
        xchg [line], ecx                ;= r4:line w4:line
        ENDCASE
        CHECK dword [line], 7
        CHECK ecx, 0x64
        mov dword [line], 0x64
        mov eax, 0x64
        mov ecx, 7
        CASE lock-line-cmpxchg-hit, "cmpxchg that hits over a cache line", lock
        lock cmpxchg [line], ecx        ;= r4:line w4:line
        ENDCASE
        CHECK dword [line], 7
        mov dword [line], 0x64
        mov eax, 0x65
        mov ecx, 7
        CASE lock-line-cmpxchg-miss, "cmpxchg that misses over a cache line", lock
        lock cmpxchg [line], ecx        ;= r4:line w4:line
        ENDCASE
        CHECK dword [line], 0x64
        CHECK eax, 0x64
        mov qword [line], 0x64
        mov eax, 0x64
        xor edx, edx
        mov ebx, 7
        mov ecx, 8
        CASE lock-line-cmpxchg8b-hit, "cmpxchg8b that hits over a cache line", lock
        lock cmpxchg8b [line]           ;= r8:line w8:line
        ENDCASE
        CHECK dword [line + 4], 8
        mov qword [line], 0x64
        mov eax, 0x65
        mov edx, 1
        mov ebx, 7
        mov ecx, 8
        CASE lock-line-cmpxchg8b-miss, "cmpxchg8b that misses over a cache line", lock
        lock cmpxchg8b [line]           ;= r8:line w8:line
        ENDCASE
        CHECK eax, 0x64
        CHECK edx, 0

        ; Over a page boundary, frames apart.
        mov dword [edge], 0x64
        CASE lock-page-add, "add over a page boundary", lock
        lock add dword [edge], 3        ;= r4:edge@edge_frame,high_frame w4:edge@edge_frame,high_frame
        ENDCASE
        CHECK dword [edge], 0x67
        mov dword [edge], 0x64
        CASE lock-page-neg, "neg over a page boundary", lock
        ;~ redone-alone: ? page_neg r4:edge@edge_frame,high_frame!aborted
page_neg: lock neg dword [edge]         ;= r4:edge@edge_frame,high_frame w4:edge@edge_frame,high_frame ;~ lock-neg-loads-twice: r4:edge@edge_frame,high_frame r4:edge@edge_frame,high_frame w4:edge@edge_frame,high_frame
        ENDCASE
        CHECK dword [edge], -0x64
        mov dword [edge], 0x64
        CASE lock-page-bts, "bts over a page boundary", lock
        lock bts dword [edge], 3        ;= r4:edge@edge_frame,high_frame w4:edge@edge_frame,high_frame
        ENDCASE
        CHECK dword [edge], 0x6c
        mov dword [edge], 0x64
        mov ecx, 7
        CASE lock-page-xadd, "xadd over a page boundary", lock
        lock xadd [edge], ecx           ;= r4:edge@edge_frame,high_frame w4:edge@edge_frame,high_frame
        ENDCASE
        CHECK dword [edge], 0x6b
        CHECK ecx, 0x64
        mov dword [edge], 0x64
        mov ecx, 7
        CASE lock-page-xchg, "xchg over a page boundary", lock
        xchg [edge], ecx                ;= r4:edge@edge_frame,high_frame w4:edge@edge_frame,high_frame
        ENDCASE
        CHECK dword [edge], 7
        CHECK ecx, 0x64
        mov dword [edge], 0x64
        mov eax, 0x64
        mov ecx, 7
        CASE lock-page-cmpxchg-hit, "cmpxchg that hits over a page boundary", lock
        lock cmpxchg [edge], ecx        ;= r4:edge@edge_frame,high_frame w4:edge@edge_frame,high_frame
        ENDCASE
        CHECK dword [edge], 7
        mov dword [edge], 0x64
        mov eax, 0x65
        mov ecx, 7
        CASE lock-page-cmpxchg-miss, "cmpxchg that misses over a page boundary", lock
        lock cmpxchg [edge], ecx        ;= r4:edge@edge_frame,high_frame w4:edge@edge_frame,high_frame
        ENDCASE
        CHECK dword [edge], 0x64
        CHECK eax, 0x64
        mov qword [edge], 0x64
        mov eax, 0x64
        xor edx, edx
        mov ebx, 7
        mov ecx, 8
        CASE lock-page-cmpxchg8b-hit, "cmpxchg8b that hits over a page boundary", lock
        lock cmpxchg8b [edge]           ;= r8:edge@edge_frame,high_frame w8:edge@edge_frame,high_frame
        ENDCASE
        CHECK dword [edge + 4], 8
        mov qword [edge], 0x64
        mov eax, 0x65
        mov edx, 1
        mov ebx, 7
        mov ecx, 8
        CASE lock-page-cmpxchg8b-miss, "cmpxchg8b that misses over a page boundary", lock
        lock cmpxchg8b [edge]           ;= r8:edge@edge_frame,high_frame w8:edge@edge_frame,high_frame
        ENDCASE
        CHECK eax, 0x64
        CHECK edx, 0

        ; Of a device.
        mov dword [rdi + 0xf4], 0
        mov dword [rdi + 0xf0], 0x64
        CASE lock-device-add, "add of a device", lock
        lock add dword [rdi + 0xf0], 3  ;= r4:counter!device w4:counter!device
        ENDCASE
        CHECK dword [rdi + 0xf0], 0x67
        mov dword [rdi + 0xf4], 0
        mov dword [rdi + 0xf0], 0x64
        CASE lock-device-neg, "neg of a device", lock
        ;~ redone-alone: ? device_neg r4:counter!device!aborted
device_neg: lock neg dword [rdi + 0xf0] ;= r4:counter!device w4:counter!device ;~ lock-neg-loads-twice: r4:counter!device r4:counter!device w4:counter!device
        ENDCASE
        CHECK dword [rdi + 0xf0], -0x64
        mov dword [rdi + 0xf4], 0
        mov dword [rdi + 0xf0], 0x64
        CASE lock-device-bts, "bts of a device", lock
        lock bts dword [rdi + 0xf0], 3  ;= r4:counter!device w4:counter!device
        ENDCASE
        CHECK dword [rdi + 0xf0], 0x6c
        mov dword [rdi + 0xf4], 0
        mov dword [rdi + 0xf0], 0x64
        mov ecx, 7
        CASE lock-device-xadd, "xadd of a device", lock
        lock xadd [rdi + 0xf0], ecx     ;= r4:counter!device w4:counter!device
        ENDCASE
        CHECK dword [rdi + 0xf0], 0x6b
        CHECK ecx, 0x64
        mov dword [rdi + 0xf4], 0
        mov dword [rdi + 0xf0], 0x64
        mov ecx, 7
        CASE lock-device-xchg, "xchg of a device", lock
        xchg [rdi + 0xf0], ecx          ;= r4:counter!device w4:counter!device
        ENDCASE
        CHECK dword [rdi + 0xf0], 7
        CHECK ecx, 0x64
        mov dword [rdi + 0xf4], 0
        mov dword [rdi + 0xf0], 0x64
        mov eax, 0x64
        mov ecx, 7
        CASE lock-device-cmpxchg-hit, "cmpxchg that hits of a device", lock
        lock cmpxchg [rdi + 0xf0], ecx  ;= r4:counter!device w4:counter!device
        ENDCASE
        CHECK dword [rdi + 0xf0], 7
        mov dword [rdi + 0xf4], 0
        mov dword [rdi + 0xf0], 0x64
        mov eax, 0x65
        mov ecx, 7
        CASE lock-device-cmpxchg-miss, "cmpxchg that misses of a device", lock
        lock cmpxchg [rdi + 0xf0], ecx  ;= r4:counter!device w4:counter!device
        ENDCASE
        CHECK dword [rdi + 0xf0], 0x64
        CHECK eax, 0x64
        mov dword [rdi + 0xf4], 0
        mov qword [rdi + 0xf0], 0x64
        mov eax, 0x64
        xor edx, edx
        mov ebx, 7
        mov ecx, 8
        CASE lock-device-cmpxchg8b-hit, "cmpxchg8b that hits of a device", lock
        lock cmpxchg8b [rdi + 0xf0]     ;= r8:counter!device w8:counter!device
        ENDCASE
        CHECK dword [rdi + 0xf0 + 4], 8
        mov dword [rdi + 0xf4], 0
        mov qword [rdi + 0xf0], 0x64
        mov eax, 0x65
        mov edx, 1
        mov ebx, 7
        mov ecx, 8
        CASE lock-device-cmpxchg8b-miss, "cmpxchg8b that misses of a device", lock
        lock cmpxchg8b [rdi + 0xf0]     ;= r8:counter!device w8:counter!device
        ENDCASE
        CHECK eax, 0x64
        CHECK edx, 0

        ; On a read-only page: a page fault, then again.
        mov dword [readonly], 0x64
        PROTECT
        CASE lock-readonly-add, "add on a read-only page", lock
        ;~ lock-load-before-fault: ? f_add r4:readonly!aborted
        ;= event 14 error 3 cr2 readonly at f_add: gate(14) frame_error(top) ;! threads-hide-events
        ;= run map_page(readonly_entry, top)
f_add: lock add dword [readonly], 3     ;= r4:readonly w4:readonly
        ENDCASE
        CHECK dword [readonly], 0x67
        mov dword [readonly], 0x64
        PROTECT
        CASE lock-readonly-neg, "neg on a read-only page", lock
        ;~ neg-load-before-fault: ? f_neg r4:readonly!aborted
        ;~ attempt-not-marked: ? f_neg r4:readonly
        ;~ lock-load-before-fault: ? f_neg r4:readonly!aborted
        ;= event 14 error 3 cr2 readonly at f_neg: gate(14) frame_error(top) ;! threads-hide-events
        ;= run map_page(readonly_entry, top)
f_neg: lock neg dword [readonly]        ;= r4:readonly w4:readonly ;~ lock-neg-loads-twice: r4:readonly r4:readonly w4:readonly
        ENDCASE
        CHECK dword [readonly], -0x64
        mov dword [readonly], 0x64
        PROTECT
        CASE lock-readonly-bts, "bts on a read-only page", lock
        ;~ lock-load-before-fault: ? f_bts r4:readonly!aborted
        ;= event 14 error 3 cr2 readonly at f_bts: gate(14) frame_error(top) ;! threads-hide-events
        ;= run map_page(readonly_entry, top)
f_bts: lock bts dword [readonly], 3     ;= r4:readonly w4:readonly
        ENDCASE
        CHECK dword [readonly], 0x6c
        mov dword [readonly], 0x64
        mov ecx, 7
        PROTECT
        CASE lock-readonly-xadd, "xadd on a read-only page", lock
        ;~ lock-load-before-fault: ? f_xadd r4:readonly!aborted
        ;= event 14 error 3 cr2 readonly at f_xadd: gate(14) frame_error(top) ;! threads-hide-events
        ;= run map_page(readonly_entry, top)
f_xadd: lock xadd [readonly], ecx       ;= r4:readonly w4:readonly
        ENDCASE
        CHECK dword [readonly], 0x6b
        CHECK ecx, 0x64
        mov dword [readonly], 0x64
        mov ecx, 7
        PROTECT
        CASE lock-readonly-xchg, "xchg on a read-only page", lock
        ;~ lock-load-before-fault: ? f_xchg r4:readonly!aborted
        ;= event 14 error 3 cr2 readonly at f_xchg: gate(14) frame_error(top) ;! threads-hide-events
        ;= run map_page(readonly_entry, top)
f_xchg: xchg [readonly], ecx            ;= r4:readonly w4:readonly
        ENDCASE
        CHECK dword [readonly], 7
        CHECK ecx, 0x64
        mov dword [readonly], 0x64
        mov eax, 0x64
        mov ecx, 7
        PROTECT
        CASE lock-readonly-cmpxchg-hit, "cmpxchg that hits on a read-only page", lock
        ;~ lock-load-before-fault: ? f_cmpxchg_hit r4:readonly!aborted
        ;= event 14 error 3 cr2 readonly at f_cmpxchg_hit: gate(14) frame_error(top) ;! threads-hide-events
        ;= run map_page(readonly_entry, top)
f_cmpxchg_hit: lock cmpxchg [readonly], ecx;= r4:readonly w4:readonly
        ENDCASE
        CHECK dword [readonly], 7
        mov dword [readonly], 0x64
        mov eax, 0x65
        mov ecx, 7
        PROTECT
        CASE lock-readonly-cmpxchg-miss, "cmpxchg that misses on a read-only page", lock
        ;~ lock-load-before-fault: ? f_cmpxchg_miss r4:readonly!aborted
        ;= event 14 error 3 cr2 readonly at f_cmpxchg_miss: gate(14) frame_error(top) ;! threads-hide-events
        ;= run map_page(readonly_entry, top)
f_cmpxchg_miss: lock cmpxchg [readonly], ecx;= r4:readonly w4:readonly
        ENDCASE
        CHECK dword [readonly], 0x64
        CHECK eax, 0x64
        mov qword [readonly], 0x64
        mov eax, 0x64
        xor edx, edx
        mov ebx, 7
        mov ecx, 8
        PROTECT
        CASE lock-readonly-cmpxchg8b-hit, "cmpxchg8b that hits on a read-only page", lock
        ;~ lock-load-before-fault: ? f_cmpxchg8b_hit r8:readonly!aborted
        ;= event 14 error 3 cr2 readonly at f_cmpxchg8b_hit: gate(14) frame_error(top) ;! threads-hide-events
        ;= run map_page(readonly_entry, top)
f_cmpxchg8b_hit: lock cmpxchg8b [readonly];= r8:readonly w8:readonly
        ENDCASE
        CHECK dword [readonly + 4], 8
        mov qword [readonly], 0x64
        mov eax, 0x65
        mov edx, 1
        mov ebx, 7
        mov ecx, 8
        PROTECT
        CASE lock-readonly-cmpxchg8b-miss, "cmpxchg8b that misses on a read-only page", lock
        ;~ lock-load-before-fault: ? f_cmpxchg8b_miss r8:readonly!aborted
        ;= event 14 error 3 cr2 readonly at f_cmpxchg8b_miss: gate(14) frame_error(top) ;! threads-hide-events
        ;= run map_page(readonly_entry, top)
f_cmpxchg8b_miss: lock cmpxchg8b [readonly];= r8:readonly w8:readonly
        ENDCASE
        CHECK eax, 0x64
        CHECK edx, 0
        mov qword [readonly], 0x64
        mov qword [readonly + 8], 0x65
        mov eax, 0x64
        mov edx, 0x65
        mov ebx, 7
        mov ecx, 8
        PROTECT
        CASE lock-readonly-cmpxchg16b-hit, "cmpxchg16b that hits on a read-only page", lock
        ;~ lock-load-before-fault: ? f_cmpxchg16b_hit r16:readonly!aborted
        ;= event 14 error 3 cr2 readonly at f_cmpxchg16b_hit: gate(14) frame_error(top) ;! threads-hide-events
        ;= run map_page(readonly_entry, top)
f_cmpxchg16b_hit: lock cmpxchg16b [readonly];= r16:readonly w16:readonly
        ENDCASE
        CHECK qword [readonly], 7
        CHECK qword [readonly + 8], 8
        mov qword [readonly], 0x64
        mov qword [readonly + 8], 0x65
        mov eax, 0x63
        mov edx, 0x65
        mov ebx, 7
        mov ecx, 8
        PROTECT
        CASE lock-readonly-cmpxchg16b-miss, "cmpxchg16b that misses on a read-only page", lock
        ;~ lock-load-before-fault: ? f_cmpxchg16b_miss r16:readonly!aborted
        ;= event 14 error 3 cr2 readonly at f_cmpxchg16b_miss: gate(14) frame_error(top) ;! threads-hide-events
        ;= run map_page(readonly_entry, top)
f_cmpxchg16b_miss: lock cmpxchg16b [readonly];= r16:readonly w16:readonly
        ENDCASE
        CHECK eax, 0x64
        CHECK qword [readonly], 0x64

        ; #GP before any access.
        CASE lock-unaligned-cmpxchg16b, "cmpxchg16b that is not aligned: #GP, no access", fault
        ;= event 13 error 0 at f_unaligned: gate(13) frame_error(top) ;! threads-hide-events
        ;= run on_protection(top)
f_unaligned: lock cmpxchg16b [x + 8]    ;= ?
f_behind: nop
        ENDCASE
        CHECK dword [hits], 1
        PASS

        ;= sequence on_protection(top)
on_protection:
        inc dword [hits]                ;= r4:hits w4:hits
        add rsp, 8
        add qword [rsp], f_behind - f_unaligned ;= r8:top-40 w8:top-40
        iretq                           ;= iret(top)
        ;= endsequence
        align 8
hits:   dq 0
END_OF_GUEST
