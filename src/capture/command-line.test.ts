// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { buildCommandLine, type CommandLineRequest } from './command-line.ts';
import { inspectQemuArguments } from './qemu-arguments.ts';
import { parseQemuVersion, pluginApiOf, type QemuVersion } from './qemu-version.ts';

const version = (text: string): QemuVersion => {
  const parsed = parseQemuVersion(`QEMU emulator version ${text} (Debian)`);
  if (parsed === undefined) throw new Error(`not a version: ${text}`);
  return parsed;
};

const request = (
  guestArguments: readonly string[],
  changes: Partial<CommandLineRequest> = {},
): CommandLineRequest => ({
  version: version('10.0.2'),
  logsTraces: true,
  guestArguments,
  pluginFile: '/p/loadstore.so',
  outputFile: '/out/a.memtrace',
  metaFile: '/s/meta.json',
  controlFile: '/s/control',
  eventLogFile: '/s/events.log',
  limits: {},
  startPaused: false,
  ...changes,
});

describe('parseQemuVersion and pluginApiOf', () => {
  it.each([
    ['7.2.22', 1],
    ['8.2.0', 1],
    ['9.0.0', 2],
    ['9.1.2', 3],
    ['9.2.0', 4],
    ['10.0.2', 4],
    ['10.2.1', 5],
    ['11.0.0', 6],
    ['11.1.3', 7],
    ['12.0.0', 7],
  ])('QEMU %s is spoken to in API %i', (text, api) => {
    expect(pluginApiOf(version(text))).toBe(api);
    expect(version(text).text).toBe(text);
  });

  it('is undefined for other programs', () => {
    expect(parseQemuVersion('qemu-img version 10.0.2')).toBeUndefined();
  });
});

describe('buildCommandLine', () => {
  it('adds one thread, the event log and the plugin behind the user arguments', () => {
    const { args, notes } = buildCommandLine(request(['-m', '1G']));
    expect(args).toEqual([
      ...['-m', '1G', '-accel', 'tcg,thread=single', '-d', 'int', '-D', '/s/events.log'],
      ...['-trace', 'loadvm_state_setup'],
      '-plugin',
      '/p/loadstore.so,out=/out/a.memtrace,meta=/s/meta.json,control=/s/control,events=/s/events.log,restores=logged',
    ]);
    expect(notes).toEqual([]);
  });

  it('leaves traces out of a QEMU that does not log them, and lets the plugin know', () => {
    const { args, notes } = buildCommandLine(request([], { logsTraces: false }));
    expect(args).not.toContain('-trace');
    expect(args.at(-1)).toMatch(/,events=\/s\/events\.log$/);
    expect(notes).toEqual([]);
    const audited = buildCommandLine(request([], { logsTraces: false, auditMemory: true }));
    expect(audited.args).not.toContain('-trace');
    expect(audited.args.at(-1)).toMatch(/,audit=memory$/);
    expect(audited.notes).toEqual([
      'this QEMU has no trace events in its log (-d help names no "trace:"): the memory audit cannot tell what devices write, or that a snapshot was loaded, from what is unknown',
    ]);
  });

  it('has no word on snapshots without events', () => {
    const { args } = buildCommandLine(request([], { eventLogFile: undefined }));
    expect(args).not.toContain('-trace');
    expect(args.at(-1)).not.toContain('restores');
  });

  it('hands limits and the start over, and doubles commas in paths', () => {
    const { args } = buildCommandLine(
      request([], {
        outputFile: '/a,b.memtrace',
        eventLogFile: undefined,
        limits: { accesses: 5, instructions: 6, bytes: 7 },
        startPaused: true,
      }),
    );
    expect(args.at(-1)).toBe(
      '/p/loadstore.so,out=/a,,b.memtrace,meta=/s/meta.json,control=/s/control,start=paused,max-accesses=5,max-instructions=6,max-bytes=7',
    );
    expect(args).not.toContain('-d');
  });

  it.each([
    [['-accel', 'kvm'], 'kvm'],
    [['--accel', 'hvf'], 'hvf'],
    [['-enable-kvm'], 'kvm'],
    [['-M', 'q35,accel=kvm:tcg'], 'kvm'],
    [['-machine', 'type=pc,accel=xen'], 'xen'],
  ])('refuses %j, which no plugin sees', (args, name) => {
    expect(() => buildCommandLine(request(args))).toThrow(`the accelerator "${name}"`);
  });

  it('keeps the accelerator of the user', () => {
    const { args, notes } = buildCommandLine(request(['-accel', 'tcg,thread=single,tb-size=32']));
    expect(args.filter((word) => word === '-accel')).toHaveLength(1);
    expect(notes).toEqual([]);
  });

  it.each([[['-accel', 'tcg,thread=multi']], [['-accel', 'tcg']], [['-M', 'q35,accel=tcg']]])(
    'says what %j loses, and refuses it before QEMU 10',
    (args) => {
      expect(buildCommandLine(request(args)).notes.join()).toContain('order between vCPUs');
      expect(() => buildCommandLine(request(args, { version: version('7.2.22') }))).toThrow(
        'uses freed memory',
      );
    },
  );

  it('takes icount as one thread', () => {
    const args = ['-accel', 'tcg', '-icount', 'shift=2'];
    expect(buildCommandLine(request(args, { version: version('7.2.22') })).notes).toEqual([]);
  });

  it.each([[['-d', 'guest_errors']], [['-D', 'my.log']]])('says that %j is in conflict', (args) => {
    expect(() => buildCommandLine(request(args))).toThrow('in conflict with recording');
    expect(buildCommandLine(request(args, { eventLogFile: undefined })).args).toEqual(
      expect.arrayContaining(args),
    );
  });

  it('refuses to lose sight of QEMU, and lets other plugins be', () => {
    expect(() => buildCommandLine(request(['-daemonize']))).toThrow('-daemonize');
    const { args } = buildCommandLine(request(['-plugin', 'other.so']));
    expect(args.filter((word) => word === '-plugin')).toHaveLength(2);
  });
});

