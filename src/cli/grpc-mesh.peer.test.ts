// gRPC from one program to another through two sidecars and their control plane: calls of all kinds, whether the
// Service says that it speaks gRPC (by appProtocol, by a port's name) or nothing at all.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeBootstrap } from '../deploy/index.ts';
import { grpcCareText, grpcClientText, grpcServerText } from '../proxy/testing/python-grpc.ts';
import { describeWith, freePort, freePorts, run } from '../testing/programs.ts';
import { until } from '../testing/until.ts';

// Other processes are waited for; on a busy machine that takes its time.
setDefaultTimeout(90_000);

const weft = join(import.meta.dir, '../../bin/weft');
const hasGrpc = Bun.spawnSync(['python3', '-c', 'import grpc']).exitCode === 0;

const said = {
  'no protocol': '{ name: api, port: 80, targetPort: api }',
  'a name': '{ name: grpc-api, port: 80, targetPort: api }',
  'an appProtocol': '{ name: api, appProtocol: kubernetes.io/h2c, port: 80, targetPort: api }',
};

const mesh = (port: string, inbound: number, portName: string) => `apiVersion: v1
kind: Service
metadata: { name: ledger, namespace: bank }
spec: { selector: { app: ledger }, ports: [${port}] }
---
apiVersion: v1
kind: Service
metadata: { name: caller, namespace: bank }
spec: { selector: { app: caller }, ports: [{ name: http, port: 80, targetPort: 1 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: ledger-1
  namespace: bank
  labels: { kubernetes.io/service-name: ledger, weft.dev/proxied: "true" }
addressType: IPv4
endpoints: [{ addresses: [127.0.0.1], targetRef: { kind: Pod, name: ledger-0 } }]
ports: [{ name: ${portName}, port: ${inbound} }]
---
apiVersion: weft.dev/v1alpha1
kind: ServicePolicy
metadata: { name: ledger, namespace: bank }
spec:
  targetRefs: [{ group: "", kind: Service, name: ledger }]
  retry: { idempotencyHeader: idempotency-key }
`;

describeWith(hasGrpc ? ['python3'] : ['python3', 'grpcio of Python'], 'gRPC through the mesh', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-grpc-mesh-'));
  const children: Bun.Subprocess[] = [];
  let server = 0;

  function start(command: readonly string[]): Bun.Subprocess {
    const child = Bun.spawn([...command], { stdout: 'ignore', stderr: 'ignore' });
    children.push(child);
    return child;
  }

  function startSidecar(name: string, xds: number, inbound: number, outbound: number, admin: number): void {
    const bootstrap = encodeBootstrap({
      role: 'sidecar',
      name: `${name}-0`,
      namespace: 'bank',
      workload: name,
      labels: { app: name },
      admin: { host: '127.0.0.1', port: admin },
      listen: { outbound: `127.0.0.1:${outbound}`, inbound: `127.0.0.1:${inbound}` },
      application: {},
      containerPorts: { api: server },
      identity: null,
      xds: { host: '127.0.0.1', port: xds },
    });
    const path = join(folder, `${name}-${xds}.json`);
    writeFileSync(path, bootstrap);
    start([weft, 'proxy', '-c', path, '--warm-up', '0']);
  }

  beforeAll(async () => {
    server = freePort();
    const path = join(folder, 'server.py');
    writeFileSync(path, grpcServerText);
    start(['python3', path, `${server}`]);
  });

  afterAll(() => {
    for (const child of children) child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  });

  test.each(Object.entries(said))('of a Service that says %s', async (what, port) => {
    // Longer than the defaults for an attempt (5 s) and a request (15 s), once.
    const waits = what === 'no protocol' ? '6,0,10' : '1,0';
    const [xds = 0, control = 0, inbound = 0, outbound = 0, own = 0, first = 0, second = 0] = freePorts(7);
    const objects = mkdtempSync(join(folder, 'objects-'));
    const portName = /name: ([\w-]+)/.exec(port)?.[1] ?? '';
    writeFileSync(join(objects, 'mesh.yaml'), mesh(port, inbound, portName));
    const addresses = ['--xds', `127.0.0.1:${xds}`, '--admin', `127.0.0.1:${control}`];
    start([weft, 'control', '--dir', objects, ...addresses]);
    startSidecar('ledger', xds, inbound, own, first);
    startSidecar('caller', xds, freePort(), outbound, second);
    for (const admin of [first, second])
      await until('a sidecar is ready', async () => (await fetch(`http://127.0.0.1:${admin}/ready`)).ok);
    const cared = run(['python3', '-c', grpcCareText, `${outbound}`, waits]);
    const { out, err } = await run(['python3', '-c', grpcClientText, `${outbound}`]);
    expect(`${out}${err}`.trim().split('\n')).toEqual([
      'unary hello',
      'large 8000000',
      'down 1000',
      'up 100000',
      'both 500',
      'fail UNAVAILABLE denied PERMISSION_DENIED slow DEADLINE_EXCEEDED',
      'deadline True',
      'many 500',
    ]);
    const care = await cared;
    expect(`${care.out}${care.err}`.trim().split('\n')).toEqual([
      'unmarked UNAVAILABLE 2',
      'marked 2',
      `late ${waits.replaceAll(',', ' ')}`,
    ]);
    // Requests that are no calls still reach a port of HTTP/1.1 in that version; gRPC servers have none.
    const stats = await (await fetch(`http://127.0.0.1:${second}/stats?filter=upstream_cx_http`)).text();
    expect(stats).toMatch(/upstream_cx_http2_total: [1-9]/);
    expect(stats).not.toMatch(/upstream_cx_http1_total: [1-9]/);
  });
});
