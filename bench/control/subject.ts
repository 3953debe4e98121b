// One server under test with its clients, and what each kind of change costs it.

import { Child } from './child.ts';

/** What is measured, and the words in which it is told what to do. */
export interface Subject {
  readonly name: string;
  readonly command: readonly string[];
  readonly clientArgs: readonly string[];
  readonly streams: number;
  /** What begins it; '' for nothing. */
  readonly start: string;
  readonly change: (number: number, salt: number) => string;
  /** Null: there is no such thing. */
  readonly service: ((number: number) => string) | null;
  /** What a client has last of a new Service. */
  readonly lastType: 'Cluster' | 'RouteConfiguration' | 'VirtualHost';
  readonly changes: number;
  readonly churnSeconds: number;
  /** Measured after as long a rest: a collection of what the load before left behind is the load's. */
  readonly idleSeconds: number;
  /** All streams are ended and opened again. Of a large mesh one address may not have so many names under way twice. */
  readonly reconnects: boolean;
}

export interface ServiceFigures {
  readonly ms: number;
  readonly cpuMs: number;
  readonly sentMb: number;
}

export interface ChurnFigures {
  readonly changes: number;
  /** Of a core. */
  readonly cpuShare: number;
  /** Every proxy holds what the model says. */
  readonly right: boolean;
}

export interface Figures {
  readonly name: string;
  readonly firstMs: number;
  readonly firstCpuMs: number;
  /** Endpoints with their localities, as marks have it: an endpoint of an address and a port takes 23 to 24 bytes. */
  readonly endpointMb: number;
  /** The same with the name, type URL and version that the protocol puts around each set. */
  readonly assignmentMb: number;
  readonly changeP50Ms: number;
  readonly changeP99Ms: number;
  readonly changeCpuMs: number;
  /** To all. */
  readonly changeMb: number;
  readonly service: ServiceFigures | null;
  readonly reconnectMs: number | null;
  readonly churn: ChurnFigures | null;
  readonly idleCpuShare: number;
  readonly peakMb: number;
  readonly broken: number;
}

/** The clients' clock begins so long before the change. */
const leadMs = 20;
const churnPerSecond = 50;

export async function measure(subject: Subject, clients: string, clientCount: number): Promise<Figures> {
  const server = new Child(subject.command);
  const children = [server];
  try {
    const port = (await server.hear('port'))[1];
    if (subject.start !== '') server.say(subject.start);
    await Bun.sleep(500);
    const before = server.cpuMs;
    const client = new Child([
      ...[clients, '-address', `127.0.0.1:${port}`, '-streams', String(subject.streams)],
      ...['-connections', String(Math.min(subject.streams, clientCount)), ...subject.clientArgs],
    ]);
    children.push(client);
    const firstMs = Number((await client.hear('complete'))[2]);
    await Bun.sleep(500);
    const firstCpuMs = server.cpuMs - before;
    const [, endpointMb = 0, assignmentMb = 0] = (await client.ask('bytes', 'bytes')).map(
      (bytes) => Number(bytes) / subject.streams / 1e6,
    );
    const change = await measureChanges(server, client, subject);
    const service = subject.service === null ? null : await measureService(server, client, subject);
    const reconnectMs = subject.reconnects ? Number((await client.ask('reconnect', 'complete'))[2]) : null;
    await Bun.sleep(1_000);
    const churn = subject.service === null ? null : await measureChurn(server, client, subject);
    const idleMs = subject.idleSeconds * 1_000;
    await Bun.sleep(idleMs);
    const idleBefore = server.cpuMs;
    await Bun.sleep(idleMs);
    const idleCpuShare = (server.cpuMs - idleBefore) / idleMs;
    const broken = client.linesOf('broken').length;
    const { peakMb } = server;
    const { name } = subject;
    return {
      name,
      firstMs,
      firstCpuMs,
      endpointMb,
      assignmentMb,
      ...change,
      service,
      reconnectMs,
      churn,
      idleCpuShare,
      peakMb,
      broken,
    };
  } finally {
    for (const child of children) await child.stop();
  }
}

async function measureChanges(server: Child, client: Child, { change, changes }: Subject) {
  const measured: { p50: number; p99: number; cpu: number; bytes: number }[] = [];
  for (let salt = 1; salt <= changes; salt++) {
    await client.ask('bytes', 'bytes');
    const [from, cpu] = [client.lines.length, server.cpuMs];
    client.say('expect ClusterLoadAssignment');
    await Bun.sleep(leadMs);
    server.say(change(0, salt));
    const words = await client.hear('changed', from);
    await Bun.sleep(500);
    const all = (await client.ask('bytes', 'bytes'))[3];
    measured.push({
      p50: Number(words[3]) - leadMs,
      p99: Number(words[4]) - leadMs,
      cpu: server.cpuMs - cpu,
      bytes: Number(all),
    });
  }
  return {
    changeP50Ms: median(measured.map(({ p50 }) => p50)),
    changeP99Ms: median(measured.map(({ p99 }) => p99)),
    changeCpuMs: median(measured.map(({ cpu }) => cpu)),
    changeMb: median(measured.map(({ bytes }) => bytes)) / 1e6,
  };
}

/** From the manifest to the last client that has all of it. */
async function measureService(
  server: Child,
  client: Child,
  { service, lastType }: Subject,
): Promise<ServiceFigures> {
  const measured: ServiceFigures[] = [];
  for (let number = 0; number < 3; number++) {
    await client.ask('bytes', 'bytes');
    const [from, cpu] = [client.lines.length, server.cpuMs];
    client.say(`expect ${lastType}`);
    await Bun.sleep(leadMs);
    server.say(service?.(number) ?? '');
    const words = await client.hear('changed', from);
    await Bun.sleep(1_000);
    const all = (await client.ask('bytes', 'bytes'))[3];
    const cpuMs = server.cpuMs - cpu;
    measured.push({ ms: Number(words[4]) - leadMs, cpuMs, sentMb: Number(all) / 1e6 });
  }
  return {
    ms: median(measured.map(({ ms }) => ms)),
    cpuMs: median(measured.map(({ cpuMs }) => cpuMs)),
    sentMb: median(measured.map(({ sentMb }) => sentMb)),
  };
}

/** Endpoints of one Service after another change, and then every client is compared with the model. */
export async function measureChurn(
  server: Child,
  client: Child,
  { change, churnSeconds }: Pick<Subject, 'change' | 'churnSeconds'>,
): Promise<ChurnFigures> {
  const changes = churnSeconds * churnPerSecond;
  const [cpu, startedMs] = [server.cpuMs, performance.now()];
  for (let i = 0; i < changes; i++) {
    server.say(change((i * 7) % 50, 1_000 + i));
    await Bun.sleep(Math.max(0, startedMs + ((i + 1) * 1_000) / churnPerSecond - performance.now()));
  }
  const cpuShare = (server.cpuMs - cpu) / (performance.now() - startedMs);
  await Bun.sleep(2_000);
  const [, digest] = await server.ask('digest', 'digest');
  const [, , different, held] = await client.ask('check', 'held');
  return { changes, cpuShare, right: different === '1' && held === digest };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}
