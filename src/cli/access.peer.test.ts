// AccessPolicy from the manifests to the answer: who may call, which methods and which paths, in a Weft and in an Envoy
// sidecar alike. Callers are curl, from the addresses of their pods.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeBootstrap } from '../deploy/index.ts';
import { type Envoy, startAdsEnvoy } from '../testing/envoy.ts';
import { describeWith, freePort, run } from '../testing/programs.ts';
import { until } from '../testing/until.ts';

// Other processes are waited for; on a busy machine that takes its time.
setDefaultTimeout(60_000);

const weft = join(import.meta.dir, '../../bin/weft');

const pod = (name: string, namespace: string, account: string, ip: string) => `---
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: ${namespace} }
spec: { serviceAccountName: ${account} }
status: { phase: Running, podIPs: [{ ip: ${ip} }] }
`;

const policy = (mode: string) => `---
apiVersion: weft.dev/v1alpha1
kind: AccessPolicy
metadata: { name: account, namespace: bank }
spec:
  targetRefs: [{ group: "", kind: Service, name: account }]
  mode: ${mode}
  rules:
    - from: [{ serviceAccount: { name: payments } }]
      http: [{ methods: [GET], path: { value: /accounts } }]
    - from: [{ namespace: { name: edge } }]
    - from: [{ ipBlock: { cidr: 127.0.9.0/24, except: [127.0.9.128/25] } }]
      ports: [80]
      http: [{ path: { type: Exact, value: /health } }]
`;

const objects = `apiVersion: v1
kind: Service
metadata: { name: account, namespace: bank }
spec: { selector: { app: account }, ports: [{ name: http, port: 80, targetPort: 8080 }] }
${pod('payments-0', 'bank', 'payments', '127.0.0.2')}${pod('other-0', 'bank', 'other', '127.0.0.3')}${pod('edge-0', 'edge', 'gateway', '127.0.0.4')}`;

