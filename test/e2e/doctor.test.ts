// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { jsonOf, PLUGIN_IS_BUILT, qemuUnderTest } from './run-loadstore.ts';

describe.skipIf(!PLUGIN_IS_BUILT)('loadstore doctor', () => {
  it('finds the QEMU under test, records with it and tells what it gives', async () => {
    const qemu = await qemuUnderTest();
    // Registers can be read from API 4 on.
    const addressSpace = qemu.pluginApi >= 4 ? /^yes$/ : /^(?:yes|partial|no)$/;
    expect(await jsonOf('doctor', '--qemu', qemu.path)).toMatchObject({
      chosen: qemu.path,
      qemus: [
        {
          version: qemu.version.text,
          pluginApi: qemu.pluginApi,
          capabilities: {
            vaddr: { status: 'yes' },
            pc: { status: expect.stringMatching(/yes|partial/) },
            'address-space': { status: expect.stringMatching(addressSpace) },
            values: { status: 'no' },
          },
        },
      ],
    });
  });
});
