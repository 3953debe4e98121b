import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import fc from 'fast-check';
import { ok } from '../base/index.ts';
import { effortTimeoutMs, runs } from '../testing/effort.ts';
import { typeUrls, type XdsNode } from '../xds/index.ts';
import { RawClient } from '../xds/testing/raw-client.ts';
import { testNode } from '../xds/testing/resources.ts';
import { createMeshView } from './index.ts';
import { policy, route, service, slice } from './testing/manifests.ts';
import { type Client, World } from './testing/world.ts';

setDefaultTimeout(effortTimeoutMs);

describe('control plane', () => {
  let world: World;
  let client: Client;
  beforeEach(async () => {
    world = new World();
    await world.write('services.yaml', service('ledger') + service('cards'));
    await world.write('slices.yaml', slice('ledger', ['10.0.0.1']));
    await world.start();
    client = world.connect('sidecar~ledger-0.bank');
    await world.run(100);
    client.updates.length = 0;
  });
  afterEach(() => {
    client.stop();
    world.plane.stop();
  });

  const status = (key: string) => createMeshView(world.plane).objects.find((one) => one.key === key);
  const conditions = (key: string) =>
    status(key)?.conditions.map((one) => `${one.type}=${one.status} ${one.reason} ${one.message}`) ?? [];

  test('a proxy gets all it needs, once', () => {
    expect([...client.versions.keys()].sort()).toEqual([
      'Cluster bank/cards:80',
      'Cluster bank/ledger:80',
      'Cluster inbound:80',
      'ClusterLoadAssignment bank/cards:80',
      'ClusterLoadAssignment bank/ledger:80',
      'Listener inbound',
      'Listener outbound',
      'RouteConfiguration inbound',
      'RouteConfiguration outbound',
    ]);
  });

  test('an endpoint change goes on at once and touches nothing else', async () => {
    const beganMs = world.clock.now();
    await world.write('slices.yaml', slice('ledger', ['10.0.0.1', '10.0.0.2']));
    await world.run(100);
    expect(client.updates.map((line) => line.replace(/^\d+ /, ''))).toEqual([
      'ClusterLoadAssignment bank/ledger:80',
    ]);
    expect(Number(client.updates[0]?.split(' ')[0]) - beganMs).toBeLessThan(10);
    expect(world.plane.proxies.changeToSent.count).toBe(1);
    expect(world.plane.proxies.changeToAck.quantile(0.5)).toBeLessThan(0.02);
  });

  test('another change waits for quiet, and a burst is one build', async () => {
    const beganMs = world.clock.now();
    const builds = world.plane.counters.builds;
    await world.write('policies.yaml', policy('ledger', 'timeouts: { request: 1s }'));
    await world.run(20);
    await world.write('routes.yaml', route('ledger', 'backendRefs: [{ name: cards, port: 80 }]'));
    await world.run(200);
    expect(world.plane.counters.builds - builds).toBe(1);
    const times = client.updates.map((line) => Number(line.split(' ')[0]) - beganMs);
    expect(Math.min(...times)).toBeGreaterThanOrEqual(70);
    expect(Math.max(...times)).toBeLessThan(110);
  });

  test('a file written again with the same meaning publishes nothing', async () => {
    await world.write('services.yaml', `# a comment\n${service('ledger')}${service('cards')}`);
    await world.run(200);
    expect(client.updates).toEqual([]);
  });

  test('a new object appears, a removed file takes its objects along', async () => {
    await world.write('more.yaml', service('fraud'));
    await world.run(200);
    expect(client.versions.has('Cluster bank/fraud:80')).toBe(true);
    await world.remove('more.yaml');
    await world.run(3000);
    expect([...client.versions.keys()].some((name) => name.includes('fraud'))).toBe(false);
  });

  test('a file that is truncated for a moment removes nothing', async () => {
    const before = new Map(client.versions);
    await world.write('services.yaml', '');
    await world.run(20);
    await world.write('services.yaml', service('ledger') + service('cards'));
    await world.run(300);
    expect(client.versions).toEqual(before);
    expect(client.updates).toEqual([]);
  });

  test('the last good version of an object stays, its neighbours in the file move on', async () => {
    await world.write(
      'p.yaml',
      policy('ledger', 'timeouts: { request: 1s }') + policy('cards', 'timeouts: { request: 1s }'),
    );
    await world.run(200);
    const before = new Map(client.versions);
    await world.write(
      'p.yaml',
      policy('ledger', 'timeouts: { request: never }') + policy('cards', 'timeouts: { request: 2s }'),
    );
    await world.run(200);
    expect(client.versions.get('Cluster bank/ledger:80')).toBe(before.get('Cluster bank/ledger:80'));
    expect(client.versions.get('Cluster bank/cards:80')).not.toBe(before.get('Cluster bank/cards:80'));
    expect(status('bank/ServicePolicy/ledger')).toMatchObject({
      inForce: 'last-good',
      file: 'p.yaml',
      line: 2,
    });
    expect(conditions('bank/ServicePolicy/ledger')[0]).toBe(
      'Accepted=False Invalid spec.timeouts.request: must be a duration such as 10s or 250ms; the last good version stays in force',
    );
    await world.write(
      'p.yaml',
      policy('ledger', 'timeouts: { request: 3s }') + policy('cards', 'timeouts: { request: 2s }'),
    );
    await world.run(200);
    expect(status('bank/ServicePolicy/ledger')?.inForce).toBe('current');
  });

  const mirrored = `matches: [{ path: { value: /v2 } }], backendRefs: [{ name: cards, port: 80 }], filters: [{ type: RequestMirror, requestMirror: { backendRef: { name: cards, port: 80 }, percent: 101 } }]`;
  const rest = 'backendRefs: [{ name: cards, port: 80 }]';
  test.each([
    ['from the start', ['r'], [mirrored]],
    ['as an update', ['r', 'r'], [rest, mirrored]],
  ])('a rule that cannot be done is refused alone, %s', async (_, names, rules) => {
    for (const [index, name] of names.entries()) {
      const text = route('ledger', `${rules[index]} }, { name: rest, ${rest}`, name);
      await world.write('r.yaml', text);
      await world.run(200);
    }
    expect(status('bank/HTTPRoute/r')?.inForce).toBe('partial');
    const rules_ = world.plane.built.model.services.get('bank/ledger')?.ports[0]?.routes.producer;
    expect(rules_?.map(({ name, action }) => [name, action.kind])).toEqual([
      ['bank/r/0', 'unavailable'],
      ['bank/r/rest', 'forward'],
    ]);
    expect(conditions('bank/HTTPRoute/r').map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual([
      'PartiallyInvalid=True UnsupportedValue',
      'Accepted=True Accepted',
      'ResolvedRefs=True ResolvedRefs',
      'PartiallyInvalid=True UnsupportedValue',
    ]);
  });

  test('a route that cannot be read at all leaves its Service no default', async () => {
    const text = route('ledger', rest, 'r').replace('spec: {', 'spec: { hostname: x,');
    await world.write('r.yaml', text);
    await world.run(200);
    expect(status('bank/HTTPRoute/r')?.inForce).toBe('refused');
    const rules = () => world.plane.built.model.services.get('bank/ledger')?.ports[0]?.routes.producer;
    expect(rules()?.map(({ action }) => action.kind)).toEqual(['unavailable']);
    // A route that can be read comes before it, though its name is later.
    await world.write('s.yaml', route('ledger', rest, 's'));
    await world.run(200);
    expect(rules()?.map(({ action }) => action.kind)).toEqual(['forward', 'unavailable']);
  });

  test('an object that was never good is not in force', async () => {
    await world.write('p.yaml', policy('ledger', 'retries: 3'));
    await world.run(200);
    expect(status('bank/ServicePolicy/ledger')?.inForce).toBe('none');
    expect(client.updates).toEqual([]);
  });

  test('a file that does not parse keeps what it held', async () => {
    await world.write('services.yaml', 'kind: [');
    await world.run(300);
    expect(client.updates).toEqual([]);
    expect(createMeshView(world.plane).findings.map((one) => one.issue.object)).toEqual(['services.yaml:1']);
  });

  test('a folder that is empty all of a sudden takes nothing down', async () => {
    await world.remove('services.yaml');
    await world.remove('slices.yaml');
    await world.run(500);
    expect([...client.versions.keys()].filter((name) => name.startsWith('Cluster bank'))).toHaveLength(2);
    expect(createMeshView(world.plane).findings[0]?.issue.rule).toContain('what it held stays in force');
    await world.write('services.yaml', service('cards'));
    await world.run(3000);
    expect([...client.versions.keys()].filter((name) => name.startsWith('Cluster bank'))).toEqual([
      'Cluster bank/cards:80',
    ]);
    expect(createMeshView(world.plane).findings).toEqual([]);
  });

  test('one object in two files: both are named, the first counts', async () => {
    await world.write('z.yaml', service('ledger').replace('port: 80', 'port: 81'));
    await world.run(200);
    const [finding] = createMeshView(world.plane).findings;
    expect(finding?.issue.rule).toBe(
      'is defined twice, in services.yaml:2 and in z.yaml:2; the first counts',
    );
    expect(client.versions.has('Cluster bank/ledger:81')).toBe(false);
    await world.remove('z.yaml');
    await world.run(200);
    expect(createMeshView(world.plane).findings).toEqual([]);
  });

  test('the words of a proxy that refuses become a condition on the object', async () => {
    client.refuse = (update) =>
      update.changed.some((one) => one.name === 'bank/ledger:80')
        ? [{ object: 'bank/ledger:80', field: 'connect_timeout', rule: 'must be longer', value: '1s' }]
        : [];
    await world.write('p.yaml', policy('ledger', 'timeouts: { connect: 2s }'));
    await world.run(300);
    for (const key of ['bank/ServicePolicy/ledger', 'bank/Service/ledger'])
      expect(conditions(key).find((one) => one.startsWith('Programmed=False Nacked'))).toContain(
        'must be longer',
      );
    expect(conditions('bank/Service/cards')).toEqual([]);
    expect(createMeshView(world.plane).proxies[0]?.nacks).toHaveLength(1);
    client.refuse = null;
    await world.write('p.yaml', policy('ledger', 'timeouts: { connect: 3s }'));
    await world.run(300);
    expect(conditions('bank/Service/ledger')).toEqual([]);
  });

  test('a refusal stays with its resource, whatever else is taken after it', async () => {
    client.refuse = (update) =>
      update.changed.some((one) => one.name === 'bank/ledger:80')
        ? [{ object: 'bank/ledger:80', field: 'connect_timeout', rule: 'must be longer', value: '1s' }]
        : [];
    await world.write('p.yaml', policy('ledger', 'timeouts: { connect: 2s }'));
    await world.run(300);
    await world.write('q.yaml', policy('cards', 'timeouts: { connect: 2s }'));
    await world.run(300);
    expect(conditions('bank/Service/ledger').join()).toContain('must be longer');
    expect(conditions('bank/Service/cards')).toEqual([]);
    client.refuse = null;
    await world.remove('p.yaml');
    await world.run(300);
    expect(conditions('bank/Service/ledger')).toEqual([]);
  });

  test('one route that is refused freezes no other, and the condition is on its object', async () => {
    const names = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    client.refuse = (update) =>
      update.changed.some((one) => names(one.bytes).includes('/bad'))
        ? [{ object: '', field: '', rule: 'somehow not good', value: '' }]
        : [];
    const rule = (path: string) =>
      `matches: [{ path: { value: ${path} } }], backendRefs: [{ name: cards, port: 80 }]`;
    await world.write('one.yaml', route('ledger', rule('/bad')));
    await world.write('two.yaml', route('cards', rule('/good')));
    await world.run(1_000);
    expect(conditions('bank/HTTPRoute/ledger').join()).toContain('somehow not good');
    expect(conditions('bank/HTTPRoute/cards').join()).not.toContain('Nacked');
    const before = client.versions.get('RouteConfiguration outbound');
    await world.write('two.yaml', route('cards', rule('/better')));
    await world.run(1_000);
    expect(client.versions.get('RouteConfiguration outbound')).not.toBe(before);
    expect(conditions('bank/HTTPRoute/ledger').join()).toContain('somehow not good');
    await world.write('one.yaml', route('ledger', rule('/mended')));
    await world.run(1_000);
    expect(conditions('bank/HTTPRoute/ledger').join()).not.toContain('Nacked');
  });

  test('faults and changes are logged once a change, with the object', async () => {
    const take = () =>
      world.lines.splice(0).map(({ message, object, rule }) => [message, object, rule ?? '']);
    take();
    await world.write('r.yaml', route('ledger', 'backendRefs: [{ name: nobody, port: 80 }]'));
    await world.run(300);
    expect(take()).toEqual([
      ['object added', 'bank/HTTPRoute/ledger', ''],
      ['object at fault', 'bank/HTTPRoute/ledger', expect.stringContaining('BackendNotFound')],
    ]);
    // Neither another change nor endpoints say it again.
    await world.write('slices.yaml', slice('ledger', ['10.0.0.1', '10.0.0.3']));
    await world.write('p.yaml', policy('cards', 'timeouts: { connect: 2s }'));
    await world.run(300);
    expect(take()).toEqual([['object added', 'bank/ServicePolicy/cards', '']]);
    await world.remove('r.yaml');
    await world.run(300);
    expect(take()).toEqual([
      ['manifest is gone', undefined, ''],
      ['object removed', 'bank/HTTPRoute/ledger', ''],
      ['fault mended', 'bank/HTTPRoute/ledger', expect.stringContaining('BackendNotFound')],
    ]);
  });

  test('a proxy that leaves is shown as gone', async () => {
    client.stop();
    await world.run(100);
    expect(createMeshView(world.plane).proxies[0]).toMatchObject({
      node: 'sidecar~ledger-0.bank',
      connected: false,
    });
    expect(world.plane.snapshots.scopeCount).toBe(0);
  });

  test('a node that cannot be understood is told apart, and served nothing', async () => {
    const odd = world.connect('somebody');
    await world.run(100);
    expect(odd.versions.size).toBe(0);
    const view = createMeshView(world.plane).proxies.find((one) => one.node === 'somebody');
    expect(view?.notes).toEqual([
      'id must be sidecar~POD.NAMESPACE, agent~NODE, gateway~POD.NAMESPACE or grpc~POD.NAMESPACE',
    ]);
    odd.stop();
  });

  test('a broken disk changes nothing, and what changed meanwhile is found afterwards', async () => {
    const { MeshError } = await import('../base/index.ts');
    world.store.fault = new MeshError('storage', 'internal', 'yes', 'the disk is gone');
    await world.run(60_000);
    expect(client.updates).toEqual([]);
    world.store.fault = null;
    await world.write('more.yaml', service('fraud'));
    await world.run(40_000);
    expect(client.versions.has('Cluster bank/fraud:80')).toBe(true);
  });
});

describe('order of events', () => {
  test('before everything is read, proxies are kept waiting rather than told that there is nothing', async () => {
    const world = new World();
    const client = world.connect('sidecar~ledger-0.bank');
    await world.run(100);
    expect(client.updates).toEqual([]);
    await world.write('services.yaml', service('ledger'));
    await world.start();
    await world.run(100);
    expect(client.versions.has('Cluster bank/ledger:80')).toBe(true);
    client.stop();
    world.plane.stop();
  });

  const files: Readonly<Record<string, string>> = {
    'a.yaml': service('ledger') + service('cards'),
    'b.yaml': slice('ledger', ['10.0.0.1', '10.0.0.2']) + slice('cards', ['10.0.0.3']),
    'c.yaml':
      policy('ledger', 'timeouts: { request: 1s }', 'one') +
      policy('ledger', 'timeouts: { request: 2s }', 'two'),
    'd.yaml': route(
      'ledger',
      'matches: [{ path: { value: /a } }], backendRefs: [{ name: cards, port: 80 }]',
      'x',
    ),
    'e.yaml': route('ledger', 'backendRefs: [{ name: ledger, port: 80 }]', 'y'),
    'f.yaml': service('ledger').replace('port: 80', 'port: 99'),
  };

  async function play(order: readonly string[], pauses: readonly number[]): Promise<unknown> {
    const world = new World();
    await world.start();
    const client = world.connect('sidecar~ledger-0.bank');
    for (const [index, file] of order.entries()) {
      await world.write(file, files[file] ?? '');
      await world.run(pauses[index] ?? 0);
    }
    await world.run(3000);
    client.stop();
    const view = createMeshView(world.plane);
    world.plane.stop();
    return { versions: [...client.versions].sort(), objects: view.objects, findings: view.findings };
  }

  test('any order of files, in any rhythm, ends in the same snapshot', async () => {
    const expected = await play(Object.keys(files), []);
    const names = Object.keys(files);
    const orders = fc.shuffledSubarray(names, { minLength: names.length, maxLength: names.length });
    const pauses = fc.array(fc.constantFrom(0, 5, 30, 60, 600), { minLength: 6, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(orders, pauses, async (order, rhythm) => {
        expect(await play(order, rhythm)).toEqual(expected);
      }),
      { numRuns: runs(25), seed: 4 },
    );
  });
});

test('a caller who is another by the time that everything was read comes again', async () => {
  const world = new World();
  let app = 'web';
  const caller = {
    name: 'web-1.shop',
    subjectOf: () => 'shop/Pod/web-1',
    introduce: (node: XdsNode) => ok({ ...node, metadata: { ...node.metadata, labels: { app } } }),
  };
  const node = { ...testNode, id: 'sidecar~web-1.shop', metadata: {} };
  const [changing, steady] = [caller, { ...caller, introduce: (one: XdsNode) => ok(one) }].map((who) => {
    const client = new RawClient(world.plane.adsServer, 'delta', '', who);
    client.delta(typeUrls.cluster, { node });
    return client;
  });
  app = 'ledger';
  await world.start();
  expect(changing?.closedBy?.message).toContain('what is known of this proxy changed');
  expect(steady?.closedBy).toBeUndefined();
  world.plane.stop();
});