describeWith(['envoy', 'curl'], 'AccessPolicy', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-access-'));
  const [xdsPort, adminPort, ofWeft, ofEnvoy, weftAdmin] = Array.from({ length: 5 }, freePort) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const children: Bun.Subprocess[] = [];
  let envoy: Envoy;
  let application: Bun.Server<undefined>;

  function start(...command: string[]): void {
    const stdout = Bun.file(join(folder, `${command[0]}.out`));
    children.push(Bun.spawn([weft, ...command], { stdout, stderr: 'ignore' }));
  }

  beforeAll(async () => {
    application = Bun.serve({ port: 0, fetch: () => new Response('served') });
    const port = application.port ?? 0;
    writeFileSync(join(folder, 'policy.yaml'), policy('Enforce'));
    writeFileSync(join(folder, 'objects.yaml'), objects);
    const addresses = ['--xds', `127.0.0.1:${xdsPort}`, '--admin', `127.0.0.1:${adminPort}`];
    start('control', '--dir', folder, ...addresses);
    await until(
      'the control plane is ready',
      async () => (await fetch(`http://127.0.0.1:${adminPort}/ready`)).ok,
    );
    const bootstrap = encodeBootstrap({
      role: 'sidecar',
      name: 'account-0',
      namespace: 'bank',
      workload: 'account',
      labels: { app: 'account' },
      admin: { host: '127.0.0.1', port: weftAdmin },
      listen: { outbound: `127.0.0.1:${freePort()}`, inbound: `0.0.0.0:${ofWeft}` },
      application: { http: port },
      containerPorts: {},
      identity: null,
      xds: { host: '127.0.0.1', port: xdsPort },
    });
    writeFileSync(join(folder, 'bootstrap.json'), bootstrap);
    start('proxy', '-c', join(folder, 'bootstrap.json'), '--warm-up', '0');
    envoy = await startAdsEnvoy({
      nodeId: 'sidecar~account-1.bank',
      cluster: 'account',
      metadata: {
        labels: { app: 'account' },
        listen: { outbound: `127.0.0.1:${freePort()}`, inbound: `0.0.0.0:${ofEnvoy}` },
        application: { http: port },
      },
      xdsPort,
      apiType: 'DELTA_GRPC',
    });
    for (const at of [ofWeft, ofEnvoy]) await until('it serves', async () => (await ask(at, 4)) === '200');
  });

  afterAll(async () => {
    await envoy?.stop();
    for (const child of children) child.kill('SIGKILL');
    await application.stop(true);
    rmSync(folder, { recursive: true });
  });

  /** The status; `from` is the last part of the caller's address, or all of it. */
  async function ask(port: number, from: number | string, path = '/', method = 'GET'): Promise<string> {
    const address = typeof from === 'number' ? `127.0.0.${from}` : from;
    const { out } = await run([
      ...['curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', '--interface', address, '--path-as-is'],
      ...['-X', method, '-H', 'host: account', `http://127.0.0.1:${port}${path}`],
    ]);
    return out;
  }

  const cases: readonly (readonly [from: number | string, method: string, path: string, status: string])[] = [
    [2, 'GET', '/accounts', '200'],
    [2, 'GET', '/accounts/7?a=b', '200'],
    [2, 'GET', '/accounts?a=/../b', '200'],
    [2, 'POST', '/accounts/7', '403'],
    [2, 'GET', '/accountsx', '403'],
    [2, 'GET', '/', '403'],
    // What an application may read as another path.
    ...['/accounts/../admin', '/accounts/..', '/accounts/./a', '/accounts//a', '/accounts/%2e%2E/admin'].map(
      (path) => [2, 'GET', path, '403'] as const,
    ),
    [2, 'GET', '/accounts/..%2fadmin', '403'],
    [2, 'GET', '/accounts/%5C../admin', '403'],
    [2, 'GET', '/accounts/a..b/.c', '200'],
    [3, 'GET', '/accounts', '403'],
    [4, 'DELETE', '/anything', '200'],
    [1, 'GET', '/accounts', '403'],
    ['127.0.9.1', 'GET', '/health', '200'],
    ['127.0.9.1', 'GET', '/health/', '403'],
    ['127.0.9.129', 'GET', '/health', '403'],
  ];

  test('lets the named callers pass and refuses all others, in Weft as in Envoy', async () => {
    const answers = async (port: number) =>
      await Promise.all(
        cases.map(async ([from, method, path]) => [from, method, path, await ask(port, from, path, method)]),
      );
    expect(await answers(ofWeft)).toEqual(cases.map((one) => [...one]));
    expect(await answers(ofEnvoy)).toEqual(cases.map((one) => [...one]));
    const [own, theirs] = await Promise.all([
      fetch(`http://127.0.0.1:${weftAdmin}/stats?filter=rbac`).then((response) => response.text()),
      envoy.stats('rbac'),
    ]);
    const denied = cases.filter(([, , , status]) => status === '403').length;
    expect(own).toContain(`http.inbound.rbac.denied: ${denied}`);
    expect(theirs['http.inbound.rbac.denied']).toBe(denied);
  });

  /** Lines about refusals, in some order; the time is each proxy's own. */
  function refusals(output: string): readonly Record<string, unknown>[] {
    const lines = output.split('\n').filter((line) => line.includes('"access":"refused"'));
    const parsed = lines.map((line) => ({ ...JSON.parse(line), time: '' }) as Record<string, unknown>);
    const keyOf = (line: object) => Bun.inspect(line, { sorted: true });
    return parsed.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  }
  const readRefusals = async () =>
    [await Bun.file(join(folder, 'proxy.out')).text(), await envoy.output()].map(refusals);

  test('what is refused is a line of the proxy’s output with who, what and the rule, in Weft as in Envoy', async () => {
    const denied = cases.filter(([, , , status]) => status === '403').length;
    await until('both have written them', async () =>
      (await readRefusals()).every((lines) => lines.length === denied),
    );
    const [own = [], theirs] = await readRefusals();
    expect(own).toEqual(theirs ?? []);
    expect(own).toContainEqual({
      access: 'refused',
      time: '',
      enforced: 'denied',
      audited: null,
      rule: 'rbac_access_denied_matched_policy[none]',
      caller: '127.0.0.3',
      method: 'GET',
      authority: 'account',
      path: '/accounts',
      status: 403,
    });
  });

  test('a new pod of an account is known; an audit lets pass and counts', async () => {
    writeFileSync(join(folder, 'more.yaml'), pod('payments-1', 'bank', 'payments', '127.0.0.5'));
    for (const at of [ofWeft, ofEnvoy])
      await until('the new pod may call', async () => (await ask(at, 5, '/accounts')) === '200');
    writeFileSync(join(folder, 'policy.yaml'), policy('Audit'));
    for (const at of [ofWeft, ofEnvoy])
      await until('everybody may call', async () => (await ask(at, 3, '/')) === '200');
    const own = await (await fetch(`http://127.0.0.1:${weftAdmin}/stats?filter=rbac.shadow_denied`)).text();
    expect(own).toMatch(/http\.inbound\.rbac\.shadow_denied: [1-9]/);
    expect((await envoy.stats('rbac'))['http.inbound.rbac.shadow_denied']).toBeGreaterThan(0);
    await until('it is said of both', async () =>
      (await readRefusals()).every((lines) =>
        lines.some(({ audited, status }) => audited === 'denied' && status === 200),
      ),
    );
  });
});
