// The plugin as others see it: run by the CNI project's own cnitool, behind its plugins ptp and host-local, in network
// namespaces of the test; and in the list of a network that somebody else keeps writing.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { silentLog } from '../../base/index.ts';
import { describeSkipped, describeWith, type Output, run } from '../../testing/programs.ts';
import { CniAgent } from './agent.ts';
import { type AgentServer, serveAgent } from './agent-socket.ts';
import { addPlugin } from './conflist.ts';
import { redirectAnnotation } from './redirect-note.ts';
import { PodsApi } from './testing/pods-api.ts';

setDefaultTimeout(60_000);

const weft = join(import.meta.dir, '../../../bin/weft');
const mayUnshare =
  process.getuid?.() === 0 && (await run(['unshare', '-n', 'true']).catch(() => null))?.code === 0;
const peers = ['cnitool', 'ptp', 'host-local'];

function describeInNamespace(body: () => void): void {
  const name = 'the CNI plugin under cnitool';
  if (mayUnshare) describeWith([...peers, 'ip', 'nft', 'iptables', 'nsenter', 'python3'], name, body);
  else describeSkipped('it takes root and a network namespace', name, body);
}

/** Where a connection from the network to an address that is nobody's arrives, over IPv4 and IPv6. */
const arrivals = `
import socket, threading
def arrival(family, local, far):
    server = socket.socket(family); server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((local, 15001)); server.listen(); server.settimeout(0.5)
    client = socket.socket(family); client.setblocking(False)
    client.connect_ex((far, 8080))
    try:
        peer, _ = server.accept()
        level, option = (socket.IPPROTO_IP, 80) if family == socket.AF_INET else (socket.IPPROTO_IPV6, 80)
        raw = peer.getsockopt(level, option, 28)
        address = raw[4:8] if family == socket.AF_INET else raw[8:24]
        return socket.inet_ntop(family, address) + ' ' + str(int.from_bytes(raw[2:4], 'big'))
    except TimeoutError: return 'nobody'
print(arrival(socket.AF_INET, '127.0.0.1', '192.0.2.9'))
print(arrival(socket.AF_INET6, '::1', '2001:db8::9'))
`;

