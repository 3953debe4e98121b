import { describe, expect, test } from 'bun:test';
import { buildModel } from '../model/build.ts';
import { Catalog } from '../model/catalog.ts';
import { parseManifests } from '../source/parse.ts';
import { policy, route, service } from '../testing/manifests.ts';
import { findOwners, NackBook } from './nacks.ts';

function build(text: string) {
  const parsed = parseManifests('f', text);
  if (!parsed.ok) throw new Error('not parsed');
  const catalog = new Catalog();
  for (const object of parsed.value) catalog.upsert(object);
  return buildModel(catalog.entries()).model;
}

const model = build(
  service('ledger') +
    service('ledger-v2') +
    policy('ledger', 'retry: { attempts: 1 }', 'p') +
    route('ledger', 'name: main, backendRefs: [{ name: ledger-v2, port: 80 }]', 'r'),
);

describe('findOwners', () => {
  const cases: readonly [string, string, readonly string[]][] = [
    [
      'an Envoy’s cluster',
      'Error adding/updating cluster(s) bank/ledger:80: Proto constraint',
      ['bank/Service/ledger', 'bank/ServicePolicy/p'],
    ],
    ['no longer port', 'cluster bank/ledger:8080', []],
    ['no longer name', 'cluster bank/ledger-v2:80', ['bank/Service/ledger-v2']],
    ['no other namespace', 'cluster riverbank/ledger:80', []],
    ['a route', 'outbound: virtual_hosts[0].routes[1] "bank/r/main": regex', ['bank/HTTPRoute/r']],
    ['nothing known', 'Unknown field', []],
  ];
  test.each(cases)('%s', (_, text, expected) => {
    expect([...findOwners(text, model)].sort()).toEqual([...expected]);
  });
});

describe('NackBook', () => {
  const nack = { nodeId: 'n', typeUrl: 't', version: '1', message: 'cluster bank/ledger:80', atMs: 1 };

  test('an ACK of the type takes it back, another type does not', () => {
    const book = new NackBook();
    book.add(nack);
    book.clear('n', 'other');
    book.clear('m', 't');
    expect(book.of('n')).toEqual([nack]);
    book.clear('n', 't');
    expect(book.all()).toEqual([]);
  });

  test('the newest refusal of a type replaces the one before', () => {
    const book = new NackBook();
    book.add(nack);
    book.add({ ...nack, message: 'cluster bank/ledger-v2:80' });
    expect([...book.conditions(model).keys()]).toEqual(['bank/Service/ledger-v2']);
    book.clear('n', null);
    expect(book.conditions(model).size).toBe(0);
  });
});
