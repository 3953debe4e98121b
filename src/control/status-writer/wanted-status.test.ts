import { describe, expect, test } from 'bun:test';
import type { KubeObject } from '../kubernetes/types.ts';
import type { CatalogEntry } from '../model/catalog.ts';
import { type Condition, itself, type ObjectRef, type Subject } from '../model/status.ts';
import type { GatewayModel } from '../model/types.ts';
import { gatewayController, meshController } from '../schema/gateway.ts';
import { mergeConditions } from './conditions.ts';
import { findNews } from './events.ts';
import type { GatewayFacts } from './types.ts';
import { wantStatus } from './wanted-status.ts';

const now = '2026-01-01T00:00:00Z';
const model: GatewayModel = {
  id: 'shop/edge',
  key: 'shop/Gateway/edge',
  namespace: 'shop',
  name: 'edge',
  identity: null,
  sockets: [],
  listeners: [{ name: 'http', attachedRoutes: 2 }],
  sets: [
    { key: 'shop/ListenerSet/x', accepted: true, listeners: [{ name: 'more', attachedRoutes: 3 }] },
    { key: 'shop/ListenerSet/y', accepted: false, listeners: [] },
  ],
};

function facts(more: Partial<GatewayFacts> = {}): GatewayFacts {
  return {
    gateway: (namespace, name) => (`${namespace}/${name}` === model.id ? model : null),
    gatewayOfSet: () => model,
    ownsClass: (name) => name === 'weft',
    asked: () => [],
    addresses: () => [{ type: 'IPAddress', value: '10.0.0.1' }],
    proxies: () => ({ connected: 2, current: 1 }),
    fault: () => null,
    hiddenLabels: () => '',
    ...more,
  };
}

function entryOf(kind: string): CatalogEntry {
  const origin = { file: '', line: 0 };
  return {
    key: `shop/${kind}/x`,
    apiVersion: 'v1',
    kind,
    origin,
    good: null,
    standing: 'current',
    issues: [],
    note: '',
  };
}

function want(
  kind: string,
  spec: KubeObject,
  conditions: readonly Condition[],
  present: unknown = {},
  known = facts(),
) {
  const object = { apiVersion: 'v1', kind, metadata: { namespace: 'shop', name: 'edge' }, spec };
  return wantStatus(
    { entry: entryOf(kind), object, present, generation: 7, conditions, now },
    known,
  ) as never;
}

function said(
  type: Condition['type'],
  status: 'True' | 'False',
  reason: string,
  subject: Subject,
): Condition {
  return { type, status, reason, message: '', about: '', subject };
}

const edge: ObjectRef = {
  group: 'gateway.networking.k8s.io',
  kind: 'Gateway',
  namespace: 'shop',
  name: 'edge',
};
const parent: Subject = { of: 'parent', ref: edge };
const foreign = { parentRef: { name: 'theirs' }, controllerName: 'example.com/other', conditions: [] };