describe('inspectQemuArguments', () => {
  it.each([
    [['-nographic'], true],
    [['-serial', 'mon:stdio'], true],
    [['-chardev', 'stdio,id=c'], true],
    [['-display', 'curses'], true],
    [['-serial', 'file:stdio.txt'], false],
    [['-display', 'none', '-serial', 'null'], false],
  ])('%j uses the terminal: %s', (args, expected) => {
    expect(inspectQemuArguments(args).usesTerminal).toBe(expected);
  });

  it('lists image files', () => {
    const { imageFiles } = inspectQemuArguments([
      ...['-kernel', 'k', '-initrd', 'i', '-drive', 'if=ide,file=a,,b.img,format=raw'],
      ...['-blockdev', 'driver=file,filename=d.qcow2,node-name=n', '-bios', 'k', '-m', '1G'],
    ]);
    expect(imageFiles).toEqual(['k', 'i', 'a,b.img', 'd.qcow2']);
  });
});

describe('the memory audit', () => {
  it('has QEMU tell what devices are asked to write, and what they map where that can be asked', () => {
    const traces = (text: string): string[] => {
      const { args } = buildCommandLine(request([], { auditMemory: true, version: version(text) }));
      expect(args.at(-1)).toMatch(/,audit=memory$/);
      return args.filter((_, i) => args[i - 1] === '-trace');
    };
    const common = [
      'loadvm_state_setup',
      'memory_region_ops_write',
      'virtio_queue_notify',
      'virtqueue_pop',
      'pci_nvme_map_addr',
      'pci_nvme_mmio_aqattr',
      'pci_nvme_mmio_acqaddr',
      'pci_nvme_mmio_acqaddr_hi',
      'pci_nvme_create_cq',
      'pci_nvme_enqueue_req_completion',
    ];
    expect(traces('7.2.22')).toEqual(common);
    expect(traces('10.0.2')).toEqual([...common, 'address_space_map']);
  });

  it('needs events and one thread', () => {
    expect(() =>
      buildCommandLine(request([], { auditMemory: true, eventLogFile: undefined })),
    ).toThrow(/needs events/);
    expect(() =>
      buildCommandLine(request(['-accel', 'tcg,thread=multi'], { auditMemory: true })),
    ).toThrow(/one thread/);
  });
});

describe('a deliberate fault', () => {
  it('is handed to the plugin', () => {
    const { args } = buildCommandLine(request([], { fault: 'drop:100' }));
    expect(args.at(-1)).toMatch(/,fault=drop:100$/);
  });
});
