// The control plane under test, in a process of its own: manifests in memory, commands on the standard input (`endpoint
// SALT`, `service NUMBER`).

import { silentLog } from '../../src/base/index.ts';
import { createControlPlane } from '../../src/control/index.ts';
import { createBunNetwork, createMemoryStore, createSystemClock, gunzip } from '../../src/net/index.ts';
import { serveGrpcAds } from '../../src/xds/index.ts';

const [services = 0, endpoints = 0] = process.argv.slice(2).map(Number);
const store = createMemoryStore();

function write(path: string, text: string): Promise<void> {
  return store.write(`dir/${path}`, new TextEncoder().encode(text));
}

function service(name: string): string {
  return `---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: bank }
spec: { selector: { app: ${name} }, ports: [{ name: http, port: 80 }] }
`;
}

function slice(number: number, salt: number): string {
  const addresses = Array.from(
    { length: endpoints },
    (_, i) => `{ addresses: [10.${number >> 8}.${number & 255}.${i + 1}] }`,
  );
  return `---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: s${number}-1, namespace: bank, labels: { kubernetes.io/service-name: s${number} } }
addressType: IPv4
ports: [{ name: http, port: ${8080 + salt} }]
endpoints: [${addresses.join(', ')}]
`;
}

await write('services.yaml', Array.from({ length: services }, (_, i) => service(`s${i}`)).join(''));
for (let i = 0; i < services; i++) await write(`slice${i}.yaml`, slice(i, 0));
const clock = createSystemClock();
const plane = createControlPlane({ clock, log: silentLog, store, directory: 'dir' });
const xds = serveGrpcAds({
  server: plane.adsServer,
  network: createBunNetwork(),
  clock,
  gunzip,
  address: { kind: 'ip', host: '127.0.0.1', port: 0 },
});
plane.start();
while (!plane.synced) await Bun.sleep(10);
console.log(`port ${xds.address.kind === 'ip' ? xds.address.port : 0}`);
for await (const line of console) {
  const [word, salt] = line.split(' ');
  if (word === 'endpoint') await write('slice0.yaml', slice(0, Number(salt)));
  else if (word === 'service') {
    const number = services + Number(salt);
    await write(`slice${number}.yaml`, slice(number, 0));
    await write(`service${number}.yaml`, service(`s${number}`));
  }
}
process.exit(0);
