import { expect, test } from 'bun:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { RouteSchema, VirtualHostSchema } from '../../xds/api.ts';
import { ResourceSet, versionOf, virtualHostType, type XdsResource } from '../../xds/index.ts';
import { nameHosts } from './named-hosts.ts';

function hostOf(name: string, domains: readonly string[], version = '1'): XdsResource {
  const routes = [create(RouteSchema, { name: `route of ${name}` })];
  const bytes = toBinary(
    VirtualHostSchema,
    create(VirtualHostSchema, { name, domains: [...domains], routes }),
  );
  return { name: `outbound/${name}`, version, typeUrl: virtualHostType, bytes };
}

const far = ResourceSet.of([hostOf('a.x:80', ['a.x', 'a.x:80']), hostOf('b.x:80', ['b.x'])]);

test('each domain is a host by itself, with the routes of its own', () => {
  const hosts = nameHosts('outbound', far);
  const host = fromBinary(VirtualHostSchema, hosts.get('outbound/a.x:80')!.bytes);
  expect([host.name, host.domains, host.routes[0]?.name]).toEqual([
    'outbound/a.x:80',
    ['a.x:80'],
    'route of a.x:80',
  ]);
  expect(hosts.get('outbound/a.x')).toBe(hosts.get('outbound/a.x'));
  expect(['outbound/c', 'agent/a.x', 'a.x', ''].map((name) => hosts.has(name))).toEqual(Array(4).fill(false));
  expect([hosts.size, [...hosts.keys()]]).toEqual([0, []]);
});

test('what a namespace sees otherwise goes before what all see', () => {
  const near = ResourceSet.over(far, [hostOf('a.x:80', ['a', 'a.x:80'], '2')]);
  const hosts = nameHosts('outbound', near);
  expect(['a', 'a.x:80', 'a.x', 'b.x'].map((name) => hosts.get(`outbound/${name}`)?.version)).toEqual([
    '2',
    '2',
    undefined,
    '1',
  ]);
  expect(nameHosts('outbound', near)).toBe(hosts);
  expect(versionOf(hosts)).toBe(versionOf(near));
});