describe('a set of listeners', () => {
  const listeners = [
    { name: 'more', port: 80, protocol: 'HTTP' },
    { name: 'taken', port: 80, protocol: 'HTTP' },
  ];
  const taken: Subject = { of: 'listener', gateway: 'shop/ListenerSet/x', name: 'taken' };

  test('is served as its Gateway is, and says which of its listeners is not', () => {
    const conditions = [
      said('Accepted', 'True', 'Accepted', itself),
      said('Accepted', 'False', 'HostnameConflict', taken),
    ];
    expect(want('ListenerSet', { parentRef: { name: 'edge' }, listeners }, conditions)).toMatchObject({
      conditions: [
        { type: 'Accepted', status: 'True', reason: 'ListenersNotValid' },
        { type: 'Programmed', status: 'True' },
      ],
      listeners: [
        { name: 'more', attachedRoutes: 3, conditions: [{ type: 'Accepted', status: 'True' }, {}, {}, {}] },
        {
          name: 'taken',
          attachedRoutes: 0,
          conditions: [
            { type: 'Accepted', status: 'False', reason: 'HostnameConflict' },
            { type: 'Programmed', status: 'False', reason: 'HostnameConflict' },
            { type: 'Conflicted', status: 'True', reason: 'HostnameConflict' },
            { type: 'ResolvedRefs', status: 'True' },
          ],
        },
      ],
    });
  });

  test('that its Gateway does not let is not programmed, for the same reason', () => {
    const conditions = [said('Accepted', 'False', 'NotAllowed', itself)];
    expect(want('ListenerSet', { parentRef: { name: 'edge' }, listeners }, conditions)).toMatchObject({
      conditions: [
        { type: 'Accepted', status: 'False', reason: 'NotAllowed' },
        { type: 'Programmed', status: 'False', reason: 'NotAllowed' },
      ],
    });
  });

  test('of another’s Gateway is left alone', () => {
    expect(
      want(
        'ListenerSet',
        { parentRef: { name: 'edge' }, listeners },
        [],
        undefined,
        facts({ gatewayOfSet: () => null }),
      ),
    ).toBeNull();
  });

  test('is not programmed while its Gateway lacks an address that it asked for', () => {
    const lacking = facts({ asked: () => ['10.0.0.1', '10.0.0.9'] });
    for (const kind of ['Gateway', 'ListenerSet']) {
      const { conditions } = want(kind, { listeners: [] }, [], undefined, lacking) as {
        conditions: readonly KubeObject[];
      };
      expect(conditions.slice(0, 2)).toMatchObject([
        { type: 'Accepted', status: 'True' },
        {
          type: 'Programmed',
          status: 'False',
          reason: 'AddressNotUsable',
          message: 'it was not given 10.0.0.9',
        },
      ]);
    }
  });

  test('is not programmed while an object that runs its Gateway is another’s; and which labels its pods lack', () => {
    const message = 'Service edge-weft (v1) is somebody else’s';
    const known = facts({ fault: () => ({ reason: 'ObjectNotOurs', message }) });
    for (const kind of ['Gateway', 'ListenerSet']) {
      const { conditions } = want(kind, { listeners: [] }, [], {}, known) as { conditions: KubeObject[] };
      expect(conditions.find(({ type }) => type === 'Programmed')).toMatchObject({
        ...{ status: 'False', reason: 'ObjectNotOurs', message },
      });
      const lacking = facts({ hiddenLabels: () => 'its pods go without' });
      const served = want(kind, { listeners: [] }, [], {}, lacking) as { conditions: KubeObject[] };
      expect(served.conditions.find(({ type }) => type === 'Programmed')).toMatchObject({
        ...{ status: 'True', message: '1 of 2 proxies serve it; its pods go without' },
      });
    }
  });

  test('is counted by its Gateway once it is accepted', () => {
    expect(want('Gateway', { listeners: [] }, [])).toMatchObject({ attachedListenerSets: 1 });
  });
});

