// The control plane beside go-control-plane's snapshot cache and server, both asked by the same clients on grpc-go in
// one run, incrementally and in state of the world: first pictures, changes of endpoints, new Services, everybody
// coming back at once, churn with every client compared with the model at the end, and rest. go-control-plane has no
// Services: it is given the resources.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildPeer, controlCommand } from './programs.ts';
import { type Figures, measure, type Subject } from './subject.ts';

export interface ControlBenchOptions {
  readonly services: number;
  readonly streams: number;
  /** The same of a large mesh, each proxy a scope of its own. */
  readonly large: { readonly services: number; readonly scopes: number };
  /** Endpoint changes measured. */
  readonly changes: number;
  /** Of proxies that take virtual hosts one by one; a tenth of it of the others. */
  readonly churnSeconds: number;
  readonly idleSeconds: number;
}

const endpoints = 10;
const clientConnections = 100;

export async function benchControl(options: ControlBenchOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-bench-control-'));
  try {
    build(folder);
    const run = (subject: Subject) => measure(subject, join(folder, 'clients'), clientConnections);
    const { services, streams, large } = options;
    const shorter = { ...options, churnSeconds: Math.ceil(options.churnSeconds / 10) };
    print(
      [
        await run(goControlPlane(folder, options)),
        await run(weft('weft', options, services, streams, ['-vhds'])),
        await run(weft('weft, whole tables', shorter, services, streams, [])),
      ],
      `${services} Services × ${endpoints} endpoints, ${streams} incremental streams`,
    );
    print(
      [
        await run(goControlPlane(folder, options, ['-sotw'])),
        await run(weft('weft', shorter, services, streams, ['-sotw'])),
      ],
      `${services} Services × ${endpoints} endpoints, ${streams} streams of the state of the world`,
    );
    const scoped = ['-vhds', '-app', 's%d', '-zones', '3'];
    print(
      [await run(weft('weft', shorter, large.services, large.scopes, scoped))],
      `${large.services} Services × ${endpoints} endpoints, ${large.scopes} scopes`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function build(folder: string): void {
  buildPeer('.', join(folder, 'server'));
  buildPeer('./clients', join(folder, 'clients'));
}

function goControlPlane(
  folder: string,
  { services, streams, changes, churnSeconds, idleSeconds }: ControlBenchOptions,
  clientArgs: readonly string[] = [],
): Subject {
  const fill = (salt: number) => `fill ${salt + 1} ${services} ${endpoints} ${salt}`;
  return {
    name: 'go-control-plane',
    command: [join(folder, 'server'), '-quiet'],
    clientArgs: ['-clusters', String(services), ...clientArgs],
    streams,
    start: fill(0),
    change: (_number, salt) => fill(salt),
    service: null,
    lastType: 'Cluster',
    changes,
    churnSeconds,
    idleSeconds,
    reconnects: !clientArgs.includes('-sotw'),
  };
}

/** `-vhds`: proxies that take virtual hosts one by one, else whole tables. */
function weft(
  name: string,
  { changes, churnSeconds, idleSeconds }: ControlBenchOptions,
  services: number,
  streams: number,
  clientArgs: readonly string[],
): Subject {
  return {
    name,
    command: controlCommand(services, endpoints),
    clientArgs: ['-clusters', String(services), ...clientArgs],
    streams,
    start: '',
    change: (number, salt) => `slice ${number} ${salt}`,
    service: (number) => `service ${services + number}`,
    lastType: clientArgs.includes('-vhds') ? 'VirtualHost' : 'RouteConfiguration',
    changes,
    churnSeconds,
    idleSeconds,
    reconnects: !clientArgs.includes('-app') && !clientArgs.includes('-sotw'),
  };
}

function print(figures: readonly Figures[], title: string): void {
  const rows: readonly (readonly [string, (one: Figures) => string])[] = [
    ['first picture for all, s', ({ firstMs }) => (firstMs / 1_000).toFixed(1)],
    ['its CPU, s', ({ firstCpuMs }) => (firstCpuMs / 1_000).toFixed(1)],
    ['bytes of endpoints to each, MB', ({ endpointMb }) => endpointMb.toFixed(2)],
    ['the same with what goes around each set, MB', ({ assignmentMb }) => assignmentMb.toFixed(2)],
    ['endpoint change, p50, ms', ({ changeP50Ms }) => changeP50Ms.toFixed(0)],
    ['endpoint change, p99, ms', ({ changeP99Ms }) => changeP99Ms.toFixed(0)],
    ['its CPU, ms', ({ changeCpuMs }) => changeCpuMs.toFixed(0)],
    ['sent to all of it, MB', ({ changeMb }) => changeMb.toFixed(1)],
    ['new Service, p99, ms', ({ service }) => service?.ms.toFixed(0) ?? '-'],
    ['its CPU, ms', ({ service }) => service?.cpuMs.toFixed(0) ?? '-'],
    ['sent to all, MB', ({ service }) => service?.sentMb.toFixed(1) ?? '-'],
    [
      'all come back at once, s',
      ({ reconnectMs }) => (reconnectMs === null ? '-' : (reconnectMs / 1_000).toFixed(1)),
    ],
    ['50 endpoint changes a second, % of a core', ({ churn }) => percent(churn?.cpuShare)],
    ['all right after so many of them', ({ churn }) => describeChurn(churn)],
    ['idle, % of a core', ({ idleCpuShare }) => percent(idleCpuShare)],
    ['RSS, peak, MB', ({ peakMb }) => peakMb.toFixed(0)],
    ['streams that broke', ({ broken }) => String(broken)],
  ];
  console.log(`\n| ${title} | ${figures.map(({ name }) => name).join(' | ')} |`);
  console.log(`| --- |${figures.map(() => ' ---').join(' |')} |`);
  for (const [label, read] of rows) console.log(`| ${label} | ${figures.map(read).join(' | ')} |`);
}

function percent(share: number | undefined): string {
  return share === undefined ? '-' : (share * 100).toFixed(1);
}

function describeChurn(churn: Figures['churn']): string {
  return churn === null ? '-' : `${churn.changes}: ${churn.right ? 'yes' : 'NO'}`;
}
