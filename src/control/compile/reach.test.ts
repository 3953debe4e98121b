import { expect, test } from 'bun:test';
import { fromBinary } from '@bufbuild/protobuf';
import { RouteConfigurationSchema } from '../../xds/api.ts';
import { typeUrls } from '../../xds/index.ts';
import { buildModel } from '../model/build.ts';
import { Catalog } from '../model/catalog.ts';
import { parseManifests } from '../source/parse.ts';
import { route, service, slice } from '../testing/manifests.ts';
import { MeshCompiler } from './mesh.ts';
import { parseScope } from './scope.ts';

const fence = (name: string, rules: string, mode = 'Enforce') => `---
apiVersion: weft.dev/v1alpha1
kind: AccessPolicy
metadata: { name: ${name}, namespace: bank }
spec: { targetRefs: [{ group: "", kind: Service, name: ${name} }], mode: ${mode}, rules: [${rules}] }
`;

function modelOf(text: string) {
  const catalog = new Catalog();
  const parsed = parseManifests('f', text);
  for (const object of parsed.ok ? parsed.value : []) catalog.upsert(object);
  return buildModel(catalog.entries()).model;
}

function scopeOf(metadata: object) {
  const scope = parseScope({
    ...{ id: 'sidecar~a.bank', cluster: 'a', metadata: { ...metadata }, userAgent: '', clientFeatures: [] },
    locality: { region: '', zone: '', subZone: '' },
  });
  if (!scope.ok) throw new Error(scope.error[0]?.rule);
  return scope.value;
}

const names = ['a', 'b', 'c', 'd', 'e'];
const mesh = names.map((name) => service(name) + slice(name, ['10.0.0.1'])).join('');

function told(compiler: MeshCompiler, metadata: object) {
  const { resources } = compiler.compile(scopeOf(metadata));
  const table = resources.get(typeUrls.route)?.get('outbound');
  const hosts = fromBinary(RouteConfigurationSchema, table!.bytes).virtualHosts.map(({ name }) => name);
  return {
    hosts: hosts.filter((name) => name !== 'unknown'),
    clusters: [...resources.get(typeUrls.cluster)!.keys()].filter((name) => name.startsWith('bank/')),
  };
}

const idOf = (name: string) => `bank/${name}:80`;

test('who says whom it calls is told of these, and of where their routes lead', () => {
  const text = mesh + route('b', 'backendRefs: [{ name: c, port: 80 }, { name: gone, port: 80 }]');
  const compiler = new MeshCompiler(modelOf(text));
  expect(told(compiler, { calls: ['b', 'nobody'] })).toEqual({
    hosts: [idOf('b')],
    clusters: [idOf('b'), idOf('c')],
  });
  expect(told(compiler, {}).clusters).toEqual(names.map(idOf));
  // The route leads elsewhere now.
  compiler.follow(modelOf(mesh + route('b', 'backendRefs: [{ name: d, port: 80 }]')));
  expect(told(compiler, { calls: ['b', 'nobody'] }).clusters).toEqual([idOf('b'), idOf('d')]);
});

test('allowed: whoever has no policy, or one that may let the account in', () => {
  const policies =
    fence('b', '{ from: [{ serviceAccount: { name: payer } }] }') +
    fence('c', '{ from: [{ serviceAccount: { name: other } }, { namespace: { name: far } }] }') +
    fence('d', '{ from: [{ ipBlock: { cidr: 10.9.0.0/16 } }] }') +
    fence('e', '', 'Audit');
  const compiler = new MeshCompiler(modelOf(mesh + policies));
  const allowed = { calls: 'allowed', account: 'payer' };
  expect(told(compiler, allowed).hosts).toEqual(['a', 'b', 'd', 'e'].map(idOf));
  expect(told(compiler, { ...allowed, account: 'other' }).hosts).toEqual(['a', 'c', 'd', 'e'].map(idOf));
  compiler.follow(modelOf(mesh + fence('a', '')));
  expect(told(compiler, allowed).hosts).toEqual(['b', 'c', 'd', 'e'].map(idOf));
});

test('workloads that call the same share what they are told', () => {
  const compiler = new MeshCompiler(modelOf(mesh));
  const tableOf = (metadata: object) =>
    compiler.compile(scopeOf(metadata)).resources.get(typeUrls.route)?.get('outbound');
  expect(tableOf({ calls: ['b', 'c'], labels: { app: 'b' } })).toBe(tableOf({ calls: ['c.bank', 'b'] })!);
});

test('of captured connections those to others are nobody’s here', () => {
  const addressed = (name: string, address: string) =>
    service(name).replace('spec: {', `spec: { clusterIP: ${address},`) + slice(name, ['10.0.0.1']);
  const compiler = new MeshCompiler(modelOf(addressed('b', '10.96.0.1') + addressed('c', '10.96.0.2')));
  const { resources } = compiler.compile(scopeOf({ calls: ['b'], capture: true }));
  const text = Buffer.from(resources.get(typeUrls.route)!.get('outbound')!.bytes).toString('latin1');
  expect([text.includes('10.96.0.1'), text.includes('10.96.0.2')]).toEqual([true, false]);
});
