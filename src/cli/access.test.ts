import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AccessCaller, compileAccessOutlook } from '../control/index.ts';
import { run } from '../testing/programs.ts';
import { type AccessAnswer, judgeAccess } from './access-judge.ts';
import { suggestPolicies } from './access-suggest.ts';

// Some cases start the program.
setDefaultTimeout(30_000);

const services = `
apiVersion: v1
kind: Service
metadata: { name: ledger, namespace: core }
spec: { selector: { app: ledger }, ports: [{ name: http, port: 80, targetPort: web }, { name: raw, port: 90, appProtocol: tcp }] }
---
apiVersion: v1
kind: Service
metadata: { name: ledger-too, namespace: core }
spec: { selector: { app: ledger }, ports: [{ name: http, port: 8080, targetPort: web }] }
---
apiVersion: v1
kind: Service
metadata: { name: open, namespace: core }
spec: { selector: { app: open }, ports: [{ name: http, port: 80 }] }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: front }
spec: { selector: { app: web }, ports: [{ name: http, port: 80 }] }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: front }
spec:
  template:
    metadata: { labels: { app: web, more: x } }
    spec: { serviceAccountName: teller, containers: [] }
`;
const policy = (mode: string) => `
---
apiVersion: weft.dev/v1alpha1
kind: AccessPolicy
metadata: { name: fence, namespace: core }
spec:
  targetRefs: [{ group: "", kind: Service, name: ledger }]
  mode: ${mode}
  rules:
    - name: reads
      from: [{ serviceAccount: { name: teller, namespace: front } }, { ipBlock: { cidr: 10.9.0.0/16 } }]
      http: [{ methods: [GET], path: { value: /accounts } }]
    - from: [{ namespace: { name: audit } }]
`;

const teller: AccessCaller = { kind: 'account', namespace: 'front', name: 'teller' };
const address = (text: string): AccessCaller => ({ kind: 'address', address: text });

function ask(
  caller: AccessCaller,
  method: string,
  path: string,
  name = 'ledger',
  mode = 'Enforce',
): AccessAnswer {
  const files = [{ path: 'a.yaml', text: `${services}${policy(mode)}` }];
  const outlook = compileAccessOutlook(files, { namespace: 'core', name }, caller);
  return judgeAccess(outlook!, outlook!.ports[0]!, { method, path });
}

describe('weft access test', () => {
  test.each([
    ['a named account', teller, 'GET', '/accounts/1', 'core/fence/reads'],
    ['another method', teller, 'POST', '/accounts/1', null],
    ['another path', teller, 'GET', '/accountsx', null],
    ['a path that may be read as another', teller, 'GET', '/accounts/../admin', null],
    ['another account', { ...teller, name: 'other' }, 'GET', '/accounts', null],
    ['the same name elsewhere', { ...teller, namespace: 'core' }, 'GET', '/accounts', null],
    [
      'anybody of a namespace',
      { ...teller, namespace: 'audit', name: 'any' },
      'DELETE',
      '/',
      'core/fence/#1',
    ],
    ['an address of a range', address('10.9.3.4'), 'GET', '/accounts', 'core/fence/reads'],
    ['another address', address('10.8.3.4'), 'GET', '/accounts', null],
  ] as const)('%s', (_name, caller, method, path, rule) => {
    const allowed = rule !== null;
    expect(ask(caller, method, path)).toEqual({ allowed, rule, fenced: true, audited: false });
  });

  test('another Service that leads to the same port is no way round', () => {
    expect(ask(address('10.8.3.4'), 'GET', '/', 'ledger-too').allowed).toBe(false);
  });

  test('where no policy is, everybody may call', () => {
    expect(ask(address('10.8.3.4'), 'GET', '/', 'open')).toEqual({
      allowed: true,
      rule: null,
      fenced: false,
      audited: false,
    });
  });

  test('what is audited passes, and says what it would come to', () => {
    expect(ask(address('10.8.3.4'), 'GET', '/', 'ledger', 'Audit')).toMatchObject({
      allowed: true,
      audited: true,
    });
    expect(ask(teller, 'GET', '/accounts', 'ledger', 'Audit')).toEqual({
      allowed: true,
      rule: 'core/fence/reads',
      fenced: true,
      audited: false,
    });
  });

  test('as a command', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'weft-access-'));
    const file = join(folder, 'a.yaml');
    writeFileSync(file, `${services}${policy('Enforce')}`);
    const weft = (...words: readonly string[]) =>
      run([join(import.meta.dir, '../../bin/weft'), 'access', 'test', ...words, '-f', file]);
    const told = async (...words: readonly string[]) => {
      const { code, out, err } = await weft(...words);
      return `${code} ${out}${err}`.trim();
    };
    expect(
      await Promise.all([
        told('front/teller', 'core/ledger', 'GET', '/accounts'),
        told('front/other', 'core/ledger:http', 'get', '/accounts'),
        told('10.9.0.1', 'core/open'),
        told('front/teller', 'core/ledger:90'),
        told('audit/any', 'core/ledger:raw'),
        told('front/teller', 'core/ledger:91'),
        told('front/teller', 'core/none'),
        told('teller', 'core/open'),
        told('front/teller', 'open'),
        told('front/teller', 'core/ledger', 'GET', 'balances'),
      ]),
    ).toEqual([
      '0 core/ledger:80: allowed by core/fence/reads',
      '1 core/ledger:http: refused, for no rule lets it pass',
      '0 core/open:80: allowed, for no AccessPolicy names it',
      '1 core/ledger:90 as bytes: refused, for no rule lets it pass',
      '0 core/ledger:raw as bytes: allowed by core/fence/#1',
      '64 weft access: Service core/ledger has no TCP port 91 (it has 80, 90)',
      '64 weft access: the manifests have no Service core/none',
      '64 weft access: FROM must be NAMESPACE/ACCOUNT or an address (got teller)',
      '64 weft access: TO must be NAMESPACE/SERVICE or NAMESPACE/SERVICE:PORT (got open)',
      '64 weft access: PATH must begin with / (got balances)',
    ]);
    rmSync(folder, { recursive: true });
  });
});