describe('a route', () => {
  test('has an entry for each parent of ours, and keeps those of others', () => {
    const conditions = [said('Accepted', 'True', 'Accepted', parent)];
    const status = want('HTTPRoute', { parentRefs: [{ name: 'edge' }, { name: 'theirs' }] }, conditions, {
      parents: [foreign],
    });
    expect(status).toMatchObject({
      parents: [
        foreign,
        {
          parentRef: { name: 'edge' },
          controllerName: gatewayController,
          conditions: [
            { type: 'Accepted', status: 'True', observedGeneration: 7, lastTransitionTime: now },
            { type: 'ResolvedRefs', status: 'True' },
          ],
        },
      ],
    });
  });

  test('without a parent of ours is left alone', () => {
    const conditions = [
      said('Accepted', 'False', 'NoMatchingParent', { of: 'parent', ref: { ...edge, name: 'theirs' } }),
    ];
    expect(
      want('HTTPRoute', { parentRefs: [{ name: 'theirs' }] }, conditions, { parents: [foreign] }),
    ).toBeNull();
  });

  test('says nothing of parents of other kinds, though they are named like ours', () => {
    const conditions = [said('Accepted', 'True', 'Accepted', parent)];
    const parentRefs = [
      { group: 'other.io', kind: 'Waypoint', name: 'edge' },
      { group: 'other.io', kind: 'Gateway', name: 'edge' },
      { group: 'other.io', kind: 'Service', name: 'edge' },
    ];
    expect(want('HTTPRoute', { parentRefs }, conditions, { parents: [foreign] })).toBeNull();
  });

  test('that left our parent loses our entry alone', () => {
    const ours = { parentRef: { name: 'edge' }, controllerName: gatewayController, conditions: [] };
    const status = want('HTTPRoute', { parentRefs: [{ name: 'theirs' }] }, [], { parents: [ours, foreign] });
    expect(status).toEqual({ parents: [foreign] } as never);
  });

  test('that cannot be read is refused at each parent', () => {
    const conditions = [said('Accepted', 'False', 'Invalid', itself)];
    const refs = { parentRefs: [{ name: 'edge' }, { kind: 'Service', group: '', name: 'ledger' }] };
    const { parents } = want('HTTPRoute', refs, conditions) as { parents: readonly KubeObject[] };
    expect(parents).toHaveLength(2);
    for (const one of parents)
      expect(one).toMatchObject({
        conditions: [{ type: 'Accepted', status: 'False' }, { type: 'ResolvedRefs' }],
      });
  });

  test('two references to one parent by sections are told apart', () => {
    const conditions = [
      said('Accepted', 'True', 'Accepted', { of: 'parent', ref: { ...edge, sectionName: 'a' } }),
      said('Accepted', 'False', 'NoMatchingParent', { of: 'parent', ref: { ...edge, sectionName: 'b' } }),
    ];
    const refs = [
      { name: 'edge', sectionName: 'a' },
      { name: 'edge', sectionName: 'b' },
    ];
    const { parents } = want('HTTPRoute', { parentRefs: refs }, conditions) as {
      parents: readonly KubeObject[];
    };
    expect(parents.map((one) => (one['conditions'] as readonly KubeObject[])[0]?.['status'])).toEqual([
      'True',
      'False',
    ]);
  });
});

