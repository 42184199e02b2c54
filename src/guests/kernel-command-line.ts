// SPDX-License-Identifier: Apache-2.0

/**
 * What the kernel of the demo is told: its addresses are those of its symbols. It does not panic when the timer, which it
 * tries for ten ticks, is late since the host is busy (arch/x86/kernel/apic/io_apic.c, timer_irq_works()).
 */
export const KERNEL_COMMAND_LINE = 'console=ttyS0 panic=-1 nokaslr no_timer_check';
