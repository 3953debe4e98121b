// Captured connections in a network namespace of their own: iptables leads them to Envoy and to Weft, which carry them
// where they were going, by the same bootstrap.

import { expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeSkipped, describeWith, isCi, run } from '../testing/programs.ts';
import { httpListener } from './testing/tls-proxy.ts';

setDefaultTimeout(60_000);

const main = join(import.meta.dir, '../cli/main.ts');

/** Connections to port 7002 of anybody come to 15001; the proxies go on to 7003, which nobody leads anywhere. */
const rules = [
  'ip link set lo up',
  'ip route add local 10.1.2.0/24 dev lo',
  'iptables -t nat -A OUTPUT -p tcp --dport 7002 -j REDIRECT --to-ports 15001',
];

const namespace = await run(['unshare', '-n', 'sh', '-c', rules.join(' && ')]).catch(() => null);
const describeHere: typeof describeWith =
  namespace?.code === 0 || isCi
    ? describeWith
    : (_programs, name, body) =>
        describeSkipped(`no namespace with rules: ${namespace?.err.trim()}`, name, body);

/** Runs inside: origins that say who they are, the proxy, and callers. */
const driver = (command: readonly string[]) => `
  for (const hostname of ['10.1.2.3', '10.1.2.4', '10.1.2.5'])
    Bun.serve({ hostname, port: 7003, fetch: (request) => new Response(hostname + ' ' + new URL(request.url).pathname) });
  const proxy = Bun.spawn(${JSON.stringify(command)}, { stdio: ['ignore', 'ignore', 'inherit'] });
  const admin = 'http://127.0.0.1:15000';
  for (let tries = 0; tries < 400; tries++) {
    if (await fetch(admin + '/ready').then((answer) => answer.ok, () => false)) break;
    await Bun.sleep(50);
  }
  const ask = async (host, headers = {}) => {
    const answer = await fetch('http://' + host + '/x', { headers }).catch((error) => ({ status: 0, text: () => String(error.code) }));
    return answer.status + ' ' + (answer.status === 200 ? await answer.text() : '');
  };
  const said = [
    await ask('10.1.2.3:7002'),
    await ask('10.1.2.4:7002'),
    await ask('10.1.2.5:7002'),
    await ask('10.1.2.3:7002', { 'x-envoy-original-dst-host': '10.1.2.4:7003' }),
    await ask('10.1.2.3:7002', { 'x-envoy-original-dst-host': 'nowhere' }),
    await ask('127.0.0.1:15001'),
  ];
  proxy.kill('SIGKILL');
  await proxy.exited;
  console.log(said.join('\\n'));
  process.exit(0);
`;

function bootstrap(): object {
  const cluster = (name: string, more: object = {}) => ({
    name,
    type: 'ORIGINAL_DST',
    lb_policy: 'CLUSTER_PROVIDED',
    connect_timeout: '1s',
    original_dst_lb_config: { use_http_header: true, upstream_port_override: 7003, ...more },
  });
  const capture = httpListener('capture', 15_001, 'anywhere', null);
  const own = httpListener('own', 7_002, 'fixed', null) as { address: object };
  return {
    admin: { address: { socket_address: { address: '127.0.0.1', port_value: 15_000 } } },
    static_resources: {
      listeners: [
        { ...capture, use_original_dst: true },
        {
          ...own,
          address: { socket_address: { address: '10.1.2.5', port_value: 7_002 } },
          bind_to_port: false,
        },
      ],
      clusters: [
        cluster('anywhere'),
        {
          name: 'fixed',
          type: 'STATIC',
          load_assignment: {
            cluster_name: 'fixed',
            endpoints: [
              {
                lb_endpoints: [
                  {
                    endpoint: {
                      address: { socket_address: { address: '10.1.2.4', port_value: 7_003 } },
                    },
                  },
                ],
              },
            ],
          },
        },
      ],
    },
  };
}

describeHere(['unshare', 'ip', 'iptables', 'envoy'], 'captured connections', () => {
  async function meet(command: (config: string) => readonly string[]): Promise<readonly string[]> {
    const folder = mkdtempSync(join(tmpdir(), 'weft-capture-'));
    try {
      const config = join(folder, 'bootstrap.json');
      writeFileSync(config, JSON.stringify(bootstrap()));
      const inside = `${rules.join(' && ')} && exec ${process.execPath} -e "$0"`;
      const { code, out, err } = await run(['unshare', '-n', 'sh', '-c', inside, driver(command(config))]);
      expect([code, err]).toEqual([0, '']);
      return out.trim().split('\n');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  test('go where they were going, to the listener of their destination, or as a field says', async () => {
    const flags = ['--concurrency', '1', '-l', 'off', '--use-dynamic-base-id'];
    const envoy = await meet((config) => ['envoy', '-c', config, ...flags]);
    const weft = await meet((config) => [process.execPath, main, 'proxy', '-c', config, '-l', 'error']);
    expect(weft).toEqual(envoy);
    expect(weft).toEqual([
      '200 10.1.2.3 /x',
      '200 10.1.2.4 /x',
      '200 10.1.2.4 /x',
      '200 10.1.2.4 /x',
      '200 10.1.2.3 /x',
      '503',
    ]);
  });
});
