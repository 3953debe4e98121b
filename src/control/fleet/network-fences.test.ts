// What a fence lets through, as the NetworkPolicy says it. That a network drops the rest is shown on a real cluster.

import { expect, test } from 'bun:test';
import { buildModel } from '../model/build.ts';
import { Catalog } from '../model/catalog.ts';
import { parseManifests } from '../source/parse.ts';
import { listFences, renderFence } from './network-fences.ts';

const service = (name: string, selector: string, ports: string) => `---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: bank }
spec: { selector: ${selector}, ports: [${ports}] }
`;

const policy = (rules: string, mode = 'Enforce') => `---
apiVersion: weft.dev/v1alpha1
kind: AccessPolicy
metadata: { name: account, namespace: bank }
spec: { targetRefs: [{ group: "", kind: Service, name: account }], mode: ${mode}, rules: [${rules}] }
`;

const pod = (name: string, account: string, labels: string) => `---
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: bank, labels: ${labels} }
spec: { serviceAccountName: ${account} }
status: { phase: Running, podIPs: [{ ip: 10.0.0.${name.length} }] }
`;

const account = service('account', '{ app: account }', '{ name: http, port: 80, targetPort: 8080 }');
const http = { protocol: 'TCP', port: 8080 };
const anybody = (...ports: (number | string)[]) => ({
  ports: [...ports, 15_021, 15_090].map((port) => ({ protocol: 'TCP', port })),
});
const bank = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'bank' } } };

function fencesOf(text: string) {
  const catalog = new Catalog();
  const parsed = parseManifests('f', text);
  if (!parsed.ok) throw new Error('not manifests');
  for (const object of parsed.value) catalog.upsert(object);
  const versions = { path: '', uid: 'u', generation: 1, resourceVersion: '1', status: {} };
  return listFences({ settled: true, built: buildModel(catalog.entries()) }, { versionOf: () => versions });
}

function ingressOf(text: string): unknown {
  return (fencesOf(text) ?? []).map(({ spec }) => spec['ingress'])[0];
}

test('no fence without a policy, nor for what is only audited', () => {
  expect(fencesOf(account)).toEqual([]);
  expect(fencesOf(account + policy('', 'Audit'))).toEqual([]);
});

test('nothing is known before all has been read', () => {
  const plane = { settled: false, built: buildModel([]) };
  expect(listFences(plane, { versionOf: () => null })).toBeNull();
});

test('it belongs to the Service, and closes its pods', () => {
  const [fence] = fencesOf(account + policy('')) ?? [];
  const [{ object, plural } = { object: {}, plural: '' }] = fence === undefined ? [] : renderFence(fence);
  expect(plural).toBe('networkpolicies');
  expect(object).toMatchObject({
    metadata: {
      name: 'weft-fence-account',
      namespace: 'bank',
      ownerReferences: [{ kind: 'Service', uid: 'u' }],
    },
    spec: {
      podSelector: { matchLabels: { app: 'account' } },
      policyTypes: ['Ingress'],
      ingress: [anybody()],
    },
  });
});

test('callers by account, namespace and range', () => {
  const rules = `{ from: [{ serviceAccount: { name: payments } }, { namespace: { name: edge } }, { ipBlock: { cidr: 10.0.0.0/8, except: [10.1.0.0/16] } }] }, {}`;
  const labelled = { matchLabels: { 'weft.dev/service-account': 'payments' } };
  expect(ingressOf(account + policy(rules))).toEqual([
    {
      from: [
        { ...bank, podSelector: labelled },
        { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'edge' } } },
        { ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } },
      ],
      ports: [http],
    },
    { ports: [http] },
    anybody(),
  ]);
});

test('an account with a pod that no label tells passes with its namespace', () => {
  const rules = '{ from: [{ serviceAccount: { name: payments } }] }';
  const told = pod('a', 'payments', '{ weft.dev/service-account: payments }');
  const untold = pod('bb', 'payments', '{ weft.dev/service-account: other }');
  expect(ingressOf(account + policy(rules) + told)).toMatchObject([{ from: [{ podSelector: {} }] }, {}]);
  expect(ingressOf(account + policy(rules) + told + untold)).toEqual([
    { from: [bank], ports: [http] },
    anybody(),
  ]);
});

test.each([
  [
    'another port of the same pods stays open',
    service('other', '{ app: account }', '{ port: 81, targetPort: 9000 }'),
    [9000],
  ],
  ['of some of them too', service('other', '{ tier: back }', '{ port: 81, targetPort: 9000 }'), [9000]],
  ['of other pods not', service('other', '{ app: other }', '{ port: 81, targetPort: 9000 }'), []],
  [
    'another name of a fenced port is no way round',
    service('other', '{ app: account }', '{ port: 81, targetPort: 8080 }'),
    [],
  ],
  ['nor a port by name', service('other', '{ app: account }', '{ port: 81, targetPort: web }'), []],
])('%s', (_, other, open) => {
  expect(ingressOf(account + other + policy(''))).toEqual([anybody(...open)]);
});

const names = service(
  'names',
  '{ app: names }',
  '{ name: dns, port: 53, protocol: UDP }, { name: tcp, port: 53 }',
);
const namesFenced = policy('{ from: [{ namespace: { name: edge } }] }').replaceAll('account', 'names');
const ports = ['TCP', 'UDP', 'SCTP'].flatMap((protocol) => [53, 9000].map((port) => ({ protocol, port })));

/** What the fence of all that is here lets `namespace` reach, as a network plugin reads it. */
function reachOf(text: string, namespace: string): readonly string[] {
  const ingress = ingressOf(text) as {
    from?: { namespaceSelector: { matchLabels: object } }[];
    ports: { protocol: string; port: number }[];
  }[];
  const fits = ingress.filter(
    ({ from }) =>
      from?.some(({ namespaceSelector: { matchLabels } }) =>
        Object.values(matchLabels).includes(namespace),
      ) ?? true,
  );
  return ports
    .filter((asked) => fits.some((rule) => rule.ports.some((one) => Bun.deepEquals(one, asked))))
    .map(({ protocol, port }) => `${protocol} ${port}`);
}

test('whom a rule lets, passes by every protocol of the Service, and nobody else by any', () => {
  expect(reachOf(names + namesFenced, 'edge')).toEqual(['TCP 53', 'UDP 53']);
  expect(reachOf(names + namesFenced, 'other')).toEqual([]);
});

test.each(['TCP', 'UDP', 'SCTP'])('%s of a Service that no policy names stays open to all', (protocol) => {
  const other = (port: number) =>
    service('other', '{ app: names }', `{ port: ${port}, protocol: ${protocol} }`);
  expect(reachOf(names + other(9000) + namesFenced, 'other')).toEqual([`${protocol} 9000`]);
  // The same number by a protocol that is fenced is no way round.
  const open = protocol === 'SCTP' ? ['SCTP 53'] : [];
  expect(reachOf(names + other(53) + namesFenced, 'other')).toEqual(open);
});

test('a Service of datagrams alone is fenced too', () => {
  const alone = service('names', '{ app: names }', '{ port: 53, protocol: UDP }');
  expect(reachOf(alone + namesFenced, 'edge')).toEqual(['UDP 53']);
  expect(reachOf(alone + namesFenced, 'other')).toEqual([]);
});
