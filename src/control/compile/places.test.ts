// What proxies on different nodes cost: nothing where no Service asks for the caller's node, and where one does, its
// own endpoints.

import { expect, test } from 'bun:test';
import { typeUrls } from '../../xds/index.ts';
import { buildModel } from '../model/build.ts';
import { Catalog } from '../model/catalog.ts';
import { parseManifests } from '../source/parse.ts';
import { service, slice } from '../testing/manifests.ts';
import { MeshCompiler } from './mesh.ts';
import { parseScope, type Scope } from './scope.ts';
import { SharedResources } from './shared-resources.ts';

function modelOf(text: string) {
  const catalog = new Catalog();
  const parsed = parseManifests('f', text);
  for (const object of parsed.ok ? parsed.value : []) catalog.upsert(object);
  return buildModel(catalog.entries()).model;
}

function scopeOf(id: string, node: string): Scope {
  const scope = parseScope({
    ...{ id, cluster: '', userAgent: '', clientFeatures: [] },
    metadata: { node, labels: { app: 'ledger' } },
    locality: { region: '', zone: 'z', subZone: '' },
  });
  if (!scope.ok) throw new Error(scope.error[0]?.rule);
  return scope.value;
}

const mesh = ['ledger', 'cards', 'web'].map((name) => service(name) + slice(name, ['10.0.0.1'])).join('');
const local = `---
apiVersion: v1
kind: Service
metadata: { name: dns, namespace: bank }
spec: { internalTrafficPolicy: Local, ports: [{ name: http, port: 80 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: dns-1, namespace: bank, labels: { kubernetes.io/service-name: dns } }
addressType: IPv4
ports: [{ name: http, port: 53 }]
endpoints: [{ addresses: [10.0.1.1], nodeName: n1 }, { addresses: [10.0.1.2], nodeName: n2 }]
`;

const scopes = Array.from({ length: 300 }, (_, at) => [
  scopeOf(`sidecar~ledger-${at}.bank`, `n${at}`),
  scopeOf(`grpc~ledger-${at}.bank`, `n${at}`),
]).flat();

/** Those that differ. */
function pictures(compiler: MeshCompiler) {
  return new Set(scopes.map((scope) => compiler.compile(scope)));
}

test('where no Service asks for it, proxies of all nodes have one picture, made once a model', () => {
  const compiler = new MeshCompiler(modelOf(mesh));
  expect([pictures(compiler).size, compiler.size]).toEqual([2, 2]);
  compiler.follow(modelOf(mesh + service('later')));
  expect([pictures(compiler).size, compiler.size]).toEqual([2, 2]);
  for (const scope of scopes) compiler.drop(scope);
  expect(compiler.size).toBe(0);
});

test('where one does they differ in its endpoints alone, and no longer once it is gone', () => {
  const compiler = new MeshCompiler(modelOf(mesh));
  const [before] = pictures(compiler);
  compiler.follow(modelOf(mesh + local));
  const [first, second] = [0, 2].map((at) => compiler.compile(scopes[at]!).resources);
  expect([pictures(compiler).size, compiler.size]).toEqual([600, 2]);
  const differing = [...first!].filter(([typeUrl, set]) => set !== second!.get(typeUrl));
  expect(differing.map(([typeUrl]) => typeUrl)).toEqual([typeUrls.endpoint]);
  for (const [name, one] of first!.get(typeUrls.endpoint)!)
    expect([name, one === second!.get(typeUrls.endpoint)!.get(name)]).toEqual([name, name !== 'bank/dns:80']);
  compiler.follow(modelOf(mesh));
  const [after] = pictures(compiler);
  expect(pictures(compiler).size).toBe(2);
  expect([...after!.resources.get(typeUrls.endpoint)!.keys()]).toEqual([
    ...before!.resources.get(typeUrls.endpoint)!.keys(),
  ]);
});

const zonal = ['z', 'w'].map(
  (zone, at) => `---
apiVersion: v1
kind: Service
metadata: { name: zonal-${at}, namespace: bank }
spec: { trafficDistribution: PreferSameZone, ports: [{ name: http, port: 80 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: zonal-${at}-1, namespace: bank, labels: { kubernetes.io/service-name: zonal-${at} } }
addressType: IPv4
ports: [{ name: http, port: 80 }]
endpoints: [{ addresses: [10.0.2.1], zone: ${zone} }, { addresses: [10.0.2.2], zone: x }]
`,
);

test('for zones that no endpoint knows nothing is made, and they see what is seen from nowhere', () => {
  const shared = new SharedResources();
  const models = [modelOf(''), modelOf(mesh + zonal.join('')), modelOf(mesh + local + zonal[1])];
  shared.follow(models[0]!, models[1]!);
  const at = (zone: string, node = '') => shared.assignmentsAt({ zone, node });
  const nowhere = at('');
  for (let made = 0; made < 1_000; made++) expect(at(`made up ${made}`)).toBe(nowhere);
  expect(shared.placeCount).toBe(0);
  const versionOf = (zone: string, name: string) => at(zone).get(`bank/${name}:80`)?.version;
  expect(versionOf('z', 'zonal-0')).not.toBe(versionOf('', 'zonal-0'));
  expect(versionOf('z', 'zonal-1')).toBe(versionOf('', 'zonal-1'));
  expect(versionOf('x', 'zonal-1')).not.toBe(versionOf('', 'zonal-1'));
  expect(shared.placeCount).toBe(2);
  // Its last endpoint there is gone: what was kept for the zone goes, and with it what its nodes had of their own.
  at('z', 'n1');
  shared.follow(models[1]!, models[2]!);
  expect(at('z')).toBe(at(''));
  expect(at('made up', 'n1').get('bank/dns:80')?.version).toBe(at('', 'n1').get('bank/dns:80')?.version);
  expect(at('made up 2', 'n1')).toBe(at('', 'n1'));
  expect(at('x', 'n1')).not.toBe(at('', 'n1'));
  // x, n1 from nowhere, n1 in x.
  expect(shared.placeCount).toBe(3);
});
