; SPDX-License-Identifier: Apache-2.0
; 32-bit protected mode without paging: what is other than in 64-bit code, in 32-bit and 16-bit forms.
%include "boot.inc"
%include "legacy.inc"

data        equ DATA
source      equ DATA + 0x100
target      equ DATA + 0x200
frames      equ DATA + 0x800        ; what EBP points to for enter
based       equ BASE32
stack16     equ 0x6000              ; SP of the 16-bit stack
top         equ STACK

main:
        PROTECTED_MODE
        ;= cr3 0
        INT_GATE 5, on_bound
        INT_GATE 4, on_int
        mov edi, source
        mov ecx, 0x40
        mov eax, 0x10
.fill:  stosb
        inc eax
        loop .fill

        ; Stack.
        CASE p32-push-pop, "push and pop of registers, immediates, memory, flags", stack
        push eax                        ;= w4:top-4
        push 5                          ;= w4:top-8
        pop ecx                         ;= r4:top-8
        push cx                         ;= w2:top-6
        pop dx                          ;= r2:top-6
        push dword [source]             ;= r4:source w4:top-8
        pop dword [target]              ;= r4:top-8 w4:target
        push word [source]              ;= r2:source w2:top-6
        pop word [target + 4]           ;= r2:top-6 w2:target+4
        pushfd                          ;= w4:top-8
        popfd                           ;= r4:top-8
        pushfw                          ;= w2:top-6
        popfw                           ;= r2:top-6
        pop eax                         ;= r4:top-4
        ENDCASE
        CHECK ecx, 5
        CHECK dword [target], 0x13121110
        CHECK word [target + 4], 0x1110
        CASE p32-push-pop-esp, "pop to memory by ESP: the address after the pop", stack
        push dword [source]             ;= r4:source w4:top-4
        push dword [source + 4]         ;= r4:source+4 w4:top-8
        pop dword [esp]                 ;= r4:top-8 w4:top-4
        push esp                        ;= w4:top-8
        pop esp                         ;= r4:top-8
        pop ecx                         ;= r4:top-4
        ENDCASE
        CHECK ecx, 0x17161514
        mov ebp, frames
        mov esi, 0x5151
        CASE p32-pusha, "pushad and popad, which leaves out ESP", stack
        pushad                          ;= 8{w4:top-4-4*i} ;~ pusha-lowest-first: w32:top-32
        popad                           ;= 3{r4:top-32+4*i} 4{r4:top-16+4*i}
        ENDCASE
        CHECK dword [top - 24], frames
        CHECK dword [top - 28], 0x5151
        CASE p32-pusha-16, "pushaw and popaw", stack
        pushaw                          ;= 8{w2:top-2-2*i} ;~ pusha-lowest-first: w16:top-16
        popaw                           ;= 3{r2:top-16+2*i} 4{r2:top-8+2*i}
        ENDCASE
        CHECK word [top - 14], 0x5151
        CASE p32-enter-0, "enter without nesting, leave", stack
        enter 16, 0                     ;= w4:top-4
        leave                           ;= r4:top-4
        ENDCASE
        CHECK ebp, frames
        CASE p32-enter-1, "enter of level 1", stack
        enter 8, 1                      ;= w4:top-4 w4:top-8
        leave                           ;= r4:top-4
        ENDCASE
        CASE p32-enter-4, "enter of level 4: three frame pointers are copied", stack
        enter 8, 4                      ;= w4:top-4 3{r4:frames-4-4*i w4:top-8-4*i} w4:top-20
        leave                           ;= r4:top-4
        ENDCASE
        CHECK dword [top - 20], top - 4
        CASE p32-enter-16, "enter and leave with 16-bit operands", stack
        o16 enter 8, 3                  ;= w2:top-2 2{r2:frames-2-2*i w2:top-4-2*i} w2:top-8
        mov ebp, top - 2
        o16 leave                       ;= r2:top-2
        ENDCASE
        CHECK bp, frames & 0xffff
        mov ecx, subroutine
        mov [data], ecx
        CASE p32-call, "call direct, by register and by memory; ret with and without parameters", stack
        call subroutine                 ;= w4:top-4
        ;= subroutine r4:top-4
        call ecx                        ;= w4:top-4
        ;= subroutine r4:top-4
        call [data]                     ;= r4:data w4:top-4
        ;= subroutine r4:top-4
        push eax                        ;= w4:top-4
        call subroutine_4               ;= w4:top-8
        ;= subroutine_4 r4:top-8
        ENDCASE
        CHECK esp, top
        mov ax, STACK16_32
        CASE p32-stack-16, "a 16-bit stack: SP, not ESP", stack
        mov ss, ax                      ;= r8:gdt32+STACK16_32
        mov esp, stack16 + 0x10000
        push eax                        ;= w4:stack16-4
        pushad                          ;= 8{w4:stack16-8-4*i} ;~ pusha-lowest-first: w32:stack16-36
        popad                           ;= 3{r4:stack16-36+4*i} 4{r4:stack16-20+4*i}
        pop eax                         ;= r4:stack16-4
        mov cx, DATA32
        mov ss, cx                      ;= r8:gdt32+DATA32
        ENDCASE
        CHECK esp, stack16 + 0x10000
        mov sp, 2
        mov ss, ax
        CASE p32-stack-wrap, "a 16-bit stack that wraps around", stack
        push ax                         ;= w2:0
        push ax                         ;= w2:0xfffe
        pop dx                          ;= r2:0xfffe
        pop dx                          ;= r2:0
        ENDCASE
        mov ss, cx
        CHECK dx, ax
        mov esp, top

        ; Instructions that 64-bit code does not have.
        mov dword [data], 3
        mov dword [data + 4], 9
        mov dword [data + 8], 9 << 16 | 3
        mov eax, 5
        CASE p32-bound, "bound within its bounds", load
        bound eax, [data]               ;= r8:data
        bound ax, [data + 8]            ;= r4:data+8
        ENDCASE
        mov dword [hits], 0
        mov eax, 10
        CASE p32-bound-fails, "bound outside of its bounds: #BR", fault
        ;= ? b_fail r8:data!aborted
        ;= event 5 at b_fail: gate32(5) frame32(top)
        ;= on_bound r4:hits w4:hits
        ;= br_set r4:data+4 w4:data+4
        ;= br_ret iret32(top)
