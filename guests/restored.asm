; SPDX-License-Identifier: Apache-2.0
; For a snapshot that is taken and loaded while recording: test/e2e/restored.test.ts.  The guest says in `stage` how far
; it has come, and waits for a byte in the clock's memory, which the monitor writes (`o`) and loading takes back.
;@ run
;@ run multi smp=2 thread=multi needs=">=10: QEMU 7.2 uses freed memory with a plugin and thread=multi: such recordings are refused"
%include "boot.inc"

CLOCK_INDEX equ 0x70
CLOCK_DATA  equ 0x71
SIGNAL      equ 0x50                ; a byte of its memory that nothing uses
GO_ON       equ 1                   ; signals
FINISH      equ 2
stage       equ DATA
done        equ DATA + 8            ; of what loading takes back
; An address that is elsewhere after the snapshot was taken.
moving      equ DATA + 0x50000
frame_1     equ DATA + 0x61000
frame_2     equ DATA + 0x72000
; One whose entry has neither bit when it is taken.
fresh       equ DATA + 0x90000
fresh_frame equ DATA + 0x93000
fresh_entry equ PTE(fresh)
PRESENT     equ 0x7

main:
        mov qword [PTE(moving)], frame_1 + MAPPED
        mov qword [PTE(fresh)], fresh_frame + PRESENT
        mov rax, cr3
        mov cr3, rax
        mov al, SIGNAL
        out CLOCK_INDEX, al
        mov dword [stage], 1
before: mov ecx, 1000               ; less to record, and not so much that pages are asked for anew
.slow:  loop .slow
        in al, CLOCK_DATA
w_wait: mov [moving], al
        cmp al, GO_ON
        jb before
        ja finish

        mov qword [PTE(moving)], frame_2 + MAPPED
        mov eax, moving
        invlpg [rax]
        mov byte [leaf + 1], 0x22
a_load: mov eax, [fresh]
a_set:  mov dword [fresh], 0x77
        call leaf
        mov [moving + 8], al
        mov dword [done], 1
        mov dword [stage], 2
after:  mov ecx, 1000
.slow:  loop .slow
w_late: mov [moving + 16], cl
        jmp after

finish: MARK 0
b_load: mov eax, [fresh]
b_set:  mov dword [fresh], 0x55
        call leaf
        mov [moving + 24], al
        MARK 1
        CHECK byte [moving + 24], 0x11
        CHECK byte [moving + 8], 0
        CHECK dword [done], 0
        CHECK dword [stage], 1
        PASS

leaf:   mov al, 0x11
        ret
END_OF_GUEST
