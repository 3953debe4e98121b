// Every flag of Envoy is taken, or refused with a sentence; what is taken does what it says.

import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeWith, run } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import { command } from './proxy.ts';

setDefaultTimeout(60_000);

/** `envoy --help` of 1.40; false: it is refused. */
const flags: Readonly<Record<string, boolean>> = {
  '--admin-address-path': true,
  '--allow-unknown-fields': false,
  '--allow-unknown-static-fields': false,
  '--base-id': true,
  '--base-id-path': true,
  '--component-log-level': false,
  '--concurrency': true,
  '--config-path': true,
  '--config-yaml': true,
  '--cpuset-threads': true,
  '--disable-extensions': false,
  '--disable-hot-restart': true,
  '--drain-strategy': true,
  '--drain-time-s': true,
  '--enable-core-dump': false,
  '--enable-fine-grain-logging': false,
  '--enable-mutex-tracing': false,
  '--file-flush-interval-msec': true,
  '--file-flush-min-size-kb': true,
  '--help': true,
  '--hot-restart-version': true,
  '--ignore-unknown-dynamic-fields': false,
  '--ignore_rest': false,
  '--local-address-ip-version': false,
  '--log-format': false,
  '--log-format-escaped': true,
  '--log-level': true,
  '--log-path': true,
  '--log-stacktrace-single-entry': true,
  '--mode': true,
  '--parent-shutdown-time-s': true,
  '--reject-unknown-dynamic-fields': true,
  '--restart-epoch': true,
  '--service-cluster': true,
  '--service-node': true,
  '--service-zone': true,
  '--skip-deprecated-logs': true,
  '--skip-hot-restart-on-no-parent': true,
  '--skip-hot-restart-parent-stats': true,
  '--socket-mode': false,
  '--socket-path': false,
  '--stats-tag': false,
  '--use-dynamic-base-id': true,
  '--version': true,
};

describe('Envoy’s flags', () => {
  test.each(Object.entries(flags))('%s: %p', async (flag, taken) => {
    const option = command.options.find(({ long }) => long === flag);
    if (flag !== '--help') expect(option).toBeDefined();
    if (taken) return;
    const words = option?.required === true ? [flag, 'x'] : [flag];
    const parsed = command.parseAsync(words, { from: 'user' });
    await expect(parsed).rejects.toThrow(`${flag}: is not taken: `);
  });
});

describeWith(['envoy'], 'Envoy', () => {
  test('has these flags and no other', async () => {
    const { out } = await run(['envoy', '--help']);
    const listed = [...out.matchAll(/^ {3}(?:-\S+(?: <\w+>)?, +)?(--[\w-]+)/gm)].map(([, flag]) => flag);
    expect(listed.sort()).toEqual(Object.keys(flags).sort());
  });
});

const weft = join(import.meta.dir, '../../bin/weft');
const folder = mkdtempSync(join(tmpdir(), 'weft-flags-'));
const at = (name: string) => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const admin = 'admin: { address: { socket_address: { address: 127.0.0.1, port_value: 0 } } }';
writeFileSync(
  at('base.yaml'),
  `node: { id: a, cluster: c, locality: { region: r, zone: of-file } }\n${admin}\n`,
);

/** Starts a proxy, and ends it when it was looked at. */
async function started(words: readonly string[], look: (admin: string) => Promise<void>): Promise<void> {
  const path = at(`admin-${crypto.randomUUID()}`);
  const child = Bun.spawn(
    [
      weft,
      'proxy',
      '-c',
      at('base.yaml'),
      '-l',
      'error',
      '--warm-up',
      '0',
      '--admin-address-path',
      path,
      ...words,
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  try {
    await until('it serves', () => Bun.file(path).exists());
    const address = readFileSync(path, 'utf8');
    expect(address).toMatch(/^127\.0\.0\.1:[1-9]\d*$/);
    await look(`http://${address}`);
  } finally {
    child.kill('SIGKILL');
    await child.exited;
  }
}

describe('the process', () => {
  test('merges, says where it is, and starts without a proxy before it', async () => {
    const over = 'node: { id: b }';
    const epoch = ['--base-id', `${process.pid}`, '--restart-epoch', '3', '--skip-hot-restart-on-no-parent'];
    const zone = ['--service-zone', 'of-flag', '--base-id-path', at('base-id')];
    await started(['--config-yaml', over, ...epoch, ...zone], async (admin) => {
      const { node } = (await (await fetch(`${admin}/server_info`)).json()) as { node: object };
      expect(node).toMatchObject({ id: 'b', cluster: 'c', locality: { region: 'r', zone: 'of-flag' } });
      expect(readFileSync(at('base-id'), 'utf8')).toBe(`${process.pid}\n`);
    });
  });

  test('finds a base id of its own, and has as many threads as CPUs', async () => {
    const words = ['--use-dynamic-base-id', '--base-id-path', at('dynamic'), '--cpuset-threads'];
    await started(words, async (admin) => {
      expect(Number(readFileSync(at('dynamic'), 'utf8'))).toBeGreaterThan(0);
      const text = await (await fetch(`${admin}/stats/prometheus`)).text();
      expect(text).toContain(`envoy_server_concurrency ${navigator.hardwareConcurrency}\n`);
    });
  });

  test('adds its log to the file that it is told', async () => {
    writeFileSync(at('log'), 'of a process before\n');
    await started(['--log-path', at('silent'), '-l', 'off'], async () => {
      expect(readFileSync(at('silent'), 'utf8')).toBe('');
    });
    await started(['--log-path', at('log'), '-l', 'info'], async () => {
      const [before, ...lines] = readFileSync(at('log'), 'utf8').trimEnd().split('\n');
      expect(before).toBe('of a process before');
      const messages = lines.map((line) => (JSON.parse(line) as { message: string }).message);
      expect(messages).toContain('starting');
    });
  });

  test('refuses what cannot be', async () => {
    const refused = async (...words: string[]) => {
      const { code, err } = await run([weft, 'proxy', '-c', at('base.yaml'), ...words]);
      expect(code).toBe(64);
      return err;
    };
    const [dynamic, orphan, format, log] = await Promise.all([
      refused('--use-dynamic-base-id', '--restart-epoch', '1'),
      refused('--base-id', `${process.pid}`, '--restart-epoch', '9'),
      refused('--log-format', '%v'),
      refused('--log-path', at('no-such-folder/log')),
    ]);
    expect(dynamic).toContain('--use-dynamic-base-id: a successor must be given');
    expect(orphan).toContain('--restart-epoch 9: ');
    expect(format).toContain('--log-format: is not taken: ');
    expect(log).toContain('--log-path: ENOENT');
    expect((await run([weft, 'proxy', '--hot-restart-version'])).out).toStartWith('weft ');
    expect((await run([weft, 'proxy', '--version'])).code).toBe(0);
  });
});
