import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { silentLog } from '../base/index.ts';
import { SidecarWishes } from '../control/index.ts';
import { createAuthority, type TestCertificate } from '../testing/certificates.ts';
import { WebhookServer } from './webhook-server.ts';

const folder = mkdtempSync(join(tmpdir(), 'weft-webhook-'));
const [cert, key] = [join(folder, 'tls.crt'), join(folder, 'tls.key')];
const authority = createAuthority();
const issue = () => authority.issue({ dns: ['localhost'] });
const put = (one: TestCertificate, keyOf: TestCertificate = one) => {
  writeFileSync(cert, one.pem);
  writeFileSync(key, keyOf.keyPem);
};

const wishes = new SidecarWishes();
let server: WebhookServer;
beforeAll(() => {
  put(issue());
  const inject = { image: 'weft:1', xds: 'c:1' };
  server = new WebhookServer({
    ...{ host: '127.0.0.1', port: 0, metricsPort: 0, cert, key, inject, wishes, log: silentLog },
  });
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** SHA-256 of the certificate that a new connection is shown. */
function shown(): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { port: server.port, host: '127.0.0.1', servername: 'localhost', ca: authority.pem };
    const socket = connect(options, () => {
      const { fingerprint256 } = socket.getPeerCertificate();
      socket.destroy();
      resolve(fingerprint256.replaceAll(':', '').toLowerCase());
    });
    socket.on('error', reject);
  });
}

const post = (body: unknown) =>
  fetch(`https://localhost:${server.port}/inject`, {
    method: 'POST',
    body: JSON.stringify(body),
    tls: { ca: authority.pem },
  });

test('a certificate that is replaced is used from the next connection on; one that is at fault is not', async () => {
  const next = issue();
  put(next);
  await server.renew();
  expect(await shown()).toBe(next.sha256);
  put(issue(), next);
  await server.renew();
  writeFileSync(cert, 'no PEM');
  await server.renew();
  rmSync(key);
  await server.renew();
  expect(await shown()).toBe(next.sha256);
  expect(server.counts.renewed).toBe(1);
  const last = issue();
  put(last);
  await server.renew();
  expect(await shown()).toBe(last.sha256);
});

test('what became of pods is counted, and why', async () => {
  const ask = (spec: object) =>
    post({ kind: 'AdmissionReview', request: { uid: 'u', object: { metadata: {}, spec } } });
  const containers = [{ name: 'app' }];
  for (const spec of [{ containers }, { containers }, { containers, hostNetwork: true }])
    expect((await ask(spec)).status).toBe(200);
  expect((await post({ kind: 'Pod' })).status).toBe(400);
  const metrics = await (await fetch(`http://127.0.0.1:${server.metricsPort}/metrics`)).text();
  expect(metrics.split('\n').filter((line) => !line.startsWith('#'))).toEqual([
    'weft_inject_pods_total{outcome="injected",reason=""} 2',
    'weft_inject_pods_total{outcome="left",reason="host-network"} 1',
    'weft_inject_pods_total{outcome="refused",reason="no-review"} 1',
    'weft_inject_certificates_renewed_total 2',
    'weft_inject_policies_known 0',
    '',
  ]);
});

test('a policy is heeded from the moment that it is known', async () => {
  const metadata = { name: 'a', namespace: 'bank' };
  const target = { group: '', kind: 'Service', name: 'a' };
  const object = { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'app' }] } };
  const ask = async () => {
    const answer = await post({
      kind: 'AdmissionReview',
      request: { uid: 'u', namespace: 'bank', object },
    });
    const { response } = (await answer.json()) as { response: { patch: string } };
    return Buffer.from(response.patch, 'base64').toString();
  };
  expect(await ask()).not.toContain('--log-level');
  wishes.takeIn({ apiVersion: 'v1', kind: 'Service', metadata, spec: { selector: { app: 'a' } } });
  wishes.takeIn({
    ...{ apiVersion: 'weft.dev/v1alpha1', kind: 'ServicePolicy', metadata },
    spec: { targetRefs: [target], sidecar: { logLevel: 'error' } },
  });
  wishes.onSynced();
  expect(await ask()).toContain('"--log-level","error"');
  const metrics = await (await fetch(`http://127.0.0.1:${server.metricsPort}/metrics`)).text();
  expect(metrics).toContain('\nweft_inject_policies_known 1\n');
});

test('a body that no pod has is refused', async () => {
  const response = await post({ padding: 'x'.repeat(5 * 1024 * 1024) }).catch(() => null);
  expect([null, 413]).toContain(response?.status ?? null);
});

test('files that are no pair are refused at the start', () => {
  writeFileSync(cert, 'no PEM');
  const inject = { image: 'weft:1', xds: 'c:1' };
  expect(
    () =>
      new WebhookServer({
        ...{ host: '127.0.0.1', port: 0, metricsPort: null, cert, key, inject, wishes: null, log: silentLog },
      }),
  ).toThrow();
});