describe('weft access suggest', () => {
  const line = (service: string, peer: string, count: number, direction = 'inbound') =>
    `weft_request_duration_seconds_count{listener="inbound",direction="${direction}",service="${service}",route="default",peer="${peer}",code="2xx"} ${count}`;
  const files = [{ path: 'a.yaml', text: services }];

  test('a policy for each Service that was called, by the accounts of its callers', () => {
    const metrics = [
      line('core/ledger', 'front/web', 3),
      line('core/ledger', 'front/web', 2),
      line('core/open', 'front/web', 0),
      line('front/web', 'front/web', 5, 'outbound'),
    ];
    const { policies, notes } = suggestPolicies([metrics.join('\n')], files, 'Audit');
    expect(policies).toEqual([
      {
        apiVersion: 'weft.dev/v1alpha1',
        kind: 'AccessPolicy',
        metadata: { name: 'ledger', namespace: 'core' },
        spec: {
          targetRefs: [{ group: '', kind: 'Service', name: 'ledger' }],
          mode: 'Audit',
          rules: [{ from: [{ serviceAccount: { name: 'teller', namespace: 'front' } }] }],
        },
      },
    ]);
    expect(notes).toEqual([]);
  });

  test('who cannot be named is told, and gets no rule', () => {
    const metrics = [line('core/ledger', '', 7), line('core/open', 'front/gone', 1)];
    const { policies, notes } = suggestPolicies([metrics.join('\n')], files, 'Enforce');
    expect(policies).toEqual([]);
    expect(notes).toEqual([
      'core/ledger: 7 calls of callers that no proxy named: whoever that is, no rule lets it pass',
      'core/open: 1 calls of front/gone, of which the manifests have no pods: whoever that is, no rule lets it pass',
    ]);
  });

  test('what is suggested lets pass who called, and nobody else', () => {
    const { policies } = suggestPolicies([line('core/ledger', 'front/web', 1)], files, 'Enforce');
    const fenced = [{ path: 'a.yaml', text: `${services}\n---\n${JSON.stringify(policies[0])}` }];
    const allowed = (caller: AccessCaller) => {
      const outlook = compileAccessOutlook(fenced, { namespace: 'core', name: 'ledger' }, caller)!;
      return judgeAccess(outlook, outlook.ports[0]!, { method: 'PUT', path: '/' }).allowed;
    };
    expect([allowed(teller), allowed({ ...teller, name: 'other' })]).toEqual([true, false]);
  });
});
