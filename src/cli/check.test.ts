import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// Each case starts the program.
setDefaultTimeout(60_000);

const folder = mkdtempSync(join(tmpdir(), 'weft-check-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const weft = join(import.meta.dir, '../../bin/weft');

async function check(args: readonly string[], input = '') {
  const child = Bun.spawn([weft, 'check', ...args], {
    stdin: new Blob([input]),
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { out, err, code };
}

const service = 'apiVersion: v1\nkind: Service\nmetadata: { name: a }\nspec: { ports: [{ port: 80 }] }\n';
const faulty = service.replace('80', '0');
const bootstrap = (admin: string) =>
  `node: { id: sidecar~a.b, cluster: a }\nadmin: { ${admin}address: { socket_address: { address: 127.0.0.1, port_value: 15000 } } }\nstatic_resources: {}\n`;

describe('weft check', () => {
  test('standard input, nothing wrong', async () => {
    expect(await check(['-'], service)).toEqual({
      out: '1 object and no bootstraps in 1 file: no faults\n',
      err: '',
      code: 0,
    });
  });

  test('a folder, with a fault, a file that is none of its business, and a hidden one', async () => {
    const path = join(folder, 'one');
    mkdirSync(join(path, 'deep'), { recursive: true });
    writeFileSync(join(path, 'deep/a.yaml'), faulty);
    writeFileSync(join(path, 'notes.txt'), 'hello');
    writeFileSync(join(path, '.hidden.yaml'), 'a: [');
    const { out, code } = await check([path]);
    expect(out).toContain(
      'deep/a.yaml:4: default/Service/a: spec.ports[0].port: must be a whole number of 1 to 65535 (got 0)\n',
    );
    expect(code).toBe(1);
  });

  test('as JSON', async () => {
    const { out, code } = await check(['--json', '-'], faulty);
    expect(JSON.parse(out)).toMatchObject({
      objects: 1,
      findings: [{ file: '-', line: 4, issue: { object: 'default/Service/a', field: 'spec.ports[0].port' } }],
    });
    expect(code).toBe(1);
  });

  test('an Envoy bootstrap is judged by the proxy', async () => {
    expect((await check(['-'], bootstrap(''))).out).toBe('no objects and 1 bootstrap in 1 file: no faults\n');
    const { out, code } = await check(['-'], bootstrap('ignore_global_conn_limit: true, '));
    expect(out).toContain('admin.ignore_global_conn_limit');
    expect(code).toBe(1);
  });

  test('a link to nothing is a fault of that file; the rest is checked', async () => {
    const path = join(folder, 'linked');
    mkdirSync(path);
    symlinkSync('nowhere', join(path, 'a.yaml'));
    writeFileSync(join(path, 'b.yaml'), service);
    const { out, code } = await check([path]);
    expect(out).toContain('a.yaml: cannot be read: ');
    expect(out).toContain('1 object and no bootstraps in 1 file: 1 fault');
    expect(code).toBe(1);
  });

  test('several paths, a linked folder once, and links that lead round', async () => {
    const path = join(folder, 'several');
    mkdirSync(join(path, 'real'), { recursive: true });
    writeFileSync(join(path, 'real/a.yaml'), faulty);
    symlinkSync(join(path, 'real'), join(path, 'linked'));
    symlinkSync(path, join(path, 'real/round'));
    const single = join(folder, 'single.yaml');
    writeFileSync(single, service.replace('name: a', 'name: b'));
    const { out, code } = await check([path, single]);
    expect(out).toContain('2 objects and no bootstraps in 2 files: 1 fault\n');
    expect(code).toBe(1);
    const linked = join(folder, 'only-linked');
    mkdirSync(linked);
    symlinkSync(join(path, 'real'), join(linked, 'there'));
    expect((await check([linked])).out).toContain('there/a.yaml:4: default/Service/a: spec.ports[0].port');
  });

  test('what steers other tools is a note, which --strict takes for a fault', async () => {
    const path = join(folder, 'kustomize');
    mkdirSync(path);
    for (const file of ['kustomization.yaml', 'Chart.yaml', 'values.yaml', 'values-prod.yml'])
      writeFileSync(join(path, file), 'resources: [a.yaml]\n');
    writeFileSync(join(path, 'a.yaml'), service);
    const lenient = await check([path]);
    expect([lenient.out.match(/^note: /gm)?.length, lenient.code]).toEqual([4, 0]);
    expect((await check(['--strict', path])).code).toBe(1);
  });

  test('a bootstrap’s faults have their lines', async () => {
    const { out } = await check(['-'], bootstrap('ignore_global_conn_limit: true, '));
    expect(out).toStartWith('-:2: admin.ignore_global_conn_limit');
  });

  test.each([
    ['nothing at all', ''],
    ['comments alone', '# nothing\n---\n'],
  ])('%s is nothing to check', async (_, text) => {
    expect((await check(['-'], text)).code).toBe(64);
  });

  test('why a request goes where it goes', async () => {
    const slice = `---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: a-1, labels: { kubernetes.io/service-name: a } }
addressType: IPv4
ports: [{ port: 8080 }]
endpoints: [{ addresses: [10.0.0.1] }]
`;
    const ask = async (host: string) => (await check(['-', '--why', host, '/x'], service + slice)).out;
    expect(await ask('a')).toBe('callers in default: route default to default/a:80: 10.0.0.1:8080\n');
    expect(await ask('b')).toBe('callers in default: route unknown, answered 404\n');
  });

  const path =
    service.replace('80', '80, name: http') +
    `---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: r }
spec:
  parentRefs: [{ group: "", kind: Service, name: a }]
  rules:
    - matches: [{ path: { value: /x } }]
      filters: [{ type: RequestRedirect, requestRedirect: { statusCode: 301 } }]
`;
  test.each([
    [['a.default', '/x/y'], 'redirected with 301'],
    [['a.default/x/y'], 'redirected with 301'],
    [['http://a.default/x?y'], 'redirected with 301'],
    [['a.default:80/y'], 'no route, 404'],
    [['a.default'], 'no route, 404'],
  ])('what is asked about may be one word: %p', async (words, answer) => {
    expect((await check(['-', '--why', ...words], path)).out).toMatch(
      new RegExp(`^callers in default: .*${answer}\n$`),
    );
  });

  test.each([[['a', 'x']], [['/x']], [['a/x', '/y']], [['http://']], [['a', '/x', '/y']]])(
    '%p is nothing to ask about',
    async (words) => {
      const { code, err } = await check(['-', '--why', ...words], path);
      expect([code, err]).toEqual([
        64,
        `weft check: --why takes HOST /PATH, or a URL (got ${words.join(' ')})\n`,
      ]);
    },
  );

  test('wrong usage', async () => {
    expect((await check([join(folder, 'nowhere')])).code).toBe(64);
    expect((await check([])).code).toBe(64);
  });
});

test.each([[[]], [['--pre', '.']], [['--pre', '--installed']]])(
  'paths, --pre and --installed exclude each other: %p',
  async (words) => {
    const { code, err } = await check(words);
    expect([code, err.trim()]).toEqual([64, 'weft check: it wants paths, or --pre, or --installed']);
  },
);
