// The control plane under test, in a process of its own: objects in memory, told as a watch would tell them, and
// commands on the standard input: `slice NUMBER SALT`, `service NUMBER`, and `digest`, answered by what every proxy
// should hold.

import { createHash } from 'node:crypto';
import { silentLog } from '../../src/base/index.ts';
import { ControlPlane, type Source, type SourceListener } from '../../src/control/index.ts';
import { createBunNetwork, createSystemClock, gunzip } from '../../src/net/index.ts';
import { serveGrpcAds, typeUrls } from '../../src/xds/index.ts';

type RawObject = Parameters<SourceListener['onUpsert']>[0];

const [services = 0, endpoints = 0] = process.argv.slice(2).map(Number);

class MemorySource implements Source {
  listener: SourceListener | null = null;

  start(listener: SourceListener): void {
    this.listener = listener;
    for (let number = 0; number < services; number++) {
      listener.onUpsert(service(number));
      listener.onUpsert(slice(number, 0));
    }
    listener.onSynced();
  }

  stop(): void {}
}

function object(apiVersion: string, kind: string, name: string, labels: object, more: object): RawObject {
  const metadata = { name, namespace: 'bank', labels };
  return {
    key: `bank/${kind}/${name}`,
    apiVersion,
    kind,
    namespace: 'bank',
    name,
    value: { apiVersion, kind, metadata, ...more },
    origin: { file: '', line: 0 },
  };
}

function service(number: number): RawObject {
  const spec = { selector: { app: `s${number}` }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] };
  return object('v1', 'Service', `s${number}`, {}, { spec });
}

function slice(number: number, salt: number): RawObject {
  const all = Array.from({ length: endpoints }, (_, i) => ({
    addresses: [`10.${number >> 8}.${number & 255}.${i + 1}`],
    conditions: { ready: true },
  }));
  return object(
    'discovery.k8s.io/v1',
    'EndpointSlice',
    `s${number}-1`,
    { 'kubernetes.io/service-name': `s${number}` },
    { addressType: 'IPv4', ports: [{ name: 'http', port: 8080 + salt }], endpoints: all },
  );
}

/** Names and versions of all endpoints, as the clients count them. */
function digest(plane: ControlPlane): string {
  const node = { id: 'sidecar~digest.bank', cluster: '', metadata: {}, userAgent: '', clientFeatures: [] };
  const entry = plane.snapshots.sourceFor({ ...node, locality: { region: '', zone: '', subZone: '' } });
  const unwatch = entry.watch({ onSnapshot() {} });
  const all = entry.current()?.resources.get(typeUrls.endpoint) ?? new Map();
  const lines = [...all.values()].map(({ name, version }) => `${name} ${version}`).sort();
  unwatch();
  return createHash('sha256').update(lines.join('\n')).digest('hex');
}

const clock = createSystemClock();
const source = new MemorySource();
const plane = new ControlPlane({ clock, log: silentLog }, source);
const xds = serveGrpcAds({
  server: plane.adsServer,
  network: createBunNetwork(),
  clock,
  gunzip,
  address: { kind: 'ip', host: '127.0.0.1', port: 0 },
});
plane.start();
console.log(`port ${xds.address.kind === 'ip' ? xds.address.port : 0}`);
for await (const line of console) {
  const [word = '', number = 0, salt = 0] = line.split(' ').map((text, i) => (i === 0 ? text : Number(text)));
  if (word === 'slice') source.listener?.onUpsert(slice(Number(number), Number(salt)));
  else if (word === 'service') {
    source.listener?.onUpsert(slice(Number(number), 0));
    source.listener?.onUpsert(service(Number(number)));
  } else if (word === 'digest') console.log(`digest ${digest(plane)}`);
}
process.exit(0);
