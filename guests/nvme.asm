; SPDX-License-Identifier: Apache-2.0
; The admin queue of an NVMe controller, without a disk: NVM Express 1.4, 3.1, 4.1 to 4.6 and 5.15.
;@ run arguments="-device nvme,serial=none,addr=6"
%include "boot.inc"
%include "pci.inc"

PCI_NVME    equ 0x80000000 | 6 << 11
CONTROLLER  equ 0xfe000000          ; where BAR 0 is put
CONFIGURATION equ 0x14              ; registers
STATUS      equ 0x1c
QUEUE_SIZES equ 0x24
SUBMISSION  equ 0x28
COMPLETION  equ 0x30
doorbell    equ CONTROLLER + 0x1000
ENTRIES     equ 4                   ; of each queue
ENABLE      equ 1 | 6 << 16 | 4 << 20 ; with entries of 64 and 16 bytes
IDENTIFY    equ 6
OF_CONTROLLER equ 1
submitted   equ DATA + 0x1000
completed   equ DATA + 0x2000
answer      equ DATA + 0x3000
ANSWER_BYTES equ 4096
PHASE       equ 1 << 16             ; of the last word of a completed entry

main:
        mov edi, submitted
        mov ecx, 0x2000 / 4
        xor eax, eax
        rep stosd
        mov ecx, ANSWER_BYTES / 4
        mov eax, -1
        rep stosd
        PCI PCI_NVME, 0x10, CONTROLLER
        PCI PCI_NVME, 0x14, 0
        PCI PCI_NVME, 4, 6                    ; memory, bus master
        mov ebx, CONTROLLER
        mov dword [rbx + QUEUE_SIZES], (ENTRIES - 1) << 16 | (ENTRIES - 1)
        mov dword [rbx + SUBMISSION], submitted
        mov dword [rbx + SUBMISSION + 4], 0
        mov dword [rbx + COMPLETION], completed
        mov dword [rbx + COMPLETION + 4], 0
        mov dword [rbx + CONFIGURATION], ENABLE
.ready: pause
        test dword [rbx + STATUS], 1
        jz .ready
        mov dword [submitted], IDENTIFY | 0x1234 << 16
        mov dword [submitted + 24], answer
        mov dword [submitted + 40], OF_CONTROLLER
        mov esi, doorbell
        CASE dma-nvme, "an identify command of an NVMe controller: it reads the command, writes the answer and that it is done", dma
        mov dword [rsi], 1          ;= r64:submitted w4096:answer w16:completed ;! device-dma
        ;= + w4:doorbell!device
        mov [DATA], eax             ;= w4:DATA
        ENDCASE
.wait:  pause
        test dword [completed + 12], PHASE
        jz .wait
        CHECK word [completed + 12], 0x1234
        CHECK dword [answer], 0x1af41b36 ; vendors of the device and the subsystem
        CHECK dword [answer + ANSWER_BYTES - 4], 0
        PASS
END_OF_GUEST
