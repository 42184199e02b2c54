// SPDX-License-Identifier: Apache-2.0
import type { DoctorResult, QemuReport } from '../../capture/index.ts';
import { drawTable, fillText } from './table.ts';

export function renderDoctor(result: DoctorResult): string {
  const parts: string[] = [];
  parts.push(`recorder plugin: ${result.plugin.file ?? 'not built'}\n`);
  if (result.qemus.length === 0) parts.push('no QEMU that runs was found\n');
  for (const qemu of result.qemus) parts.push(`\n${renderQemu(qemu, qemu.path === result.chosen)}`);
  for (const broken of result.broken) parts.push(`\n${broken.path}: ${broken.problem}\n`);
  parts.push(`\n${renderMatrix(result.qemus)}`);
  parts.push(
    result.advice === undefined
      ? 'Nothing to improve: "loadstore record" uses the QEMU marked with *.\n'
      : `Try: ${result.advice}\n`,
  );
  return parts.join('');
}

function renderQemu(qemu: QemuReport, isChosen: boolean): string {
  const head = `${isChosen ? '* ' : ''}${qemu.path}: QEMU ${qemu.version}, plugin API ${qemu.pluginApi}`;
  if (qemu.problem !== undefined) {
    return `${head}\n  cannot record: ${qemu.problem}\n  Try: ${qemu.advice ?? ''}\n`;
  }
  const limits = Object.entries(qemu.capabilities)
    .filter(([, { status, why }]) => status !== 'yes' && why !== '')
    .map(([name, { why }]) => `  ${name}: ${fillText(why, 80, '    ')}\n`);
  return `${head}\n${limits.join('')}`;
}

/** One row for each capability, one column for each QEMU that records. */
function renderMatrix(qemus: readonly QemuReport[]): string {
  const usable = qemus.filter((qemu) => qemu.problem === undefined);
  if (usable.length === 0) return '';
  const names = [...new Set(usable.flatMap((qemu) => Object.keys(qemu.capabilities)))];
  const rows = names.map((name) => [
    name,
    ...usable.map((qemu) => qemu.capabilities[name]?.status ?? '-'),
  ]);
  return `${drawTable([['what a trace holds', ...usable.map((qemu) => qemu.version)], ...rows], [])}\n`;
}
