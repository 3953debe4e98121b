// `bun tools/version-before.ts [COMMIT]`: is this version an upgrade from that one, and back, under load? It checks the
// other version out beside this one (default: the one that version-before.json names), lets control planes and proxies
// of both work with each other in every pairing, and replaces each in place while requests flow.

import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { $ } from 'bun';
import { encodeBootstrap } from '../src/deploy/index.ts';
import { freePorts } from '../src/testing/programs.ts';
import { until } from '../src/testing/until.ts';
import versionBefore from './version-before.json';

const root = join(import.meta.dir, '..');
const folder = mkdtempSync(join(tmpdir(), 'weft-before-'));
const before = join(folder, 'before');
const commit = process.argv[2] ?? versionBefore.commit;
const [xds = 0, admin = 0, ...rest] = freePorts(14);
const originPorts = rest.slice(0, 6);
const stepMs = 1500;
/** Of each caller. */
const pauseMs = 5;

type Version = 'old' | 'new';
const program = (version: Version) => join(version === 'old' ? before : root, 'bin/weft');

async function checkOut(): Promise<void> {
  await $`git -C ${root} worktree add --detach ${before} ${commit}`.quiet();
  const lock = (path: string) => readFileSync(join(path, 'package-lock.json'), 'utf8');
  if (lock(before) === lock(root) && existsSync(join(root, 'node_modules')))
    symlinkSync(join(root, 'node_modules'), join(before, 'node_modules'));
  else await $`cd ${before} && npm ci`.quiet();
}

/** Each change of the mesh leads to the next origin, by which it is seen to have arrived. */
function writeMesh(origin: number): void {
  const mesh = `
apiVersion: v1
kind: Service
metadata: { name: ledger, namespace: bank }
spec: { clusterIP: 10.96.0.7, ports: [{ name: http, port: 80 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ledger-1, namespace: bank, labels: { kubernetes.io/service-name: ledger } }
addressType: IPv4
endpoints: [{ addresses: [127.0.0.1] }]
ports: [{ name: http, port: ${originPorts[origin]} }]
`;
  mkdirSync(join(folder, 'mesh'), { recursive: true });
  writeFileSync(join(folder, 'mesh/.next'), mesh);
  cpSync(join(folder, 'mesh/.next'), join(folder, 'mesh/mesh.yaml'));
}

const running: Bun.Subprocess[] = [];

function start(version: Version, ...words: readonly string[]): Bun.Subprocess {
  const child = Bun.spawn([program(version), ...words], {
    stdio: ['ignore', 'ignore', Bun.file(join(folder, `${running.length}-${version}.log`))],
  });
  running.push(child);
  return child;
}

async function startControl(version: Version): Promise<Bun.Subprocess> {
  const addresses = ['--xds', `127.0.0.1:${xds}`, '--admin', `127.0.0.1:${admin}`];
  const child = start(version, 'control', '--dir', join(folder, 'mesh'), ...addresses);
  await until('the control plane is ready', async () => (await fetch(`http://127.0.0.1:${admin}/ready`)).ok);
  return child;
}

class Caller {
  readonly port: number;
  sent = 0;
  failed = 0;
  seen = '';
  private readonly name: string;
  private readonly baseId: number;
  private readonly admin: number;
  private epoch = 0;
  private over = false;

  constructor(name: string, [port = 0, inbound = 0, adminPort = 0]: readonly number[]) {
    this.name = name;
    this.port = port;
    this.admin = adminPort;
    this.baseId = 20_000 + (process.pid % 10_000) + port;
    const text = encodeBootstrap({
      role: 'sidecar',
      ...{
        name,
        namespace: 'bank',
        workload: name,
        labels: { app: name },
        application: {},
        containerPorts: {},
      },
      admin: { host: '127.0.0.1', port: adminPort },
      listen: { outbound: `127.0.0.1:${port}`, inbound: `127.0.0.1:${inbound}` },
      xds: { host: '127.0.0.1', port: xds },
      identity: null,
    });
    writeFileSync(join(folder, `${name}.json`), text);
  }