describe('a Gateway', () => {
  const listeners = [{ name: 'http', port: 80, protocol: 'HTTP' }];
  const accepted = [
    said('Accepted', 'True', 'Accepted', itself),
    said('Accepted', 'True', 'Accepted', { of: 'listener', gateway: model.key, name: 'http' }),
  ];

  test('is programmed when a proxy has taken it and clients can reach it', () => {
    expect(want('Gateway', { listeners }, accepted)).toMatchObject({
      addresses: [{ value: '10.0.0.1' }],
      conditions: [
        { type: 'Accepted', status: 'True', reason: 'Accepted' },
        { type: 'Programmed', status: 'True', message: '1 of 2 proxies serve it' },
        { type: 'ResolvedRefs', status: 'True' },
      ],
      listeners: [
        {
          name: 'http',
          attachedRoutes: 2,
          supportedKinds: [
            { group: 'gateway.networking.k8s.io', kind: 'HTTPRoute' },
            { group: 'gateway.networking.k8s.io', kind: 'GRPCRoute' },
          ],
        },
      ],
    } as never);
  });

  test.each([
    ['no proxy', facts({ proxies: () => ({ connected: 0, current: 0 }) }), 'Pending'],
    ['none that took it', facts({ proxies: () => ({ connected: 3, current: 0 }) }), 'Pending'],
    ['no address', facts({ addresses: () => [] }), 'AddressNotAssigned'],
  ])('is not programmed with %s', (_, known, reason) => {
    const { conditions } = want('Gateway', { listeners }, accepted, {}, known) as {
      conditions: readonly KubeObject[];
    };
    expect(conditions[1]).toMatchObject({ type: 'Programmed', status: 'False', reason });
  });

  const lacking = (subject: Subject) =>
    said(
      'ResolvedRefs',
      'False',
      subject === itself ? 'InvalidClientCertificateRef' : 'RefNotPermitted',
      subject,
    );

  test.each([
    ['nothing fails', [], 'True', 'ResolvedRefs'],
    [
      'a listener lacks its certificate',
      [lacking({ of: 'listener', gateway: model.key, name: 'http' })],
      'False',
      'ListenersNotResolved',
    ],
    [
      'its own certificate lacks too',
      [lacking({ of: 'listener', gateway: model.key, name: 'http' }), lacking(itself)],
      'False',
      'InvalidClientCertificateRef',
    ],
  ] as const)('sums up what it refers to where %s', (_, said, status, reason) => {
    const { conditions } = want('Gateway', { listeners }, [...accepted, ...said]) as {
      conditions: readonly KubeObject[];
    };
    expect(conditions).toContainEqual(expect.objectContaining({ type: 'ResolvedRefs', status, reason }));
    expect(conditions[0]).toMatchObject({ type: 'Accepted', status: 'True' });
  });

  test('with a listener in conflict says so there and at the whole', () => {
    const two = [...listeners, { name: 'again', port: 80, protocol: 'HTTP' }];
    const conflict = said('Accepted', 'False', 'HostnameConflict', {
      of: 'listener',
      gateway: model.key,
      name: 'again',
    });
    expect(want('Gateway', { listeners: two }, [...accepted, conflict])).toMatchObject({
      conditions: [{ type: 'Accepted', status: 'True', reason: 'ListenersNotValid' }, {}, {}],
      listeners: [
        { conditions: [{ status: 'True' }, {}, { type: 'Conflicted', status: 'False' }, {}] },
        {
          conditions: [
            { type: 'Accepted', status: 'False' },
            { type: 'Programmed', status: 'False' },
            { type: 'Conflicted', status: 'True', reason: 'HostnameConflict' },
            {},
          ],
        },
      ],
    } as never);
  });

  test('with kinds that no listener of its protocol carries resolves only the others', () => {
    const kinds = [{ kind: 'HTTPRoute' }, { kind: 'FooRoute' }];
    const [listener] = listeners.map((one) => ({ ...one, allowedRoutes: { kinds } }));
    const status = want('Gateway', { listeners: [listener] }, accepted) as {
      listeners: readonly KubeObject[];
    };
    expect(status.listeners[0]).toMatchObject({ supportedKinds: [{ kind: 'HTTPRoute' }] });
    const conditions = status.listeners[0]?.['conditions'] as readonly KubeObject[];
    expect(conditions.at(-1)).toMatchObject({
      type: 'ResolvedRefs',
      status: 'False',
      reason: 'InvalidRouteKinds',
    });
  });

  test('that cannot be read is neither accepted nor programmed', () => {
    const conditions = [said('Accepted', 'False', 'Invalid', itself)];
    const issues = [{ path: 'spec.x', rule: 'is not a field of this kind' }] as never;
    const of = (gatewayClassName: string) => {
      const object = { metadata: { namespace: 'shop', name: 'edge' }, spec: { gatewayClassName } };
      const entry = { ...entryOf('Gateway'), standing: 'none' as const, issues };
      const present = {
        conditions: [{ type: 'Programmed', status: 'True' }],
        addresses: [{ value: '10.0.0.1' }],
      };
      const none = facts({ gateway: () => null });
      return wantStatus({ entry, object, present, generation: 7, conditions, now }, none);
    };
    expect(of('weft')).toMatchObject({
      conditions: [
        { type: 'Accepted', status: 'False', reason: 'Invalid', observedGeneration: 7 },
        { type: 'Programmed', status: 'False', reason: 'Invalid' },
      ],
      listeners: [],
    });
    expect(of('weft')).not.toHaveProperty('addresses');
    expect(of('theirs')).toBeNull();
  });

  test('of another class is left alone', () => {
    expect(want('Gateway', { listeners }, accepted, {}, facts({ gateway: () => null }))).toBeNull();
  });
});

