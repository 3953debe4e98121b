// HTTP clients and servers of other languages, each with each, through the proxy: in the clear, and with TLS on both
// sides of it.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority } from '../testing/certificates.ts';
import { describeWith, freePort, run, startProgram } from '../testing/programs.ts';
import { httpPrograms } from './testing/http-programs.ts';
import {
  cluster,
  downstreamTls,
  httpListener,
  startTlsProxy,
  tlsCertificate,
  upstreamTls,
  validation,
} from './testing/tls-proxy.ts';

setDefaultTimeout(180_000);

const names = Object.keys(httpPrograms);
const needs = Object.values(httpPrograms).map((program) => program.needs);

describeWith(needs, 'HTTP of other languages', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-languages-'));
  const cleanups: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const clients = new Map<string, readonly string[]>();
  const addresses = new Map<string, string>();
  const root = createAuthority();
  const authority = join(folder, 'ca.pem');

  beforeAll(async () => {
    const certificate = root.issue({
      commonName: 'localhost',
      dns: ['localhost'],
      ip: [Uint8Array.of(127, 0, 0, 1)],
    });
    const [chain, key] = [join(folder, 'chain.pem'), join(folder, 'key.pem')];
    writeFileSync(authority, root.pem);
    writeFileSync(chain, certificate.chainPem);
    writeFileSync(key, certificate.keyPem);
    const listeners: object[] = [];
    const clusters: object[] = [];
    await Promise.all(
      Object.entries(httpPrograms).map(async ([name, program]) => {
        const own = join(folder, name);
        mkdirSync(own);
        const { client, server } = await program.build(own);
        clients.set(name, client);
        for (const secure of [false, true]) {
          const [port, at, scheme] = [freePort(), freePort(), secure ? 'https' : 'http'];
          const running = await startProgram({
            command: () => [...server, `${port}`, ...(secure ? [chain, key] : [])],
            ready: async () =>
              (await fetch(`${scheme}://127.0.0.1:${port}/`, { tls: { rejectUnauthorized: false } })).ok,
          });
          cleanups.push(() => running.stop());
          const id = `${name}-${scheme}`;
          const inward = secure
            ? downstreamTls({
                tls_certificates: [tlsCertificate(certificate)],
                alpn_protocols: ['h2', 'http/1.1'],
              })
            : null;
          const outward = secure ? upstreamTls({ validation_context: validation(root) }) : null;
          listeners.push(httpListener(id, at, id, inward));
          clusters.push(cluster(id, port, outward));
          addresses.set(id, `${scheme}://127.0.0.1:${at}`);
        }
      }),
    );
    const weft = startTlsProxy({ static_resources: { listeners, clusters } });
    cleanups.push(() => weft.proxy.stop());
  });
  afterAll(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  });

  for (const name of names)
    test(`the client of ${name} with the servers of ${names.join(', ')}`, async () => {
      const all = [...addresses.values()];
      const { code, err, out } = await run([...(clients.get(name) ?? []), authority, ...all]);
      expect([err, out.trim().split('\n')]).toEqual(['', all.map((address) => `${address} fine`)]);
      expect(code).toBe(0);
    });
});
