import { expect, test } from 'bun:test';
import { createRequestHead } from '../../wire/index.ts';
import { RequestNotes } from '../exchange/request-notes.ts';
import { endpointConfig } from '../testing/configs.ts';
import { World } from '../testing/world.ts';
import { noteChosen, pickNamed } from './override-hosts.ts';

type Metadata = Map<string, Readonly<Record<string, unknown>>>;

function setup(fields: readonly [string, string][], metadata: Metadata | null = null) {
  const world = new World();
  world.apply({ endpoints: { ledger: [1, 2, 3].map((port) => endpointConfig(port)) } });
  const cluster = world.cluster();
  const request = { head: createRequestHead('GET', 'a', '/', fields), metadata };
  const notes = new RequestNotes(request);
  const config = {
    sources: [
      { kind: 'metadata', key: 'envoy.lb', path: ['deep', 'hosts'] },
      { kind: 'header', name: 'x-host' },
    ] as const,
    selected: { key: 'envoy.lb', path: ['served', 'by'] },
  };
  const find = (address: string) =>
    cluster.endpoints.find(({ key }) => key.endsWith(`:${address}`) && /^\d$/.test(address));
  const pick = () => pickNamed(config, notes, find)?.key.split(':').at(-1) ?? '';
  return { cluster, config, notes, pick, request };
}

test('each attempt has the next of the list, metadata first', () => {
  const metadata: Metadata = new Map([['envoy.lb', { deep: { hosts: ' 2 ,nobody,3' } }]]);
  const { pick } = setup([['x-host', '1,,']], metadata);
  expect([pick(), pick(), pick(), pick()]).toEqual(['2', '3', '1', '']);
});

test('what is no text names nobody', () => {
  for (const hosts of [7, null, ['1'], { a: '1' }]) {
    const { pick } = setup([], new Map([['envoy.lb', { deep: { hosts } }]]));
    expect(pick()).toBe('');
  }
  expect(setup([], new Map([['envoy.lb', { deep: '1' }]])).pick()).toBe('');
});

test('a list is only so long', () => {
  const { pick, notes } = setup([['x-host', `${'nobody,'.repeat(64)}1`]]);
  expect(pick()).toBe('');
  expect(notes.hosts).toEqual([]);
});

test('who was chosen is noted beside what stands there', () => {
  const metadata: Metadata = new Map([['envoy.lb', { deep: { hosts: '1' }, served: { more: 1 } }]]);
  const { cluster, config, notes, request } = setup([], metadata);
  const endpoint = cluster.endpoints[1]!;
  noteChosen(config, notes, endpoint);
  expect(request.metadata?.get('envoy.lb')).toEqual({
    deep: { hosts: '1' },
    served: { more: 1, by: endpoint.key },
  });
  const empty = setup([]);
  noteChosen(empty.config, empty.notes, empty.cluster.endpoints[0]!);
  expect(empty.request.metadata?.get('envoy.lb')).toMatchObject({ served: {} });
});
