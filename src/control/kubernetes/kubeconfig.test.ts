import { describe, expect, test } from 'bun:test';
import { formatIssue } from '../../base/index.ts';
import { readExecCredential } from './credentials.ts';
import { type ClusterAccess, inClusterAccess, parseKubeconfig } from './kubeconfig.ts';

const pem = Buffer.from('PEM').toString('base64');

function config(cluster: string, user: string, context = ''): string {
  return `
apiVersion: v1
kind: Config
current-context: main
contexts:
- {name: main, context: {cluster: c, user: u${context}}}
- {name: other, context: {cluster: c, user: u, namespace: bank}}
clusters:
- {name: c, cluster: {server: "https://api:6443/"${cluster}}}
users:
- {name: u, user: {${user}}}
`;
}

function parse(text: string, context = ''): ClusterAccess {
  const result = parseKubeconfig('f', text, '/conf', context);
  if (!result.ok) throw new Error(result.error.map(formatIssue).join('\n'));
  return result.value;
}

describe('parseKubeconfig', () => {
  const cases: readonly [string, string, Partial<ClusterAccess>][] = [
    [
      'the server without its last slash',
      config('', ''),
      { server: 'https://api:6443', credential: { kind: 'none' } },
    ],
    [
      'data before paths',
      config(`, certificate-authority: ca.crt, certificate-authority-data: ${pem}`, ''),
      { ca: { kind: 'text', text: 'PEM' } },
    ],
    [
      'paths relative to the file',
      config(', certificate-authority: ca.crt', 'client-certificate: a/c.crt, client-key: /k.key'),
      {
        ca: { kind: 'file', path: '/conf/ca.crt' },
        certificate: { kind: 'file', path: '/conf/a/c.crt' },
        key: { kind: 'file', path: '/k.key' },
      },
    ],
    ['a token', config('', 'token: t'), { credential: { kind: 'token', token: 't' } }],
    [
      'a token file before a token',
      config('', 'token: t, tokenFile: t'),
      { credential: { kind: 'token-file', path: '/conf/t' } },
    ],
    [
      'a password',
      config('', 'username: u, password: p'),
      { credential: { kind: 'basic', username: 'u', password: 'p' } },
    ],
    [
      'a plugin',
      config('', 'exec: {apiVersion: v, command: ./get, args: [a], env: [{name: E, value: x}]}'),
      {
        credential: {
          kind: 'exec',
          plugin: {
            apiVersion: 'v',
            command: '/conf/get',
            args: ['a'],
            env: { E: 'x' },
            provideClusterInfo: false,
          },
        },
      },
    ],
    [
      'TLS settings',
      config(', insecure-skip-tls-verify: true, tls-server-name: kubernetes', ''),
      { verify: false, serverName: 'kubernetes' },
    ],
    ['no namespace', config('', ''), { namespace: 'default' }],
  ];
  test.each(cases)('%s', (_, text, expected) => {
    expect(parse(text)).toMatchObject(expected);
  });

  test('another context', () => {
    expect(parse(config('', ''), 'other').namespace).toBe('bank');
  });

  const bad: readonly [string, string, string, string][] = [
    ['no YAML', 'a: [', '', 'f: is not a kubeconfig'],
    ['no context', 'kind: Config', '', 'f: current-context: must be set, or a context be named'],
    ['an unknown context', config('', ''), 'x', 'f: contexts: must hold the context (got x)'],
    [
      'no such cluster',
      config('', '').replace('cluster: c,', 'cluster: d,'),
      '',
      'f: clusters: must hold the context’s cluster (got d)',
    ],
    [
      'a proxy',
      config(', proxy-url: "http://p"', ''),
      '',
      'f: clusters[c].cluster.proxy-url: is not supported',
    ],
    [
      'a legacy plugin',
      config('', 'auth-provider: {name: x}'),
      '',
      'f: users[u].user.auth-provider: is not supported',
    ],
    ['impersonation', config('', 'as: root'), '', 'f: users[u].user.as: is not supported'],
    [
      'half a certificate',
      config('', 'client-key: k'),
      '',
      'f: users[u].user: must have client-certificate and client-key together',
    ],
    [
      'no URL',
      config('', '').replace('https://api:6443/', 'api'),
      '',
      'f: clusters[c].cluster.server: must be an http or https URL (got api)',
    ],
  ];
  test.each(bad)('refuses %s', (_, text, context, expected) => {
    const result = parseKubeconfig('f', text, '/conf', context);
    expect(result.ok ? [] : result.error.map(formatIssue)).toEqual([expected]);
  });
});

test('a pod uses its service account', () => {
  expect(inClusterAccess('fd00::1', '443', '/sa')).toMatchObject({
    server: 'https://[fd00::1]:443',
    ca: { kind: 'file', path: '/sa/ca.crt' },
    credential: { kind: 'token-file', path: '/sa/token' },
  });
});

describe('readExecCredential', () => {
  test('a token with its end', () => {
    const text = JSON.stringify({ status: { token: 't', expirationTimestamp: '1970-01-01T00:10:00Z' } });
    expect(readExecCredential('p', text)).toMatchObject({ authorization: 'Bearer t', expiresAtMs: 540_000 });
  });
  test('a certificate', () => {
    const text = JSON.stringify({ status: { clientCertificateData: 'c', clientKeyData: 'k' } });
    expect(readExecCredential('p', text)).toMatchObject({ authorization: '', certificate: 'c', key: 'k' });
  });
  test('nothing', () => {
    expect(() => readExecCredential('p', '{}')).toThrow('the plugin p gave neither token nor certificate');
  });
});
