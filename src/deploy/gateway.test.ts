import { describe, expect, test } from 'bun:test';
import type { FleetGateway } from '../control/index.ts';
import { createGatewayObjects } from './gateway.ts';

const gateway: FleetGateway = {
  namespace: 'shop',
  name: 'edge',
  uid: 'u1',
  className: 'weft',
  ports: [80, 443],
  addresses: [],
  labels: { team: 'web', app: 'ledger' },
  podLabels: { team: 'web' },
  annotations: { note: 'ours' },
};
const options = { image: 'weft:1', xds: 'weft-control.weft-system.svc:15010', revision: '' };

type Json = { readonly [key: string]: Json } & string & readonly Json[];

function render(more: Partial<FleetGateway> = {}): readonly [deployment: Json, service: Json] {
  const [, deployment, service] = createGatewayObjects({ ...gateway, ...more }, options);
  return [deployment?.object as unknown as Json, service?.object as unknown as Json];
}

describe('what runs a Gateway', () => {
  test('goes with it, and carries its name and what its infrastructure says', () => {
    for (const object of render()) {
      expect(object['metadata']).toMatchObject({
        name: 'edge-weft',
        namespace: 'shop',
        labels: { team: 'web', 'gateway.networking.k8s.io/gateway-name': 'edge' },
        annotations: { note: 'ours' },
        ownerReferences: [{ kind: 'Gateway', name: 'edge', uid: 'u1', controller: true }],
      });
    }
  });

  test('listens on the ports of its listeners, without rights', () => {
    const [deployment, service] = render();
    expect(service['spec']?.['ports']?.map(({ port }) => Number(port))).toEqual([80, 443]);
    const pod = deployment['spec']?.['template']?.['spec'] as unknown as {
      readonly automountServiceAccountToken: boolean;
      readonly securityContext: object;
      readonly containers: readonly { readonly securityContext: object }[];
    };
    expect(pod.automountServiceAccountToken).toBe(false);
    expect(pod.securityContext).toEqual({
      sysctls: [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '0' }],
    });
    expect(pod.containers[0]?.securityContext).toMatchObject({
      runAsNonRoot: true,
      readOnlyRootFilesystem: true,
    });
  });

  test('has an account of its own, which policies know its pods by', () => {
    const [account, deployment] = createGatewayObjects(gateway, options);
    expect(account).toMatchObject({ plural: 'serviceaccounts', object: { metadata: { name: 'edge-weft' } } });
    expect(deployment?.object['spec']).toMatchObject({
      template: {
        metadata: { labels: { 'weft.dev/service-account': 'edge-weft' } },
        spec: { serviceAccountName: 'edge-weft' },
      },
    });
  });

  test('asks for the first of its addresses', () => {
    expect(render({ addresses: ['10.0.0.9', '10.0.0.10'] })[1]['spec']).toMatchObject({
      loadBalancerIP: '10.0.0.9',
    });
    expect(render()[1]['spec']).not.toHaveProperty('loadBalancerIP');
  });

  test('leaves how many there are to whoever scales it', () => {
    expect(render()[0]['spec']).not.toHaveProperty('replicas');
  });

  test.each([
    ['a.b', 'a-b'],
    ['9.lives', '9-lives'],
    [`${'x'.repeat(50)}.${'y'.repeat(50)}`, `${'x'.repeat(50)}-${'y'.repeat(50)}`],
  ])('%s and %s have names of their own', (dotted, dashed) => {
    const [one, other] = [dotted, dashed].map((name) => render({ name })[1]['metadata']?.['name']);
    expect(String(one)).not.toBe(String(other));
  });

  test.each([
    ['a.b', 'a-b-weft-'],
    ['9lives', 'weft-9lives-weft-'],
    ['x'.repeat(100), `weft-${'x'.repeat(40)}-`],
  ])('%s has a name that a Service may have', (name, expected) => {
    const made = String(render({ name })[1]['metadata']?.['name']);
    expect(made.startsWith(expected)).toBe(true);
    expect(made).toMatch(/^[a-z][-a-z0-9]{0,62}$/);
    for (const label of Object.values(render({ name })[1]['metadata']?.['labels'] ?? {}))
      expect(String(label).length).toBeLessThan(64);
  });
});