b_fail: bound eax, [data]               ;= r8:data
        ENDCASE
        CHECK dword [hits], 1
        mov al, 0x7f
        mov dword [hits], 0
        CASE p32-into-not, "into without overflow: no access", no-access
        add al, 0
        into
        ENDCASE
        CASE p32-into, "into with overflow", event-delivery
        add al, 1
i_into: into
        ;= event 4 software at i_into: gate32(4) frame32(top)
        ;= on_int r4:hits w4:hits
        ;= int_ret iret32(top)
        nop
        ENDCASE
        CHECK dword [hits], 1
        mov ebx, source
        mov al, 5
        CASE p32-xlat, "xlat with 32-bit and 16-bit addresses", load
        xlatb                           ;= r1:source+5
        mov bx, data & 0xffff
        a16 xlatb                       ;= r1:0x15
        ENDCASE
        mov dword [data + 0x10], 0x10
        mov ecx, 0x13
        CASE p32-arpl, "arpl, which stores when it changes something", rmw
        arpl [data + 0x10], cx          ;= r2:data+0x10 w2:data+0x10
        ENDCASE
        CHECK word [data + 0x10], 0x13
        CASE p32-arpl-not, "arpl that changes nothing", rmw
        arpl [data + 0x10], cx          ;= r2:data+0x10 ;~ arpl-stores-always: r2:data+0x10 w2:data+0x10
        ENDCASE
        CASE p32-inc-short, "inc and dec of one byte, moffs32", rmw
        inc eax
        mov eax, [source]               ;= r4:source
        mov [target], al                ;= w1:target
        dec dword [target]              ;= r4:target w4:target
        ENDCASE

        ; Widths and addresses.
        mov esi, source
        CASE p32-address-16, "16-bit addresses", address
        mov bx, 0x40
        mov si, 0x7000
        a16 mov eax, [bx + si + 4]      ;= r4:0x7044
        a16 mov [bx + 6], al            ;= w1:0x46
        mov bx, 0xfff0
        a16 mov [bx + 0x20], cl         ;= w1:0x10
        ENDCASE
        CHECK byte [0x10], 0x13
        mov ax, BASED32
        mov fs, ax
        mov ebx, 0x20
        mov dword [based + 0x30], 0x12345678
        CASE p32-segment-base, "a segment with a base", address
        mov ecx, [fs:ebx + 0x10]        ;= r4:based+0x30
        mov [fs:0x34], ecx              ;= w4:based+0x34
        add [fs:ebx], ecx               ;= r4:based+0x20 w4:based+0x20
        fs xlatb                        ;= r1:based+0x20+BASED32
        ENDCASE
        CHECK dword [based + 0x34], 0x12345678
        mov eax, 0x1234
        mov edx, 0
        mov dword [data + 0x20], 0x1234
        mov dword [data + 0x24], 0
        mov ebx, 1
        CASE p32-cmpxchg, "cmpxchg of 1, 2 and 4 bytes, hit and miss", cmpxchg
        cmpxchg [data + 0x20], ebx      ;= r4:data+0x20 w4:data+0x20
        cmpxchg [data + 0x20], ebx      ;= r4:data+0x20 w4:data+0x20
        cmpxchg [data + 0x20], bx       ;= r2:data+0x20 w2:data+0x20
        cmpxchg [data + 0x21], bl       ;= r1:data+0x21 w1:data+0x21
        lock cmpxchg [data + 0x20], bx  ;= r2:data+0x20 w2:data+0x20
        ENDCASE
        mov [data + 0x20], eax
        CASE p32-cmpxchg8b, "cmpxchg8b, hit and miss, with and without LOCK", cmpxchg
        cmpxchg8b [data + 0x20]         ;= r8:data+0x20 w8:data+0x20
        cmpxchg8b [data + 0x20]         ;= r8:data+0x20 w8:data+0x20
        lock cmpxchg8b [data + 0x20]    ;= r8:data+0x20 w8:data+0x20
        lock cmpxchg8b [data + 0x21]    ;= r8:data+0x21 w8:data+0x21
        ENDCASE
        CHECK dword [data + 0x20], 1
        NEEDS "MOVBE", 1, ecx, 22
        CASE p32-movbe, "movbe of 2 and 4 bytes", load
        movbe eax, [source]             ;= r4:source
        movbe [target], ax              ;= w2:target
        ENDCASE
        CHECK eax, 0x10111213
        CHECK word [target], 0x1312
        ENDNEEDS
        CASE p32-movnti, "movnti", store
        movnti [target], eax            ;= w4:target
        sfence
        ENDCASE
        CHECK [target], eax

        ; Strings.
        mov ax, BASED32
        mov es, ax
        mov esi, source
        mov edi, 0x40
        mov ecx, 3
        CASE p32-movs, "rep movsd, to a segment with a base", string
        rep movsd                       ;= 3{r4:source+4*i w4:based+0x40+4*i}
        ENDCASE
        CHECK dword [based + 0x48], 0x1b1a1918
        mov ax, DATA32
        mov es, ax
        mov esi, 0xffff7000
        mov edi, 0xffff7ffe
        mov ecx, 0x10004
        CASE p32-movs-16, "rep movsb with 16-bit addresses and count", string
        a16 rep movsb                   ;= 4{r1:0x7000+i w1:0x7ffe+i}
        ENDCASE
        CHECK ecx, 0x10000
        CHECK edi, 0xffff8002
        mov edi, 0xfffe
        mov ecx, 4
        CASE p32-stos-wrap, "rep stosb that wraps around at 64 KiB", string
        a16 rep stosb                   ;= w1:0xfffe w1:0xffff w1:0 w1:1
        ENDCASE
        CHECK edi, 2
        mov esi, source
        mov edi, source
        CASE p32-cmps-scas, "cmpsd, scasw, lodsb, stosd", string
        cmpsd                           ;= r4:source r4:source ;~ cmps-second-first: r4:source r4:source
        scasw                           ;= r2:source+4
        lodsb                           ;= r1:source+4
        stosd                           ;= w4:source+6
        ENDCASE
        CHECK al, 0x14

        ; State.
        fninit
        fldpi
        CASE p32-x87-env, "fnstenv, fldenv", state
        fnstenv [target]                ;= w28:target
        fldenv [target]                 ;= r28:target ;~ x87-pointers-not-restored: r2:target r2:target+4 r2:target+8
        ENDCASE
        CHECK word [target], 0x37f
        CASE p32-x87-save, "fnsave, frstor", state
        fnsave [target]                 ;= w108:target
        frstor [target]                 ;= r108:target ;~ x87-pointers-not-restored: r2:target r2:target+4 r2:target+8 r80:target+28
        ENDCASE
        CHECK word [target + 36], 0x4000
        CASE p32-fxsave, "fxsave, fxrstor: eight XMM registers", state
        fxsave [target]                 ;= unordered w160:target w128:target+160 ;~ x87-opcode-not-saved: unordered w6:target w24:target+8 8{w10:target+32+16*i} w128:target+160
        fxrstor [target]                ;= unordered r24:target r4:target+24 r128:target+32 r128:target+160 ;~ x87-pointers-not-restored: unordered r6:target r4:target+24 8{r10:target+32+16*i} r128:target+160
        ENDCASE
        CHECK dword [target + 24], 0x1f80
        PASS

subroutine: ret
subroutine_4: ret 4

on_bound:
        inc dword [hits]
br_set: inc dword [data + 4]       ; the instruction is done again
br_ret: iretd
on_int: inc dword [hits]
int_ret: iretd

        align 8
hits:   dq 0
        bits 64
END_OF_GUEST
