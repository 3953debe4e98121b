// Calls to other people’s servers: grpc-go’s interop service by its reflection, old and new, and Python’s grpcio by
// a .proto file. What arrives there is what the JSON said.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority } from '../../testing/certificates.ts';
import { describeWith, freePort, run } from '../../testing/programs.ts';
import type { LoadReport } from '../types.ts';

setDefaultTimeout(120_000);

const root = join(import.meta.dir, '../../..');
const folder = mkdtempSync(join(tmpdir(), 'weft-grpc-load-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Loaded {
  readonly code: number;
  readonly err: string;
  readonly report: LoadReport;
}

async function load(
  port: number,
  method: string,
  flags: readonly string[],
  input = '',
  scheme = 'http',
  host = '127.0.0.1',
): Promise<Loaded> {
  const url = `${scheme}://${host}:${port}/${method}`;
  const pace = ['--rate', '50', '--duration', '400ms', '--connections', '2', '--json'];
  const { code, out, err } = await run([join(root, 'bin/weft'), 'load', url, ...pace, ...flags], input);
  return { code, err, report: out === '' ? (null as never) : (JSON.parse(out) as LoadReport) };
}

describeWith(['go'], 'grpc-go, by reflection', () => {
  const binary = join(folder, 'go-http2');
  const children: Bun.Subprocess[] = [];

  async function serve(...flags: readonly string[]): Promise<number> {
    const port = freePort();
    const child = Bun.spawn([binary, '-address', `127.0.0.1:${port}`, ...flags, 'grpc-serve'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    children.push(child);
    await child.stdout.getReader().read();
    return port;
  }

  beforeAll(() => {
    const built = Bun.spawnSync(['go', 'build', '-o', binary, '.'], {
      cwd: join(root, 'tools/peers/go-http2'),
    });
    if (!built.success) throw new Error(built.stderr.toString());
  }, 600_000);
  afterAll(() => {
    for (const child of children) child.kill('SIGKILL');
  });

  test.each([
    ['v1', []],
    ['v1alpha', ['-v1alpha']],
  ])('%s: all kinds of calls', async (_version, serverFlags) => {
    const port = await serve(...serverFlags);
    const service = 'grpc.testing.TestService';
    const sizes = [{ size: 10 }, { size: 20 }];
    const stream = { responseParameters: sizes, payload: { body: 'AAAA' } };
    const kinds = [
      ['UnaryCall', { responseSize: 5, payload: { body: 'AAAA' } }, [], 20],
      ['StreamingInputCall', { payload: { body: 'AAAA' } }, ['--messages', '7'], 20],
      ['StreamingOutputCall', stream, [], 40],
      ['FullDuplexCall', stream, ['--messages', '5', '--message-interval', '5ms'], 200],
    ] as const;
    for (const [method, data, flags, messages] of kinds) {
      const given = ['--reflection', '--data', JSON.stringify(data), ...flags];
      const { report } = await load(port, `${service}/${method}`, given);
      expect([method, report.grpcStatuses, report.messagesReceived]).toEqual([method, { OK: 20 }, messages]);
    }
  });

  test('over TLS, by reflection too, and no other server than the one that was meant', async () => {
    const authority = createAuthority();
    const own = authority.issue({ dns: ['*.bank.example'], ip: [Uint8Array.of(127, 0, 0, 1)] });
    const [ca, other, cert, key] = ['ca', 'other', 'cert', 'key'].map((name) => join(folder, `${name}.pem`));
    writeFileSync(ca!, authority.pem);
    writeFileSync(other!, createAuthority('Another').pem);
    writeFileSync(cert!, own.chainPem);
    writeFileSync(key!, own.keyPem);
    const port = await serve('-cert', cert!, '-key', key!);
    const method = 'grpc.testing.TestService/UnaryCall';
    const calls = async (...flags: readonly string[]) =>
      load(port, method, ['--reflection', ...flags], '', 'https');
    expect((await calls('--ca', ca!)).report.grpcStatuses).toEqual({ OK: 20 });
    expect((await calls('--insecure')).report.grpcStatuses).toEqual({ OK: 20 });
    for (const flags of [['--ca', other!], []]) {
      const { code, err } = await calls(...flags);
      expect([code, err]).toEqual([64, expect.stringMatching(/UNABLE_TO|SELF_SIGNED|unable|certificate/)]);
    }
    const name = await load(port, method, ['--ca', ca!], '', 'https', 'localhost');
    expect([name.code, name.report.failures]).toEqual([1, { 'tls-failed': 20 }]);
  });

  test('a server that asks for a certificate takes the right one only', async () => {
    const authority = createAuthority();
    const issue = (from: typeof authority, name: string) => {
      const own = from.issue({ dns: ['a.bank.example'], ip: [Uint8Array.of(127, 0, 0, 1)] });
      const paths = [join(folder, `${name}-cert.pem`), join(folder, `${name}-key.pem`)] as const;
      writeFileSync(paths[0], own.chainPem);
      writeFileSync(paths[1], own.keyPem);
      return ['--cert', paths[0], '--key', paths[1]];
    };
    const ca = join(folder, 'client-ca.pem');
    writeFileSync(ca, authority.pem);
    const [, cert, , key] = issue(authority, 'server');
    const port = await serve('-cert', cert!, '-key', key!, '-client-ca', ca);
    const calls = (flags: readonly string[]) =>
      load(port, 'grpc.testing.TestService/UnaryCall', ['--reflection', '--ca', ca, ...flags], '', 'https');
    expect((await calls(issue(authority, 'right'))).report.grpcStatuses).toEqual({ OK: 20 });
    for (const flags of [issue(createAuthority('Another'), 'wrong'), []]) {
      const { code, err } = await calls(flags);
      expect([code, err]).toEqual([
        64,
        expect.stringMatching(/unknown ca|certificate required|bad certificate/),
      ]);
    }
  });

  test('a status that the message asks for is counted by its name', async () => {
    const port = await serve();
    const data = JSON.stringify({ responseStatus: { code: 5, message: 'nobody' } });
    const { code, report } = await load(port, 'grpc.testing.TestService.UnaryCall', [
      '--reflection',
      ...['--data', data],
    ]);
    expect([code, report.grpcStatuses, report.failures]).toEqual([
      1,
      { NOT_FOUND: 20 },
      { 'grpc-status-5': 20 },
    ]);
  });

  test('what the server does not have is said', async () => {
    const port = await serve();
    const method = await load(port, 'grpc.testing.TestService/UnaryCal', ['--reflection']);
    expect([method.code, method.err]).toEqual([
      64,
      expect.stringContaining('must name a method of grpc.testing.TestService; did you mean UnaryCall?'),
    ]);
    const service = await load(port, 'grpc.testing.Gone/Call', ['--reflection']);
    expect([service.code, service.err]).toEqual([64, expect.stringContaining('must know grpc.testing.Gone')]);
    const field = await load(port, 'grpc.testing.TestService/UnaryCall', [
      '--reflection',
      '--data',
      '{"siz": 1}',
    ]);
    expect([field.code, field.err]).toEqual([64, expect.stringContaining('key "siz" is unknown')]);
  });
});

describeWith(['python3'], 'grpcio, by a .proto file', () => {
  const proto = join(folder, 'teller.proto');
  writeFileSync(
    proto,
    `syntax = "proto3"; package bank.v1; import "common/money.proto";
     service Teller {
       rpc Unary (Order) returns (Order); rpc Refused (Order) returns (Order); rpc Slow (Order) returns (Order);
       rpc Collect (stream Order) returns (Order); rpc Tell (Order) returns (stream Order);
       rpc Talk (stream Order) returns (stream Order);
     }
     message Order { string to = 1; common.Money money = 2; }`,
  );
  const imports = mkdtempSync(join(folder, 'imports-'));
  Bun.spawnSync(['mkdir', join(imports, 'common')]);
  writeFileSync(
    join(imports, 'common/money.proto'),
    'syntax = "proto3"; package common; message Money { int64 pennies = 1; }',
  );

  interface Seen {
    readonly calls: number;
    readonly messages: number;
    readonly lengths: readonly number[];
    readonly metadata: readonly string[];
    readonly deadlines: readonly number[];
    readonly first: string;
  }

  async function play(
    method: string,
    flags: readonly string[],
    input = '',
  ): Promise<Loaded & { readonly seen: Seen }> {
    const child = Bun.spawn(['python3', join(root, 'tools/peers/grpc-server.py')], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    try {
      const reader = child.stdout.getReader();
      const port = Number(Buffer.from((await reader.read()).value ?? []).toString());
      const described = ['--proto', proto, '--import-path', imports];
      const loaded = await load(port, `bank.v1.Teller/${method}`, [...described, ...flags], input);
      child.stdin.end();
      let told = '';
      for (let read = await reader.read(); !read.done; read = await reader.read())
        told += Buffer.from(read.value).toString();
      return { ...loaded, seen: JSON.parse(told) as Seen };
    } finally {
      child.kill('SIGKILL');
    }
  }

  const order = { to: 'me', money: { pennies: '300' } };
  const bytes = '0a026d65' + '1203' + '08ac02';

  test('a unary call, with metadata and a deadline', async () => {
    const flags = ['--data', JSON.stringify(order), '--header', 'x-who: teller', '--deadline', '30s'];
    const { report, seen } = await play('Unary', flags);
    expect(report).toMatchObject({ grpcStatuses: { OK: 20 }, messagesReceived: 20, failed: 0 });
    expect(seen).toMatchObject({ calls: 20, messages: 20, first: bytes, metadata: ['teller'] });
    expect(seen.deadlines[0]).toBeWithin(1, 30.001);
  });

  test('messages a line on standard input take turns', async () => {
    const lines = `${JSON.stringify(order)}\n{}\n`;
    const { report, seen } = await play('Unary', ['--data-file', '-'], lines);
    expect([report.grpcStatuses, seen.lengths]).toEqual([{ OK: 20 }, [0, 9]]);
  });

  test.each([
    ['Collect', ['--messages', '4'], 80, 20],
    ['Tell', [], 20, 60],
    ['Talk', ['--messages', '4', '--message-interval', '2ms'], 80, 80],
  ])('%s', async (method, flags, sent, received) => {
    const { report, seen } = await play(method, ['--data', JSON.stringify(order), ...flags]);
    expect(report).toMatchObject({ grpcStatuses: { OK: 20 }, messagesReceived: received });
    expect(seen).toMatchObject({ calls: 20, messages: sent, first: bytes });
  });

  test('a refusal, and a deadline that passes', async () => {
    expect((await play('Refused', [])).report.grpcStatuses).toEqual({ NOT_FOUND: 20 });
    const { report } = await play('Slow', ['--deadline', '100ms']);
    expect([report.grpcStatuses, report.failures]).toEqual([
      { DEADLINE_EXCEEDED: 20 },
      { 'grpc-status-4': 20 },
    ]);
    expect(report.elapsedMs).toBeLessThan(2_000);
  });

  test('a server without reflection', async () => {
    const child = Bun.spawn(['python3', join(root, 'tools/peers/grpc-server.py')], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    try {
      const port = Number(Buffer.from((await child.stdout.getReader().read()).value ?? []).toString());
      const { code, err } = await load(port, 'bank.v1.Teller/Unary', ['--reflection']);
      expect([code, err]).toEqual([
        64,
        expect.stringContaining('must be served: this server has no reflection'),
      ]);
    } finally {
      child.kill('SIGKILL');
    }
  });
});
