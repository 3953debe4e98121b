// Other programs in tests: is one there, a free port for it, its start and its end. Where one is missing, its tests are
// skipped with the reason; in CI a missing program is a failure.

import { describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './until.ts';

/** Whether a test that needs more than this tree has to run, rather than be skipped with a reason. */
export const isCi = process.env['CI'] === 'true';

export function describeWith(programs: readonly string[], name: string, body: () => void): void {
  const missing = programs.filter((program) => Bun.which(program) === null);
  if (missing.length === 0) describe(name, body);
  else if (isCi) test(`${name}: its programs are installed`, () => expect(missing).toEqual([]));
  else describeSkipped(`${missing.join(', ')} is not installed`, name, body);
}

/** Says why, and leaves the tests in the count of those skipped. */
export function describeSkipped(reason: string, name: string, body: () => void): void {
  console.log(`${name}: skipped, ${reason}`);
  describe.skip(name, body);
}

export interface ProgramOptions {
  /** What to start, given a folder of its own that is removed with it. */
  command(folder: string): readonly string[];
  /** Whether it answers already; asked again until it does, so it may throw before. */
  ready(): Promise<boolean>;
}

export interface Program {
  readonly child: Bun.Subprocess;
  readonly folder: string;
  /** Kills this one process, by its handle, and forgets its folder. */
  stop(): Promise<void>;
}

/** Its output is in the files `out` and `log` (stderr) of its folder. Rejects, with that log, when it ends unready. */
export async function startProgram({ command, ready }: ProgramOptions): Promise<Program> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-peer-'));
  const log = join(folder, 'log');
  const words = command(folder);
  const child = Bun.spawn([...words], { stdio: ['ignore', Bun.file(join(folder, 'out')), Bun.file(log)] });
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await child.exited;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await until(`${words[0]} is ready`, async () => child.exitCode !== null || (await ready()));
    if (child.exitCode !== null) throw new Error(`${words[0]} ended: ${await Bun.file(log).text()}`);
  } catch (error) {
    await stop();
    throw error;
  }
  return { child, folder, stop };
}

export interface Output {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command to its end. */
export async function run(command: readonly string[], input = ''): Promise<Output> {
  const child = Bun.spawn([...command], { stdin: new Blob([input]), stdout: 'pipe', stderr: 'pipe' });
  const texts = [new Response(child.stdout).text(), new Response(child.stderr).text()] as const;
  const [code, out, err] = await Promise.all([child.exited, ...texts]);
  return { code, out, err };
}

/** Below those of outgoing connections, which would take one of ours before it is listened on. */
const ports = { first: 20_000, last: 32_000 } as const;

/** So many of them, no two alike: all are held until the last one is known. */
export function freePorts(count: number): readonly number[] {
  const servers = Array.from({ length: count }, listenSomewhere);
  const found = servers.map(({ port }) => port);
  for (const server of servers) server.stop(true);
  return found;
}

/** A port of 127.0.0.1 that was free a moment ago. */
export function freePort(): number {
  return freePorts(1)[0] ?? 0;
}

/** Who was given one of these may not listen there yet. */
const given = new Set<number>();
const givenMax = 1_000;

function listenSomewhere(): Bun.TCPSocketListener {
  for (;;) {
    const port = ports.first + Math.floor(Math.random() * (ports.last - ports.first));
    if (given.has(port)) continue;
    given.add(port);
    for (const oldest of given) {
      if (given.size <= givenMax) break;
      given.delete(oldest);
    }
    try {
      return Bun.listen({ hostname: '127.0.0.1', port, socket: { data() {} } });
    } catch {
      // Somebody has it.
    }
  }
}
