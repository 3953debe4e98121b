// The control plane beside go-control-plane's snapshot cache and server, both asked by the same clients on grpc-go in
// one run: how long and how much CPU until all have their first picture, and until one endpoint change, and one new
// Service, have reached all.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface ControlBenchOptions {
  readonly services: number;
  readonly streams: number;
  /** Endpoint changes measured. */
  readonly changes: number;
}

interface Figures {
  readonly name: string;
  readonly firstMs: number;
  readonly firstCpuMs: number;
  readonly peakMb: number;
  readonly changeP50Ms: number;
  readonly changeP99Ms: number;
  readonly changeCpuMs: number;
  readonly endpointMb: number;
  /** Of a new Service; null where there is no such thing. */
  readonly service: { readonly ms: number; readonly cpuMs: number; readonly sentMb: number } | null;
  readonly broken: number;
}

const endpoints = 10;
const clientConnections = 100;
const waitMs = 120_000;

/** A process that takes lines and says lines. */
class Child {
  readonly lines: string[] = [];
  private readonly process;

  constructor(command: readonly string[]) {
    this.process = Bun.spawn([...command], { stdin: 'pipe', stdout: 'pipe', stderr: 'inherit' });
    void this.read();
  }

  private async read(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = '';
    for await (const bytes of this.process.stdout) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      this.lines.push(...lines);
    }
  }

  say(line: string): void {
    this.process.stdin.write(`${line}\n`);
    void this.process.stdin.flush();
  }

  /** The words of the first line from `from` on that begins with `word`. */
  async hear(word: string, from = 0): Promise<readonly string[]> {
    const deadline = performance.now() + waitMs;
    while (performance.now() < deadline) {
      const line = this.lines.slice(from).find((one) => one.startsWith(word));
      if (line !== undefined) return line.split(' ');
      await Bun.sleep(5);
    }
    throw new Error(`nothing began with ${word} in ${waitMs} ms`);
  }

  /** User and system time so far; a tick is a hundredth of a second. */
  get cpuMs(): number {
    const stat = readFileSync(`/proc/${this.process.pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10;
  }

  get peakMb(): number {
    const status = readFileSync(`/proc/${this.process.pid}/status`, 'utf8');
    return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1_024;
  }

  async stop(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.process.exited;
  }
}

export async function benchControl(options: ControlBenchOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-bench-control-'));
  try {
    const source = fileURLToPath(new URL('../../tools/peers/go-control-plane', import.meta.url));
    for (const [name, path] of [
      ['server', '.'],
      ['clients', './clients'],
    ] as const) {
      const built = Bun.spawnSync(['go', 'build', '-o', join(folder, name), path], { cwd: source });
      if (!built.success) throw new Error(`${path} cannot be built: ${built.stderr.toString()}`);
    }
    const { services, streams } = options;
    const clients = join(folder, 'clients');
    const serve = fileURLToPath(new URL('serve.ts', import.meta.url));
    const figures = [
      await measure('go-control-plane', [join(folder, 'server'), '-quiet'], clients, options, (salt) => {
        return `fill ${salt + 1} ${services} ${endpoints} ${salt}`;
      }),
      await measure(
        'weft',
        [process.execPath, serve, String(services), String(endpoints)],
        clients,
        options,
        (salt) => `endpoint ${salt}`,
        (number) => `service ${number}`,
      ),
    ];
    print(figures, `${services} Services × ${endpoints} endpoints, ${streams} incremental streams`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(
  name: string,
  command: readonly string[],
  clients: string,
  options: ControlBenchOptions,
  change: (salt: number) => string,
  add: ((number: number) => string) | null = null,
): Promise<Figures> {
  const { services, streams, changes } = options;
  const server = new Child(command);
  const children = [server];
  try {
    const port = (await server.hear('port'))[1];
    server.say(change(0));
    await Bun.sleep(500);
    const before = server.cpuMs;
    const client = new Child([
      clients,
      ...['-address', `127.0.0.1:${port}`, '-streams', String(streams)],
      ...['-connections', String(Math.min(streams, clientConnections)), '-clusters', String(services)],
    ]);
    children.push(client);
    const firstMs = Number((await client.hear('complete'))[2]);
    await Bun.sleep(500);
    const firstCpuMs = server.cpuMs - before;
    client.say('bytes');
    const endpointMb = Number((await client.hear('bytes'))[1]) / streams / 1e6;
    const measured: { p50: number; p99: number; cpu: number }[] = [];
    for (let salt = 1; salt <= changes; salt++) {
      const [from, cpu] = [client.lines.length, server.cpuMs];
      client.say('expect ClusterLoadAssignment');
      await Bun.sleep(20);
      server.say(change(salt));
      const words = await client.hear('changed', from);
      await Bun.sleep(500);
      // The clients' clock began 20 ms before the change.
      measured.push({ p50: Number(words[3]) - 20, p99: Number(words[4]) - 20, cpu: server.cpuMs - cpu });
    }
    const service = add === null ? null : await measureService(server, client, add);
    return {
      name,
      firstMs,
      firstCpuMs,
      peakMb: server.peakMb,
      changeP50Ms: median(measured.map(({ p50 }) => p50)),
      changeP99Ms: median(measured.map(({ p99 }) => p99)),
      changeCpuMs: median(measured.map(({ cpu }) => cpu)),
      endpointMb,
      service,
      broken: client.lines.filter((line) => line.startsWith('broken')).length,
    };
  } finally {
    for (const child of children) await child.stop();
  }
}

/** From the manifest to the last client that has its cluster. */
async function measureService(
  server: Child,
  client: Child,
  add: (number: number) => string,
): Promise<NonNullable<Figures['service']>> {
  const measured: { ms: number; cpuMs: number; sentMb: number }[] = [];
  for (let number = 0; number < 3; number++) {
    const [from, cpu] = [client.lines.length, server.cpuMs];
    client.say('bytes');
    client.say('expect Cluster');
    await Bun.sleep(20);
    server.say(add(number));
    const words = await client.hear('changed', from);
    await Bun.sleep(1_000);
    const told = client.lines.length;
    client.say('bytes');
    const [, , all] = await client.hear('bytes', told);
    measured.push({ ms: Number(words[4]) - 20, cpuMs: server.cpuMs - cpu, sentMb: Number(all) / 1e6 });
  }
  return {
    ms: median(measured.map(({ ms }) => ms)),
    cpuMs: median(measured.map(({ cpuMs }) => cpuMs)),
    sentMb: median(measured.map(({ sentMb }) => sentMb)),
  };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}

function print(figures: readonly Figures[], title: string): void {
  const rows: readonly (readonly [string, (one: Figures) => string])[] = [
    ['first picture for all, s', ({ firstMs }) => (firstMs / 1_000).toFixed(1)],
    ['its CPU, s', ({ firstCpuMs }) => (firstCpuMs / 1_000).toFixed(1)],
    ['RSS, peak, MB', ({ peakMb }) => peakMb.toFixed(0)],
    ['endpoint change, p50, ms', ({ changeP50Ms }) => changeP50Ms.toFixed(0)],
    ['endpoint change, p99, ms', ({ changeP99Ms }) => changeP99Ms.toFixed(0)],
    ['its CPU, ms', ({ changeCpuMs }) => changeCpuMs.toFixed(0)],
    ['bytes of endpoints to each, MB', ({ endpointMb }) => endpointMb.toFixed(2)],
    ['new Service, p99, ms', ({ service }) => service?.ms.toFixed(0) ?? '-'],
    ['its CPU, ms', ({ service }) => service?.cpuMs.toFixed(0) ?? '-'],
    ['sent to all, MB', ({ service }) => service?.sentMb.toFixed(1) ?? '-'],
    ['streams that broke', ({ broken }) => String(broken)],
  ];
  console.log(`| ${title} | ${figures.map(({ name }) => name).join(' | ')} |`);
  console.log(`| --- |${figures.map(() => ' ---').join(' |')} |`);
  for (const [label, read] of rows) console.log(`| ${label} | ${figures.map(read).join(' | ')} |`);
}
