import { describe, expect, test } from 'bun:test';
import { buildModel } from '../model/build.ts';
import { Catalog } from '../model/catalog.ts';
import { parseManifests } from '../source/parse.ts';
import { policy, route, service } from '../testing/manifests.ts';
import { NackBook, nacksMax, nacksPerNodeMax } from './nacks.ts';
import { findOwners } from './owners.ts';
import { describeRefusal } from './refusals.ts';

function build(text: string) {
  const parsed = parseManifests('f', text);
  if (!parsed.ok) throw new Error('not parsed');
  const catalog = new Catalog();
  for (const object of parsed.value) catalog.upsert(object);
  return buildModel(catalog.entries()).model;
}

const gateway = `---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: edge, namespace: bank }
spec: { gatewayClassName: weft, listeners: [{ name: http, protocol: HTTP, port: 8080 }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: at-edge, namespace: bank }
spec: { parentRefs: [{ name: edge }], rules: [{ name: main, backendRefs: [{ name: ledger, port: 80 }] }] }
`;

const model = build(
  service('ledger') +
    service('ledger-v2') +
    policy('ledger', 'retry: { attempts: 1 }', 'p') +
    route('ledger', 'name: main, backendRefs: [{ name: ledger-v2, port: 80 }]', 'r') +
    gateway,
);

const refusal = {
  nodeId: 'sidecar~web-0.bank',
  resource: 'bank/ledger:80',
  part: '',
  items: [],
  version: '1',
  message: 'no',
};

describe('findOwners', () => {
  test.each([
    ['a cluster or its endpoints', refusal, ['bank/Service/ledger', 'bank/ServicePolicy/p']],
    ['another of a longer name', { ...refusal, resource: 'bank/ledger:8080' }, []],
    [
      'a route that changed in a virtual host',
      { ...refusal, resource: 'outbound', part: 'bank/ledger:80', items: ['bank/r/main'] },
      ['bank/HTTPRoute/r'],
    ],
    [
      'a virtual host whose routes did not change',
      { ...refusal, resource: 'outbound', part: 'bank/ledger-v2:80' },
      ['bank/Service/ledger-v2'],
    ],
    [
      'a virtual host of routes that nobody wrote',
      { ...refusal, resource: 'outbound', part: 'bank/ledger-v2:80', items: ['default'] },
      ['bank/Service/ledger-v2'],
    ],
    [
      'a gateway’s listener',
      { ...refusal, resource: 'gateway/bank/edge/http', nodeId: 'gateway~edge-0.bank' },
      ['bank/Gateway/edge'],
    ],
    ['a gateway’s listener, said by a sidecar', { ...refusal, resource: 'gateway/bank/edge/http' }, []],
    [
      'a route of a gateway',
      { ...refusal, resource: 'x', items: ['bank/at-edge/main'], nodeId: 'gateway~edge-0.bank' },
      ['bank/HTTPRoute/at-edge'],
    ],
    [
      'a route of a gateway, said by a sidecar',
      { ...refusal, resource: 'x', items: ['bank/at-edge/main'] },
      [],
    ],
    ['text that names another', { ...refusal, resource: 'x', message: 'bank/ledger:80' }, []],
  ])('%s', (_, refused, expected) => {
    expect([...findOwners(refused, model)].map(String).sort()).toEqual([...expected]);
  });
});

describe('NackBook', () => {
  const nack = { ...refusal, nodeId: 'n', typeUrl: 't', atMs: 1 };

  test.each([[[]], [['bank/r/main']]])('however many refuse, a model is read once (items %p)', (items) => {
    let reads = 0;
    class CountedMap<K, V> extends Map<K, V> {
      override values() {
        reads++;
        return super.values();
      }
    }
    const counted = {
      ...model,
      services: new CountedMap(model.services),
      gateways: new CountedMap(model.gateways),
    };
    const book = new NackBook();
    for (let node = 0; node < 100; node++)
      for (let at = 0; at < 10; at++)
        book.add({
          ...nack,
          nodeId: `gateway~${node}`,
          resource: at === 0 ? nack.resource : `x/y:${at}`,
          items,
        });
    expect(
      book.refusals(counted).get(items.length === 0 ? 'bank/Service/ledger' : 'bank/HTTPRoute/r')?.proxies,
    ).toBe(100);
    book.refusals(counted);
    expect(reads).toBe(2);
  });

  test('a refusal stays until that very resource is taken, whatever else is', () => {
    const book = new NackBook();
    book.add(nack);
    book.resolve('n', 't', { ...refusal, resource: 'bank/ledger-v2:80' });
    book.resolve('n', 'other', refusal);
    book.resolve('m', 't', refusal);
    expect(book.of('n')).toEqual([nack]);
    book.resolve('n', 't', { ...refusal, version: '2' });
    expect(book.all()).toEqual([]);
  });

  test('one condition for an object, however many proxies refuse it', () => {
    const book = new NackBook();
    for (const nodeId of ['a', 'b', 'c']) book.add({ ...nack, nodeId });
    const refusal = book.refusals(model).get('bank/Service/ledger');
    const condition = refusal === undefined ? undefined : describeRefusal(refusal);
    expect(condition?.message).toBe('a (and 2 more) refused it: no');
    for (const nodeId of ['a', 'b', 'c']) book.forget(nodeId);
    expect(book.refusals(model).size).toBe(0);
  });

  test('is bounded', () => {
    const book = new NackBook();
    for (let i = 0; i <= nacksMax; i++) book.add({ ...nack, nodeId: `n${i}` });
    expect(book.all()).toHaveLength(nacksMax);
    book.resolve('n0', 't', refusal);
    book.add({ ...nack, nodeId: 'new' });
    expect(book.of('new')).toHaveLength(1);
    book.add({ ...nack, nodeId: 'newer' });
    expect(book.all()).toHaveLength(nacksMax);
  });

  test('one proxy has a share of it', () => {
    const book = new NackBook();
    for (let i = 0; i <= nacksPerNodeMax; i++) book.add({ ...nack, resource: `r${i}` });
    book.add({ ...nack, nodeId: 'm' });
    expect([book.of('n').length, book.of('m').length]).toEqual([nacksPerNodeMax, 1]);
    book.resolve('n', 't', { ...refusal, resource: 'r0' });
    book.add({ ...nack, resource: 'new' });
    expect(book.of('n').at(-1)?.resource).toBe('new');
  });
});
