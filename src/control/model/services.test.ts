// What a port of a Service speaks, and whom it reaches.

import { expect, test } from 'bun:test';
import { parseManifests } from '../source/parse.ts';
import { service } from '../testing/manifests.ts';
import { buildModel } from './build.ts';
import { Catalog } from './catalog.ts';
import type { PortModel } from './types.ts';

function portOf(manifests: string): PortModel | undefined {
  const catalog = new Catalog();
  const parsed = parseManifests('f', manifests);
  if (parsed.ok) for (const raw of parsed.value) catalog.upsert(raw);
  return buildModel(catalog.entries()).model.services.get('bank/ledger')?.ports[0];
}

test.each([
  ['its own namespace', 'bank', 'name: ledger', 'http2'],
  ['its own namespace, by name', 'bank', 'namespace: bank, group: "", kind: Service, name: ledger', 'http2'],
  ['another namespace', 'guest', 'namespace: bank, name: ledger', 'http'],
  ['its own namespace, to something else', 'bank', 'group: example.com, kind: Ledger, name: ledger', 'http'],
])('a GRPCRoute of %s', (_, namespace, ref, protocol) => {
  const route = `---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: r, namespace: ${namespace} }
spec: { parentRefs: [{ name: edge }], rules: [{ backendRefs: [{ ${ref}, port: 80 }] }] }
`;
  expect(portOf(service('ledger') + route)?.protocol).toBe(protocol as PortModel['protocol']);
});

test.each([
  ['sound', 'wellKnownCACertificates: System', 'http', 'ledger.example.com'],
  [
    'broken',
    'caCertificateRefs: [{ group: "", kind: ConfigMap, name: gone }]',
    // Nobody knows how to speak TLS to it, so nobody reads it.
    'opaque',
    null,
  ],
])('an ExternalName under a BackendTLSPolicy that is %s', (_, authorities, protocol, external) => {
  const port = portOf(`---
apiVersion: v1
kind: Service
metadata: { name: ledger, namespace: bank }
spec:
  type: ExternalName
  externalName: ledger.example.com
  ports: [{ name: https, port: 443, appProtocol: https }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: { name: ledger, namespace: bank }
spec:
  targetRefs: [{ group: "", kind: Service, name: ledger }]
  validation: { ${authorities}, hostname: ledger.example.com }
`);
  expect(port).toMatchObject({ protocol, external, endpoints: [] });
  expect(port?.tls === null).toBe(external === null);
});
