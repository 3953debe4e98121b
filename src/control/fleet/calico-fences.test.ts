// What a fence says to Calico. That a real API server takes it by Calico's own definition is shown by
// src/deploy/kubernetes.peer.test.ts, and that its selectors are Calico's by calico-fences.peer.test.ts.

import { expect, test } from 'bun:test';
import { buildModel } from '../model/build.ts';
import { CalicoFences, renderCalicoFence } from './calico-fences.ts';
import { apiOf, specOf } from './testing/calico-api.ts';

const account = `---
apiVersion: v1
kind: Service
metadata: { name: account, namespace: bank }
spec: { selector: { app: account, tier: back }, ports: [{ name: http, port: 80, targetPort: 8080 }, { name: admin, port: 81, targetPort: admin }] }
`;
const policy = (rules: string, mode = 'Enforce') => `---
apiVersion: weft.dev/v1alpha1
kind: AccessPolicy
metadata: { name: account, namespace: bank }
spec: { targetRefs: [{ group: "", kind: Service, name: account }], mode: ${mode}, rules: [${rules}] }
`;

const ports = [8080, 'admin'];

test('callers pass by account, namespace and range, and nobody else at the ports that are fenced', async () => {
  const from = `[{ serviceAccount: { name: payments } }, { namespace: { name: edge } }, { ipBlock: { cidr: 10.0.0.0/8, except: [10.1.0.0/16] } }]`;
  const bank = "kubernetes.io/metadata.name == 'bank'";
  const allow = (source: object, port: number | string) => ({
    ...{ action: 'Allow', protocol: 'TCP', source },
    destination: { ports: [port] },
  });
  const sources = [
    { namespaceSelector: bank, serviceAccounts: { names: ['payments'] } },
    { namespaceSelector: "kubernetes.io/metadata.name == 'edge'" },
    { nets: ['10.0.0.0/8'], notNets: ['10.1.0.0/16'] },
  ];
  expect(await specOf(account + policy(`{ from: ${from} }`))).toEqual({
    selector: "app == 'account' && tier == 'back'",
    allow: ports.flatMap((port) => sources.map((source) => allow(source, port))),
    deny: [{ action: 'Deny', protocol: 'TCP', destination: { ports } }],
  });
});

test('a rule for everybody has no source; a port that it does not name is closed', async () => {
  const spec = await specOf(account + policy('{ ports: [http] }'));
  expect(spec).toMatchObject({
    allow: [{ action: 'Allow', protocol: 'TCP', destination: { ports: [8080] } }],
    deny: [{ action: 'Deny', protocol: 'TCP', destination: { ports } }],
  });
});

test('each protocol has rules of its own', async () => {
  const mixed = account.replace('targetPort: admin }', 'targetPort: admin, protocol: UDP }');
  const rules = [
    { protocol: 'TCP', destination: { ports: [8080] } },
    { protocol: 'UDP', destination: { ports: ['admin'] } },
  ];
  expect(await specOf(mixed + policy('{}'))).toMatchObject({
    allow: rules.map((rule) => ({ action: 'Allow', ...rule })),
    deny: rules.map((rule) => ({ action: 'Deny', ...rule })),
  });
});

test('no fence for what is only audited', async () => {
  expect(await specOf(account + policy('', 'Audit'))).toBeUndefined();
});

test('Calico’s bounds: fifty ports in a rule, and a range with too many holes lets nobody of it pass', async () => {
  const many = Array.from({ length: 60 }, (_, at) => `{ name: p${at}, port: ${at + 1} }`).join(', ');
  const wide = account.replace(/ports: \[.*\]/, `ports: [${many}]`);
  const rules = (await specOf(wide + policy('')))?.['deny'] as { destination: { ports: unknown[] } }[];
  expect(rules.map(({ destination }) => destination.ports.length)).toEqual([50, 10]);
  const holes = Array.from({ length: 257 }, (_, at) => `10.1.${at >> 8}.${at & 255}/32`).join(', ');
  const holed = policy(`{ from: [{ ipBlock: { cidr: 10.0.0.0/8, except: [${holes}] } }] }`);
  expect(await specOf(account + holed)).toMatchObject({ allow: [], deny: [{ action: 'Deny' }] });
});

test('without Calico there is none, and while nobody knows nothing is done', async () => {
  const absent = new CalicoFences(apiOf(404));
  expect(await absent.adopt()).toEqual([]);
  expect(absent.list({ settled: true, built: buildModel([]) }, { versionOf: () => null })).toEqual([]);
  expect(await new CalicoFences(apiOf(200, [{ name: 'ippools' }])).adopt()).toEqual([]);
  expect(await new CalicoFences(apiOf(503)).adopt()).toBeNull();
});

test('what an earlier leader left is found, to go when nobody wants it', async () => {
  expect(await new CalicoFences(apiOf()).adopt()).toEqual([
    {
      path: '/apis/projectcalico.org/v3/namespaces/bank/networkpolicies/weft-fence-old',
      uid: 'p',
      owner: { namespace: 'bank', name: 'old', uid: 's', spec: {} },
    },
  ]);
});

const fenceOf = (name: string) =>
  renderCalicoFence({
    ...{ namespace: 'bank', name, uid: 'u' },
    spec: { selector: "app == 'account'", allow: [{ action: 'Allow' }], deny: [{ action: 'Deny' }] },
  });

test('it belongs to its Service', () => {
  const owner = { apiVersion: 'v1', kind: 'Service', name: 'account', uid: 'u', controller: true };
  const metadata = {
    ...{ namespace: 'bank', labels: { 'weft.dev/fence': 'account' } },
    ownerReferences: [owner],
  };
  const rest = { selector: "app == 'account'", types: ['Ingress'] };
  const fences = fenceOf('account');
  expect(fences.map(({ root }) => root)).toEqual(Array(2).fill('/apis/projectcalico.org/v3'));
  expect(fences.map(({ object }) => object)).toEqual([
    {
      ...{ apiVersion: 'projectcalico.org/v3', kind: 'NetworkPolicy' },
      metadata: { ...metadata, name: 'weft-fence-account' },
      spec: { ...rest, order: 900, ingress: [{ action: 'Allow' }] },
    },
    {
      ...{ apiVersion: 'projectcalico.org/v3', kind: 'NetworkPolicy' },
      metadata: { ...metadata, name: 'weft-unfenced-account' },
      spec: { ...rest, order: 901, ingress: [{ action: 'Deny' }] },
    },
  ]);
});

test('of two fences over one pod no refusal stands before what the other lets pass', () => {
  const specs = ['account', 'account-canary'].flatMap(fenceOf).map(({ object }) => object['spec']) as {
    order: number;
    ingress: { action: string }[];
  }[];
  const orders = (action: string) =>
    specs.filter(({ ingress }) => ingress.some((rule) => rule.action === action)).map(({ order }) => order);
  expect(Math.max(...orders('Allow'))).toBeLessThan(Math.min(...orders('Deny')));
});
