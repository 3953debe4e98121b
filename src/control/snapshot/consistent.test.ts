// The check that shares its work between scopes against the plain one of xds/, which reads the bytes.

import { describe, expect, test } from 'bun:test';
import { type ResourceMap, validateSnapshot, type XdsSnapshot } from '../../xds/index.ts';
import { MeshCompiler } from '../compile/mesh.ts';
import { unresolvedCluster } from '../compile/route.ts';
import { parseScope } from '../compile/scope.ts';
import { buildModel } from '../model/build.ts';
import { Catalog } from '../model/catalog.ts';
import { parseManifests } from '../source/parse.ts';
import { route, service, slice } from '../testing/manifests.ts';
import { checkConsistent } from './consistent.ts';

const manifests =
  service('ledger') +
  service('cards') +
  slice('ledger', ['10.0.0.1']) +
  route('cards', 'backendRefs: [{ name: ledger, port: 80 }, { name: gone, port: 80 }]');

function compile(id: string): XdsSnapshot {
  const parsed = parseManifests('f', manifests);
  if (!parsed.ok) throw new Error('not parsed');
  const catalog = new Catalog();
  for (const object of parsed.value) catalog.upsert(object);
  const locality = { region: '', zone: '', subZone: '' };
  const metadata = { labels: { app: 'ledger' } };
  const scope = parseScope({ id, cluster: '', metadata, locality, userAgent: '', clientFeatures: [] });
  if (!scope.ok) throw new Error('no scope');
  const compiler = new MeshCompiler(buildModel(catalog.entries()).model);
  return { version: '1', resources: compiler.compile(scope.value).resources };
}

const plainCheck = (snapshot: XdsSnapshot) =>
  validateSnapshot(snapshot).filter((issue) => issue.value !== unresolvedCluster);

function without(snapshot: XdsSnapshot, typeUrl: string, name: string): XdsSnapshot {
  const map = new Map(snapshot.resources.get(typeUrl) as ResourceMap);
  map.delete(name);
  return { version: '2', resources: new Map([...snapshot.resources, [typeUrl, map]]) };
}

describe.each(['sidecar~ledger-0.bank', 'agent~node-1'])('%s', (id) => {
  const snapshot = compile(id);

  test('what the compiler makes has no hole', () => {
    expect(checkConsistent(snapshot.resources)).toBeNull();
    expect(plainCheck(snapshot)).toEqual([]);
  });

  const all = [...snapshot.resources].flatMap(([typeUrl, map]) =>
    [...map.keys()].map((name) => [typeUrl, name] as const),
  );
  test.each(all)('without %s %s both checks say the same', (typeUrl, name) => {
    const torn = without(snapshot, typeUrl, name);
    expect(checkConsistent(torn.resources) === null).toBe(plainCheck(torn).length === 0);
  });

  test('some of them are holes', () => {
    const holes = all.filter(
      ([typeUrl, name]) => checkConsistent(without(snapshot, typeUrl, name).resources) !== null,
    );
    expect(holes.length).toBeGreaterThanOrEqual(4);
  });
});
