// Where certificates and transports come from: secrets in files that are replaced under way, and endpoints that are
// told apart by labels; Envoy and Weft under the same bootstrap.

import { afterEach, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { createAuthority, type TestCertificate } from '../testing/certificates.ts';
import { startEnvoy } from '../testing/envoy.ts';
import { describeWith, freePort } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import {
  cluster,
  downstreamTls,
  httpListener,
  startTlsProxy,
  tlsCertificate,
  upstreamTls,
  validation,
} from './testing/tls-proxy.ts';

setDefaultTimeout(60_000);

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const proxies: readonly (readonly [name: string, start: (bootstrap: object) => Promise<void>])[] = [
  [
    'envoy',
    async (bootstrap) => {
      const envoy = await startEnvoy(bootstrap);
      cleanups.push(() => envoy.stop());
    },
  ],
  [
    'weft',
    async (bootstrap) => {
      const { proxy } = startTlsProxy(bootstrap);
      cleanups.push(() => proxy.stop());
      await until('it serves', () => proxy.ready);
    },
  ],
];

/** Serial number of the certificate that a new connection is shown, by a client that trusts `ca`; '' when it fails. */
function shown(port: number, ca: string): Promise<string> {
  const serial = Promise.withResolvers<string>();
  const socket = connect({ host: '127.0.0.1', port, ca, servername: 'a.example' }, () => {
    serial.resolve(socket.getPeerCertificate().serialNumber);
    socket.end();
  });
  socket.on('error', () => serial.resolve(''));
  return serial.promise;
}

describeWith(['envoy'], 'secrets in files', () => {
  for (const [name, start] of proxies)
    test(`${name}: a file that is moved into place is in force for new connections; a broken one is not`, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'weft-sds-'));
      cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
      const root = createAuthority();
      const [first, second] = [root.issue({ dns: ['a.example'] }), root.issue({ dns: ['a.example'] })];
      const path = join(folder, 'own.json');
      const put = (text: string) => {
        writeFileSync(`${path}.new`, text);
        renameSync(`${path}.new`, path);
      };
      const secretOf = (certificate: TestCertificate) =>
        JSON.stringify({
          resources: [
            {
              '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
              name: 'own',
              tls_certificate: tlsCertificate(certificate),
            },
          ],
        });
      put(secretOf(first));
      const port = freePort();
      const sds = { name: 'own', sds_config: { path_config_source: { path }, resource_api_version: 'V3' } };
      const tls = downstreamTls({ tls_certificate_sds_secret_configs: [sds] });
      await start({
        node: { id: 'n', cluster: 'c' },
        static_resources: {
          listeners: [httpListener('in', port, 'a', tls)],
          clusters: [cluster('a', freePort(), null)],
        },
      });
      await until('the first one is shown', async () => (await shown(port, root.pem)) !== '');
      const before = await shown(port, root.pem);
      put(secretOf(second));
      await until('the second one is shown', async () => {
        const serial = await shown(port, root.pem);
        return serial !== '' && serial !== before;
      });
      const after = await shown(port, root.pem);
      put('{');
      await Bun.sleep(300);
      expect(await shown(port, root.pem)).toBe(after);
    });
});

describeWith(['envoy'], 'transports by the labels of endpoints', () => {
  for (const [name, start] of proxies)
    test(`${name}: who speaks TLS is spoken to in TLS, the others in plain`, async () => {
      const root = createAuthority();
      const certificate = root.issue({ dns: ['a.example'] });
      const plain = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response('plain') });
      const secure = Bun.serve({
        hostname: '127.0.0.1',
        port: 0,
        tls: { cert: certificate.chainPem, key: certificate.keyPem },
        fetch: () => new Response('secure'),
      });
      cleanups.push(
        () => plain.stop(true),
        () => secure.stop(true),
      );
      const endpoint = (port: number, labels: object, checkPort = port) => ({
        endpoint: {
          address: { socket_address: { address: '127.0.0.1', port_value: port } },
          health_check_config: { port_value: checkPort },
        },
        metadata: { filter_metadata: { 'envoy.transport_socket_match': labels } },
      });
      const mesh = upstreamTls({ validation_context: validation(root) }, { sni: 'a.example' });
      const check = {
        timeout: '1s',
        interval: '0.1s',
        no_traffic_interval: '0.1s',
        unhealthy_threshold: 1,
        healthy_threshold: 1,
        http_health_check: { path: '/' },
      };
      const cluster = (name: string, endpoints: readonly object[], fields: object = {}) => ({
        name,
        type: 'STATIC',
        connect_timeout: '2s',
        // Those that are not found to be well get nothing.
        common_lb_config: { healthy_panic_threshold: { value: 0 } },
        transport_socket_matches: [
          { name: 'mesh', match: { mode: 'mesh', version: 2 }, transport_socket: mesh },
          { name: 'other', match: { mode: 'none' }, transport_socket: mesh },
        ],
        load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: endpoints }] },
        ...fields,
      });
      const both = [
        endpoint(plain.port!, { mode: 'mesh' }),
        endpoint(secure.port!, { mode: 'mesh', version: 2, more: true }),
      ];
      const criteria = { transport_socket_match_criteria: { mode: 'none' } };
      const apart = [endpoint(plain.port!, { mode: 'mesh' }, secure.port!)];
      const clusters = [
        cluster('unchecked', both),
        cluster('checked', both, { health_checks: [check] }),
        cluster('checked apart', apart, { health_checks: [{ ...check, ...criteria }] }),
        cluster('checked wrongly', apart, { health_checks: [check] }),
      ];
      const ports = clusters.map(() => freePort());
      await start({
        static_resources: {
          listeners: clusters.map(({ name: to }, at) => httpListener(`in${at}`, ports[at] ?? 0, to, null)),
          clusters,
        },
      });
      const answers = async (at: number) => {
        const texts = new Set<string>();
        for (let request = 0; request < 8; request++)
          texts.add(await (await fetch(`http://127.0.0.1:${ports[at]}/`)).text());
        return [...texts].sort();
      };
      // Endpoints that are checked are asked as soon as they have answered a check.
      const expected = [['plain', 'secure'], ['plain', 'secure'], ['plain']];
      for (const [at, texts] of expected.entries())
        await until(`${clusters[at]?.name}: ${texts}`, async () => Bun.deepEquals(await answers(at), texts));
      expect((await fetch(`http://127.0.0.1:${ports[3]}/`)).status).toBe(503);
    });
});