describeInNamespace(() => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-cni-'));
  const [networks, socket, bin] = [
    join(folder, 'net.d'),
    join(folder, 'run/agent.sock'),
    join(folder, 'bin'),
  ];
  const name = `weft-cni-${process.pid}`;
  const netns = `/run/netns/${name}`;
  /** The plugins make their links, routes and settings here, and not in the machine's own network. */
  const node = `${name}-node`;
  const kube = new PodsApi();
  const agent = new CniAgent({ api: kube, tool: 'nft', nodeAddresses: ['192.0.2.77'], log: silentLog });
  let server: AgentServer;
  let env: Record<string, string>;

  const cnitool = async (command: string, pod = 'caller', network = 'mesh'): Promise<Output> => {
    const told = `IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=${pod}`;
    const child = Bun.spawn(['ip', 'netns', 'exec', node, 'cnitool', command, network, netns], {
      env: { ...process.env, ...env, CNI_ARGS: told },
      stdout: 'pipe',
      stderr: 'pipe',
    });
    const texts = [new Response(child.stdout).text(), new Response(child.stderr).text()] as const;
    const [code, out, err] = await Promise.all([child.exited, ...texts]);
    return { code, out, err };
  };
  const within = (...command: string[]) => run(['ip', 'netns', 'exec', name, ...command]);

  beforeAll(async () => {
    const found = dirname(Bun.which('ptp') ?? '');
    for (const path of [networks, bin]) mkdirSync(path, { recursive: true });
    // The plugin is this program without a word.
    writeFileSync(join(bin, 'weft-cni'), `#!/bin/sh\nexec ${weft}\n`, { mode: 0o755 });
    env = { NETCONFPATH: networks, CNI_PATH: `${bin}:${found}` };
    const ranges = [[{ subnet: '10.231.7.0/24' }], [{ subnet: 'fd00:231:7::/64' }]];
    const routes = [{ dst: '0.0.0.0/0' }, { dst: '::/0' }];
    const ipam = { type: 'host-local', ranges, routes, dataDir: join(folder, 'ipam') };
    const list = { cniVersion: '1.1.0', name: 'mesh', plugins: [{ type: 'ptp', ipam }] };
    const added = addPlugin(JSON.stringify(list), socket);
    if (!added.ok) throw new Error(added.error);
    writeFileSync(join(networks, '10-mesh.conflist'), added.value);
    const annotations = { [redirectAnnotation]: 'outbound=all;inbound=8080;skip=none' };
    kube.add('caller', annotations);
    kube.add('wrong', { [redirectAnnotation]: 'outbound=x' });
    kube.add('plain', {});
    server = serveAgent(socket, agent);
    for (const one of [name, node]) await run(['ip', 'netns', 'add', one]);
    // As a runtime does before; and no wait for whoever might have an address of IPv6 already.
    await within('ip', 'link', 'set', 'lo', 'up');
    await within('sysctl', '-w', 'net.ipv6.conf.default.accept_dad=0');
  });

  afterAll(async () => {
    await cnitool('del');
    for (const one of [name, node]) await run(['ip', 'netns', 'del', one]);
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('add: the pod is led through its proxy, IPv4 and IPv6, and its node is not', async () => {
    const { code, out, err } = await cnitool('add');
    expect([code, err]).toEqual([0, '']);
    // What the plugin before it made comes out as it was.
    expect(JSON.parse(out)).toMatchObject({ cniVersion: '1.1.0', ips: [{ gateway: '10.231.7.1' }, {}] });
    const rules = await within('nft', 'list', 'table', 'inet', 'weft');
    for (const rule of ['192.0.2.77', '10.231.7.1', 'fd00:231:7::1'])
      expect(rules.out).toContain(`saddr ${rule} return`);
    expect(await within('python3', '-c', arrivals)).toMatchObject({
      err: '',
      out: '192.0.2.9 8080\n2001:db8::9 8080\n',
    });
    expect((await within(weft, 'redirect', '--verify', '0')).code).toBe(0);
  });

  test('check: well, and not when the rules are gone', async () => {
    expect((await cnitool('check')).code).toBe(0);
    await within('nft', 'delete', 'table', 'inet', 'weft');
    const { code, err, out } = await cnitool('check');
    expect([code, `${out}${err}`]).toEqual([1, expect.stringContaining('is not led through its proxy')]);
    expect((await within('python3', '-c', arrivals)).out).toBe('nobody\nnobody\n');
  });

  test('a pod that was made past it is refused by its first container, which goes on once it is mended', async () => {
    const { code, err } = await within(weft, 'redirect', '--verify', '0');
    expect([code, err]).toEqual([126, expect.stringContaining('is not led through its proxy')]);
    const verified = within(weft, 'redirect', '--verify', '20');
    expect(await agent.mend(kube.pods[0]!, netns)).toBe(true);
    expect((await verified).code).toBe(0);
    expect(await agent.mend(kube.pods[0]!, netns)).toBe(false);
  });

  test('del: twice is once, and nothing is left', async () => {
    expect((await cnitool('del')).code).toBe(0);
    expect((await cnitool('del')).code).toBe(0);
    expect((await within('nft', 'list', 'ruleset')).out).toBe('');
  });

  test('a pod that does not ask gets its network and no rules; one at fault gets none', async () => {
    expect((await cnitool('add', 'plain')).code).toBe(0);
    expect((await within('nft', 'list', 'ruleset')).out).toBe('');
    expect((await cnitool('check', 'plain')).code).toBe(0);
    expect((await cnitool('del', 'plain')).code).toBe(0);
    const { code, out, err } = await cnitool('add', 'wrong');
    expect([code, `${out}${err}`]).toEqual([
      1,
      expect.stringContaining('weft.dev/redirect is not understood'),
    ]);
    expect((await cnitool('del', 'wrong')).code).toBe(0);
  });

  test('where there is no nft the rules are those of iptables, and go as they came', async () => {
    const other = new CniAgent({ api: kube, tool: 'iptables', nodeAddresses: [], log: silentLog });
    const pod = { namespace: 'shop', name: 'caller', uid: '' };
    const ask = (command: 'ADD' | 'CHECK' | 'DEL') => other.answer({ command, netns, pod, gateways: [] });
    expect(await ask('CHECK')).toMatchObject({ code: 101 });
    expect([await ask('ADD'), await ask('CHECK')]).toEqual([null, null]);
    expect((await within(weft, 'redirect', '--verify', '0')).code).toBe(0);
    expect([await ask('DEL'), await ask('CHECK')]).toMatchObject([null, { code: 101 }]);
  });

  test('status and gc; and while the agent is away no pod is made', async () => {
    expect(await cnitool('status')).toMatchObject({ code: 0 });
    expect((await cnitool('gc')).code).toBe(0);
    await server.stop();
    const told = await cnitool('status');
    expect([told.code, `${told.out}${told.err}`]).toEqual([1, expect.stringContaining('does not answer')]);
    const { code, out, err } = await cnitool('add');
    expect([code, `${out}${err}`]).toEqual([1, expect.stringContaining('does not answer')]);
    // What is being taken down goes all the same.
    expect((await cnitool('del')).code).toBe(0);
  });
});
