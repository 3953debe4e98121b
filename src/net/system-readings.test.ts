import { afterEach, describe, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createSystemReadings } from './system-readings.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function system(files: Readonly<Record<string, string>>) {
  const root = mkdtempSync(join(tmpdir(), 'weft-readings-'));
  folders.push(root);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return createSystemReadings(`${root}/`);
}

const mib = 1024 * 1024;

describe('the memory of a cgroup', () => {
  test('version 2: the working set, without page cache that the kernel takes back', () => {
    const readings = system({
      'proc/self/cgroup': '0::/\n',
      'sys/fs/cgroup/memory.max': `${100 * mib}\n`,
      'sys/fs/cgroup/memory.current': `${60 * mib}\n`,
      'sys/fs/cgroup/memory.stat': `anon 5\ninactive_file ${20 * mib}\nactive_file 7\n`,
    });
    expect(readings.cgroupMemory()).toEqual({ usedBytes: 40 * mib, limitBytes: 100 * mib });
  });

  test('the nearest group with a limit counts', () => {
    const readings = system({
      'proc/self/cgroup': '0::/pod/proxy\n',
      'sys/fs/cgroup/pod/proxy/memory.max': 'max\n',
      'sys/fs/cgroup/pod/proxy/memory.current': '1\n',
      'sys/fs/cgroup/pod/memory.max': `${10 * mib}\n`,
      'sys/fs/cgroup/pod/memory.current': `${3 * mib}\n`,
    });
    expect(readings.cgroupMemory()).toEqual({ usedBytes: 3 * mib, limitBytes: 10 * mib });
  });

  test('version 1', () => {
    const readings = system({
      'proc/self/cgroup': '5:cpu,cpuacct:/a\n4:memory:/a\n',
      'sys/fs/cgroup/memory/a/memory.limit_in_bytes': `${8 * mib}\n`,
      'sys/fs/cgroup/memory/a/memory.usage_in_bytes': `${5 * mib}\n`,
      'sys/fs/cgroup/memory/a/memory.stat': `total_inactive_file ${mib}\n`,
    });
    expect(readings.cgroupMemory()).toEqual({ usedBytes: 4 * mib, limitBytes: 8 * mib });
  });

  const none: readonly (readonly [name: string, files: Readonly<Record<string, string>>])[] = [
    ['no cgroups', {}],
    ['no limit', { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/memory.max': 'max\n' }],
    [
      'the number that version 1 writes for none',
      {
        'proc/self/cgroup': '4:memory:/\n',
        'sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
        'sys/fs/cgroup/memory/memory.usage_in_bytes': '5\n',
      },
    ],
  ];
  for (const [name, files] of none) test(name, () => expect(system(files).cgroupMemory()).toBeNull());
});

test.skipIf(process.platform !== 'linux')('descriptors and resident memory of this very process', () => {
  const readings = createSystemReadings();
  const files = readings.openFiles();
  expect(files!.open).toBeGreaterThan(2);
  expect(files!.open).toBeLessThan(files!.max);
  expect(readings.residentBytes()).toBeGreaterThan(mib);
});