describe('a class', () => {
  test('that names this controller is accepted, with its features in order', () => {
    const conditions = [said('Accepted', 'True', 'Accepted', itself)];
    const status = want('GatewayClass', { controllerName: gatewayController }, conditions) as {
      conditions: readonly KubeObject[];
      supportedFeatures: { name: string }[];
    };
    expect(status.conditions).toMatchObject([
      { type: 'Accepted', status: 'True', reason: 'Accepted' },
      { type: 'SupportedVersion', status: 'True' },
    ]);
    const names = status.supportedFeatures.map(({ name }) => name);
    expect(names).toEqual(names.toSorted());
    expect(names).toContain('HTTPRoute');
  });

  test('that asks for parameters is not', () => {
    const conditions = [said('Accepted', 'False', 'InvalidParameters', itself)];
    expect(want('GatewayClass', { controllerName: gatewayController }, conditions)).toMatchObject({
      conditions: [{ type: 'Accepted', status: 'False', reason: 'InvalidParameters' }, {}],
    });
  });

  test('of somebody else is left alone', () => {
    expect(want('GatewayClass', { controllerName: 'example.com/other' }, [])).toBeNull();
  });
});

test('a backend outside has an entry for each user, under its own names', () => {
  const users = ['edge', 'inner'].map(
    (name): Subject => ({
      of: 'ancestor',
      ref: { group: 'gateway.networking.k8s.io', kind: 'Gateway', namespace: 'shop', name },
    }),
  );
  const foreign = { parentRef: { name: 'x' }, controllerName: 'example.com/other', conditions: [] };
  const conditions = users.map((user) => said('Accepted', 'True', 'Accepted', user));
  const { parents } = want('XBackend', {}, conditions, { parents: [foreign] }) as {
    parents: readonly KubeObject[];
  };
  expect(parents).toMatchObject([
    foreign,
    {
      parentRef: { kind: 'Gateway', name: 'edge' },
      controllerName: gatewayController,
      conditions: [{ status: 'True' }],
    },
    { parentRef: { kind: 'Gateway', name: 'inner' }, controllerName: gatewayController },
  ]);
  expect(want('XBackend', {}, [])).toBeNull();
});

describe('a mesh', () => {
  test('that names this controller has what became of it, with its features in order', () => {
    const conditions = [said('Accepted', 'False', 'InvalidParameters', itself)];
    const status = want('XMesh', { controllerName: meshController }, conditions, {
      conditions: [{ type: 'Accepted', status: 'Unknown' }],
    }) as { conditions: readonly KubeObject[]; supportedFeatures: { name: string }[] };
    expect(status.conditions).toMatchObject([
      { type: 'Accepted', status: 'False', reason: 'InvalidParameters', lastTransitionTime: now },
    ]);
    const names = status.supportedFeatures.map(({ name }) => name);
    expect(names).toEqual(names.toSorted());
    expect(names).toContain('MeshConsumerRoute');
    expect(names).not.toContain('Gateway');
  });

  test('of somebody else is left alone', () => {
    expect(want('XMesh', { controllerName: 'example.com/other' }, [])).toBeNull();
  });
});

test('a policy has an entry for each target, a no before a yes', () => {
  const target: Subject = {
    of: 'target',
    ref: { group: '', kind: 'Service', namespace: 'shop', name: 'ledger' },
  };
  const conditions = [
    said('Accepted', 'True', 'Accepted', target),
    said('Programmed', 'False', 'Nacked', itself),
  ];
  const spec = {
    targetRefs: [
      { group: '', kind: 'Service', name: 'ledger' },
      { group: '', kind: 'Service', name: 'cards' },
    ],
  };
  const { ancestors } = want('ServicePolicy', spec, conditions) as { ancestors: readonly KubeObject[] };
  expect(ancestors.map((one) => one['ancestorRef'])).toEqual([
    { group: '', kind: 'Service', namespace: 'shop', name: 'ledger' },
    { group: '', kind: 'Service', namespace: 'shop', name: 'cards' },
  ]);
  expect(ancestors[0]).toMatchObject({
    conditions: [{ type: 'Programmed', status: 'False' }, { type: 'Accepted' }],
  });
});

