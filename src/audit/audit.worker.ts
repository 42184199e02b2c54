// SPDX-License-Identifier: Apache-2.0
// A thread of the audit.

import { serveChunks } from '../engine/index.ts';
import { instructionAudit } from './instruction-audit.ts';

await serveChunks(instructionAudit);