  /** The first one, or the successor of the one before. */
  async run(version: Version): Promise<void> {
    const predecessor = this.epoch === 0 ? null : running.findLast(({ pid }) => pid === this.pid);
    const restart = [
      '--base-id',
      `${this.baseId}`,
      '--restart-epoch',
      `${this.epoch++}`,
      '--drain-time-s',
      '2',
    ];
    const child = start(version, 'proxy', '-c', join(folder, `${this.name}.json`), ...restart);
    this.pid = child.pid;
    if (predecessor !== null && predecessor !== undefined) await predecessor.exited;
    else await until('it serves', async () => (await fetch(`http://127.0.0.1:${this.admin}/ready`)).ok);
  }

  private pid = 0;

  async call(): Promise<void> {
    while (!this.over) {
      this.sent++;
      const text = await fetch(`http://127.0.0.1:${this.port}/`, { headers: { host: 'ledger.bank' } })
        .then(async (response) => (response.ok ? await response.text() : null))
        .catch(() => null);
      if (text === null) this.failed++;
      else this.seen = text;
      await Bun.sleep(pauseMs);
    }
  }

  end(): void {
    this.over = true;
  }
}

interface ProxiesView {
  readonly proxies: readonly { readonly nacks: readonly unknown[] }[];
}

async function play(): Promise<boolean> {
  await checkOut();
  for (const [at, port] of originPorts.entries())
    Bun.serve({ hostname: '127.0.0.1', port, fetch: () => new Response(`${at}`) });
  writeMesh(0);
  const callers = [new Caller('a', rest.slice(6, 9)), new Caller('b', rest.slice(9, 12))];
  const [a, b] = callers as [Caller, Caller];
  let control = await startControl('old');
  await Promise.all([a.run('old'), b.run('new')]);
  await until('the first calls pass', async () => {
    const answers = callers.map(({ port }) =>
      fetch(`http://127.0.0.1:${port}/`, { headers: { host: 'ledger.bank' } }),
    );
    return (await Promise.all(answers)).every(({ ok }) => ok);
  });
  const loads = callers.map((caller) => caller.call());
  let fine = true;
  const replaceControl = async (version: Version) => {
    control.kill('SIGTERM');
    await control.exited;
    control = await startControl(version);
  };
  const steps: readonly (readonly [name: string, act: () => Promise<void>])[] = [
    ['control old, proxies old and new', async () => {}],
    ['control new, proxies old and new', () => replaceControl('new')],
    ['control new, both proxies new', () => a.run('new')],
    ['back: control old, both proxies new', () => replaceControl('old')],
    ['back: control old, proxies new and old', () => b.run('old')],
  ];
  for (const [at, [name, act]] of steps.entries()) {
    const counts = callers.map(({ sent, failed }) => ({ sent, failed }));
    await act();
    writeMesh(at + 1);
    await until(`${name}: both follow`, () => callers.every(({ seen }) => seen === `${at + 1}`));
    await Bun.sleep(stepMs);
    const { proxies } = (await (await fetch(`http://127.0.0.1:${admin}/api/v1/mesh`)).json()) as ProxiesView;
    const nacks = proxies.flatMap((proxy) => proxy.nacks);
    const of = (field: 'sent' | 'failed') =>
      callers.reduce((sum, caller, index) => sum + caller[field] - (counts[index]?.[field] ?? 0), 0);
    fine &&= of('failed') === 0 && nacks.length === 0;
    console.log(`${name}: ${of('sent')} requests, ${of('failed')} failed, ${nacks.length} refusals`);
    if (nacks.length > 0) console.log(JSON.stringify(nacks));
  }
  for (const caller of callers) caller.end();
  await Promise.all(loads);
  return fine;
}

let fine = false;
try {
  const short = (await $`git -C ${root} rev-parse --short ${commit}`.text()).trim();
  console.log(`from ${short} to this tree`);
  fine = await play();
} finally {
  for (const child of running) child.kill('SIGKILL');
  await $`git -C ${root} worktree remove --force ${before}`.quiet().nothrow();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(fine ? 0 : 1);