test('a policy whose fence the API server refuses says so of that target, unless it is only audited', () => {
  const refused = {
    reason: 'ObjectRefused',
    message: 'NetworkPolicy weft-fence-ledger was refused: 422',
  } as const;
  const known = facts({
    fault: (kind, namespace, name) =>
      `${namespace}/${kind}/${name}` === 'shop/Service/ledger' ? refused : null,
  });
  const targetOf = (name: string): Subject => ({
    of: 'target',
    ref: { group: '', kind: 'Service', namespace: 'shop', name },
  });
  const conditions = ['ledger', 'cards'].flatMap((name) => [
    said('Accepted', 'True', 'Accepted', targetOf(name)),
    // Another reason, which counts less.
    said('NetworkEnforced', 'False', 'NetworkNotEnforced', targetOf(name)),
  ]);
  const reasons = (kind: string, mode: string) => {
    const targetRefs = ['ledger', 'cards'].map((name) => ({ kind: 'Service', name }));
    const status = want(kind, { mode, targetRefs }, conditions, {}, known);
    const { ancestors } = status as { ancestors: { conditions: KubeObject[] }[] };
    return ancestors.map((one) => one.conditions.find(({ type }) => type === 'NetworkEnforced')?.['reason']);
  };
  expect(reasons('AccessPolicy', 'Enforce')).toEqual(['ObjectRefused', 'NetworkNotEnforced']);
  expect(reasons('AccessPolicy', 'Audit')).toEqual(['NetworkNotEnforced', 'NetworkNotEnforced']);
  expect(reasons('ServicePolicy', 'Enforce')).toEqual(['NetworkNotEnforced', 'NetworkNotEnforced']);
});

describe('mergeConditions', () => {
  const old = {
    type: 'Accepted',
    status: 'True',
    reason: 'Accepted',
    message: 'old',
    lastTransitionTime: 'then',
  };
  const wanted = { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'new' } as const;

  test.each([
    ['stays', 'True', 'then'],
    ['turns', 'False', now],
  ] as const)('the time of one that %s', (_, status, expected) => {
    expect(mergeConditions([old], [{ ...wanted, status }], 1, now)[0]).toMatchObject({
      lastTransitionTime: expected,
    });
  });

  test('keeps what somebody else says, drops what we say no more', () => {
    const theirs = { type: 'example.com/Ready', status: 'True' };
    const gone = ['PartiallyInvalid', 'NetworkEnforced'].map((type) => ({ type, status: 'True' }));
    expect(mergeConditions([theirs, ...gone], [wanted], 1, now).map((one) => one['type'])).toEqual([
      'Accepted',
      'example.com/Ready',
    ]);
  });
});

describe('findNews', () => {
  const bad = { type: 'Accepted', status: 'False', reason: 'NoMatchingParent', message: 'there is no x' };
  const good = { ...bad, status: 'True', reason: 'Accepted', message: '' };
  const at = (condition: object) => ({ parents: [{ parentRef: { name: 'x' }, conditions: [condition] }] });

  test.each([
    [
      'what turned bad',
      at(good),
      at(bad),
      [{ type: 'Warning', reason: 'NoMatchingParent', note: 'there is no x' }],
    ],
    ['nothing twice', at(bad), at({ ...bad, observedGeneration: 9 }), []],
    [
      'what was mended',
      at(bad),
      at(good),
      [{ type: 'Normal', reason: 'Mended', note: 'Accepted holds again' }],
    ],
    [
      'nothing of what is on its way',
      {},
      { conditions: [{ ...bad, type: 'Programmed', reason: 'Pending' }] },
      [],
    ],
  ] as const)('%s', (_, before, after, expected) => {
    expect(findNews(before, after)).toEqual([...expected]);
  });
});
