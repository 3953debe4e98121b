// No name that a tenant can choose meets one that Weft makes.

import { describe, expect, test } from 'bun:test';
import { fromBinary } from '@bufbuild/protobuf';
import { RouteConfigurationSchema, type VirtualHost } from '../../xds/api.ts';
import { typeUrls } from '../../xds/index.ts';
import { buildModel } from '../model/build.ts';
import { Catalog } from '../model/catalog.ts';
import { parseManifests } from '../source/parse.ts';
import { passthroughDomain } from './captured.ts';
import { MeshCompiler } from './mesh.ts';
import { parseScope } from './scope.ts';

function modelOf(text: string) {
  const catalog = new Catalog();
  const parsed = parseManifests('mesh.yaml', text);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed));
  for (const object of parsed.value) catalog.upsert(object);
  return buildModel(catalog.entries()).model;
}

function serviceOf(name: string, namespace: string): string {
  return `---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: ${namespace} }
spec: { selector: { app: ${name} }, ports: [{ name: http, port: 80 }, { name: http-2, port: 8080 }] }
`;
}

function outboundOf(text: string, metadata: Readonly<Record<string, unknown>>): readonly VirtualHost[] {
  const locality = { region: '', zone: '', subZone: '' };
  const node = { cluster: '', metadata, locality, userAgent: '', clientFeatures: [] };
  const scope = parseScope({ id: 'sidecar~ledger-0.bank', ...node });
  if (!scope.ok) throw new Error('no scope');
  const { resources } = new MeshCompiler(modelOf(text)).compile(scope.value);
  const bytes = resources.get(typeUrls.route)?.get('outbound')?.bytes ?? new Uint8Array();
  return fromBinary(RouteConfigurationSchema, bytes).virtualHosts;
}

describe('a Service named like what Weft makes', () => {
  const names = ['passthrough', 'outbound', 'inbound', 'called', 'http', 'misdirected', 'unknown', 'other'];
  const namespaces = ['invalid', 'svc', 'cluster', 'local', 'bank'];
  const text = names.flatMap((name) => namespaces.map((namespace) => serviceOf(name, namespace))).join('');

  test('gives no captured sidecar one domain or one name twice', () => {
    const hosts = outboundOf(text, { capture: true });
    const [domains, called] = [hosts.flatMap((host) => host.domains), hosts.map(({ name }) => name)];
    expect(domains.filter((domain, at) => domains.indexOf(domain) < at)).toEqual([]);
    expect(called.filter((name, at) => called.indexOf(name) < at)).toEqual([]);
    const [owner] = hosts.filter((host) => host.domains.includes(passthroughDomain));
    expect(owner?.name).toBe('passthrough');
  });

  test('is called by its other names', () => {
    const hosts = outboundOf(text, { capture: true });
    const own = hosts.find(({ name }) => name === 'invalid/passthrough:80');
    expect(own?.domains).toContain('passthrough.invalid.svc');
    expect(own?.domains).toContain('passthrough.invalid.svc.cluster.local');
  });
});

test('a rule called "1" is not the second one: each of a policy has a name of its own', () => {
  const rules = '[{ name: "1", http: [{ methods: [GET] }] }, { http: [{ methods: [PUT] }] }, { name: "1" }]';
  const model = modelOf(`${serviceOf('account', 'bank')}---
apiVersion: weft.dev/v1alpha1
kind: AccessPolicy
metadata: { name: p, namespace: bank }
spec: { targetRefs: [{ group: "", kind: Service, name: account }], rules: ${rules} }
`);
  const enforced = model.services.get('bank/account')?.ports[0]?.access?.enforced ?? [];
  expect(enforced.map(({ name }) => name)).toEqual(['bank/p/1', 'bank/p/#1', 'bank/p/#2']);
});
