// SPDX-License-Identifier: Apache-2.0
// What worker threads of the engine load.

export { instructionAudit as analysis } from './instruction-audit.ts';
