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
