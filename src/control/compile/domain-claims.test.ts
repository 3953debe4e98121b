// Names that a pod of a headless Service and another Service would both have.

import { expect, test } from 'bun:test';
import { buildModel } from '../model/build.ts';
import { Catalog } from '../model/catalog.ts';
import { parseManifests } from '../source/parse.ts';
import { DomainClaims } from './domain-claims.ts';
import { domainsOf } from './names.ts';

const service = (namespace: string, name: string, more = '') => `---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: ${namespace} }
spec: { selector: { app: ${name} }, ${more} ports: [{ name: http, port: 80 }] }
`;
/** A headless Service with one pod of this host name. */
const headless = (
  namespace: string,
  name: string,
  pod: string,
) => `${service(namespace, name, 'clusterIP: None,')}---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ${name}-1, namespace: ${namespace}, labels: { kubernetes.io/service-name: ${name} } }
addressType: IPv4
ports: [{ name: http, port: 80 }]
endpoints: [{ addresses: [10.6.6.6], hostname: ${pod} }]
`;

/** Who has each of these domains, for callers in a namespace. A table is refused where one has two owners. */
function ownersOf(text: string, namespace: string, domains: readonly string[]): readonly string[] {
  const parsed = parseManifests('f', text);
  if (!parsed.ok) throw new Error('not manifests');
  const catalog = new Catalog();
  for (const object of parsed.value) catalog.upsert(object);
  const { model } = buildModel(catalog.entries());
  const claims = new DomainClaims(model);
  const all = [...model.services.values()].flatMap((one) =>
    one.ports.flatMap((port) => {
      // As tables do: what is not contested keeps its own names.
      const own = claims.isContested(one)
        ? claims.domainsOf(one, port, namespace)
        : domainsOf(one, port, namespace);
      return own.map((domain) => [domain, one.id] as const);
    }),
  );
  expect(new Set(all.map(([domain]) => domain)).size).toBe(all.length);
  return domains.map((domain) => new Map(all).get(domain) ?? 'nobody');
}

const whole = ['ledger.bank.svc', 'ledger.bank.svc:80', 'ledger.bank.svc.cluster.local', 'ledger.bank'];

test.each(['shop', 'bank', 'svc'])('a name in .svc is the Service’s, for callers in %s', (namespace) => {
  const both = service('bank', 'ledger') + headless('svc', 'bank', 'ledger');
  const near = namespace === 'svc' ? 'svc/ledger.bank' : 'bank/ledger';
  expect(ownersOf(both, namespace, whole)).toEqual(['bank/ledger', 'bank/ledger', 'bank/ledger', near]);
  expect(ownersOf(both, namespace, ['ledger.bank.svc.svc', 'ledger.bank.svc.svc.cluster.local'])).toEqual([
    'svc/ledger.bank',
    'svc/ledger.bank',
  ]);
});

test('where no such Service is, the pod has it', () => {
  expect(ownersOf(headless('svc', 'bank', 'ledger'), 'shop', whole)).toEqual([
    ...['svc/ledger.bank', 'svc/ledger.bank', 'nobody', 'nobody'],
  ]);
});

test('a pod is answered to its own namespace before a Service in one that is named as its own', () => {
  const both = service('db', 'db-0') + headless('shop', 'db', 'db-0');
  expect(ownersOf(both, 'shop', ['db-0.db', 'db-0.db.svc'])).toEqual(['shop/db-0.db', 'db/db-0']);
  expect(ownersOf(both, 'bank', ['db-0.db', 'db-0.db.shop'])).toEqual(['db/db-0', 'shop/db-0.db']);
});
