import { expect, test } from 'bun:test';
import type { Programs } from '../demo/cluster/programs.ts';
import { controlProgram } from '../demo/cluster/proxies.ts';
import { command as control } from './control.ts';
import { checkXdsFlags, type XdsFlags } from './control-xds.ts';

const here = { kind: 'ip', host: '127.0.0.1', port: 15010 } as const;
const everywhere = { kind: 'ip', host: '0.0.0.0', port: 15012 } as const;
const pair = { xdsCert: 'a.crt', xdsKey: 'a.key' };

function check(flags: Partial<XdsFlags> & { readonly status?: boolean }, inKubernetes = true): string {
  try {
    checkXdsFlags(
      {
        ...{ xds: here, xdsAudience: 'weft', xdsTrustDomain: 'cluster.local', xdsTtl: new Map() },
        ...{ status: true, ...flags },
      },
      inKubernetes,
    );
    return '';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

test.each<[string, string, Partial<XdsFlags> & { readonly status?: boolean }, boolean]>([
  ['plain text beyond this machine', 'in plain text', { xds: everywhere }, true],
  ['half a pair', 'go together', { xdsTls: everywhere, xdsCert: 'a.crt' }, true],
  ['a certificate for nothing', 'go with --xds-tls', pair, true],
  ['TLS over a directory without files', 'with --dir', { xdsTls: everywhere }, false],
  ['an authority that nobody may make', 'with --no-status', { xdsTls: everywhere, status: false }, true],
])('%s is refused', (_name, words, flags, inKubernetes) => {
  expect(check(flags, inKubernetes)).toContain(words);
});

test('what can be served is', () => {
  expect(check({})).toBe('');
  expect(check({ xds: everywhere, insecureXds: true })).toBe('');
  expect(check({ xdsTls: everywhere })).toBe('');
  expect(check({ xdsTls: everywhere, ...pair, status: false })).toBe('');
  expect(check({ xdsTls: everywhere, ...pair, xdsClientCa: 'ca.crt' }, false)).toBe('');
});

test.each(['127.0.0.1', '198.18.132.1'])('the demo’s own control plane at %s is one that can be', (host) => {
  const programs = { weft: (...words: readonly string[]) => words } as Programs;
  const ports = { host, xds: 15010, controlHttp: 15014, edge: 8080 };
  const [, ...words] = controlProgram(programs, ports, 'manifests', {}).command;
  control.parseOptions([...words]);
  expect(() => checkXdsFlags(control.opts(), false)).not.toThrow();
});
