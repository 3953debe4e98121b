// A pod's network of its own, whose connections `weft redirect` leads to a sidecar: the control plane's listener for
// captured connections, played by Weft and, as far as it goes, by Envoy.

import { expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeBootstrap } from '../deploy/index.ts';
import { describeSkipped, describeWith, run } from '../testing/programs.ts';

setDefaultTimeout(60_000);

const main = join(import.meta.dir, 'main.ts');
const weft = `${process.execPath} ${main}`;

const mesh = `
apiVersion: v1
kind: Service
metadata: { name: ledger, namespace: bank }
spec: { clusterIP: 10.96.0.7, clusterIPs: [10.96.0.7, "fd00:96::7"], ports: [{ name: http, port: 80 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ledger-1, namespace: bank, labels: { kubernetes.io/service-name: ledger } }
addressType: IPv4
endpoints: [{ addresses: [10.9.0.1] }]
ports: [{ name: http, port: 8081 }]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ledger-2, namespace: bank, labels: { kubernetes.io/service-name: ledger } }
addressType: IPv6
endpoints: [{ addresses: ["fd00:9::1"] }]
ports: [{ name: http, port: 8081 }]
---
apiVersion: v1
kind: Service
metadata: { name: caller, namespace: bank }
spec:
  selector: { app: caller }
  clusterIP: 10.96.0.9
  clusterIPs: [10.96.0.9, "fd00:96::9"]
  ports: [{ name: http, port: 80, targetPort: 8080 }]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: caller-1, namespace: bank, labels: { kubernetes.io/service-name: caller } }
addressType: IPv4
endpoints: [{ addresses: [10.9.0.2] }]
ports: [{ name: http, port: 8080 }]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: caller-2, namespace: bank, labels: { kubernetes.io/service-name: caller } }
addressType: IPv6
endpoints: [{ addresses: ["fd00:9::2"] }]
ports: [{ name: http, port: 8080 }]
---
apiVersion: v1
kind: Service
metadata: { name: db, namespace: bank }
spec: { clusterIP: 10.96.0.8, ports: [{ name: tcp-sql, port: 80 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: db-1, namespace: bank, labels: { kubernetes.io/service-name: db } }
addressType: IPv4
endpoints: [{ addresses: [10.9.0.1] }]
ports: [{ name: tcp-sql, port: 7005 }]
---
# Fenced, and behind it ports whose names say nothing of HTTP: of the pod itself.
apiVersion: v1
kind: Service
metadata: { name: shop, namespace: bank }
spec:
  selector: { app: caller }
  ports: [{ name: web, port: 80, targetPort: 8081 }, { name: sql, port: 5432, appProtocol: tcp }]
---
apiVersion: weft.dev/v1alpha1
kind: AccessPolicy
metadata: { name: shop, namespace: bank }
spec:
  targetRefs: [{ group: "", kind: Service, name: shop }]
  rules:
    - { from: [{ ipBlock: { cidr: 10.9.0.1/32 } }], http: [{ methods: [GET] }] }
    - { from: [{ ipBlock: { cidr: 10.9.0.4/32 } }] }
`;

/** Everything but the pod is at 10.9.0.1 and fd00:9::1; ClusterIPs are nowhere: who is not captured does not arrive. */
const networks = `
ip link set lo up
unshare -n sleep 50 & pod=$!
until [ "$(readlink /proc/$pod/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do :; done
ip link add d0 type veth peer name eth0 netns $pod
ip addr add 10.9.0.1/24 dev d0; ip addr add fd00:9::1/64 dev d0 nodad; ip link set d0 up
for other in 10.9.0.3 10.9.0.4; do ip addr add $other/24 dev d0; done
inside="nsenter -t $pod -n"
$inside sh -euc 'ip link set lo up; ip addr add 10.9.0.2/24 dev eth0; ip addr add fd00:9::2/64 dev eth0 nodad; ip link set eth0 up; ip route add default via 10.9.0.1; ip route add default via fd00:9::1'
`;

/** Origins that say who they are; two of them speak first. */
const origins = `
for (const [port, name] of [[8081, 'ledger'], [80, 'stranger']])
  for (const hostname of ['10.9.0.1', 'fd00:9::1'])
    Bun.serve({ hostname, port, fetch: (request) => new Response(name + ' ' + (request.headers.get('x-weft-destination') ?? '')) });
for (const [port, name] of [[7005, 'sql'], [9999, 'banner']])
  for (const hostname of ['10.9.0.1', 'fd00:9::1'])
    Bun.listen({ hostname, port, socket: { open: (socket) => { socket.end(name + ' ready\\n'); }, data() {} } });
// An echo, and a DNS server that knows one address: a question with its answer behind it (RFC 1035, 4.1).
for (const hostname of ['10.9.0.1', 'fd00:9::1']) {
  const echo = { data(socket, data, port, address) { socket.send(data, port, address); } };
  await Bun.udpSocket({ hostname, port: 9000, socket: echo });
  const answer = Buffer.from('c00c00010001000000050004c0000235', 'hex');
  const dns = {
    data(socket, data, port, address) {
      const end = data.indexOf(0, 12) + 5;
      const head = Buffer.from([data[0], data[1], 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
      socket.send(Buffer.concat([head, data.subarray(12, end), answer]), port, address);
    },
  };
  await Bun.udpSocket({ hostname, port: 53, socket: dns });
}
`;

/**
 * What the pod itself serves: on its loopback, where its proxy leads others, and on its own addresses, where nobody but
 * itself arrives. By what a proxy adds it says that one was before it.
 */
const application = `
for (const [hostname, served, past] of [['127.0.0.1', 'served', 'past'], ...['10.9.0.2', 'fd00:9::2'].map((own) => [own, 'itself', 'itself directly'])])
  Bun.serve({ hostname, port: 8080, fetch: ({ headers }) => new Response(headers.has('x-request-id') ? served : past) });
Bun.serve({ hostname: '127.0.0.1', port: 8081, fetch: () => new Response('web') });
const say = (text) => (socket) => { socket.end(text + '\\n'); };
for (const hostname of ['10.9.0.2', 'fd00:9::2']) {
  for (const [port, name] of [[8081, 'bytes'], [5432, 'sql']]) Bun.listen({ hostname, port, socket: { data: say(name) } });
  Bun.listen({ hostname, port: 9090, socket: { open: say('first'), data() {} } });
}
`;

/** Of addresses that the fence knows, or does not: a status, or what bytes were answered with. */
const callers = `
const { connect } = require('node:net');
/** '': it was ended without a word. */
const send = (from, to, port, waitMs, bytes) =>
  new Promise((resolve) => {
    let said = '';
    const socket = connect({ host: to, port, localAddress: from }, () => setTimeout(() => { if (bytes !== '') socket.write(bytes); }, waitMs));
    socket.setTimeout(5000, () => socket.destroy());
    socket.on('data', (data) => { said += data; });
    socket.on('error', () => {});
    socket.on('close', () => resolve(said.split('\\n')[0].trim().replace('HTTP/1.1 ', '')));
  });
const head = (method, host) => method + ' / HTTP/1.1\\r\\nhost: ' + host + '\\r\\nconnection: close\\r\\n\\r\\n';
const [get, post] = ['GET', 'POST'].map((method) => head(method, 'shop.bank'));
const pod = '10.9.0.2';
const answers = await Promise.all([
  send('10.9.0.1', pod, 8081, 0, get),
  send('10.9.0.1', pod, 8081, 0, post),
  send('10.9.0.3', pod, 8081, 0, get),
  send('fd00:9::1', 'fd00:9::2', 8081, 0, head('GET', '[fd00:9::2]:8081')),
  send('10.9.0.1', pod, 15006, 0, post),
  send('10.9.0.1', pod, 8081, 0, 'x\\n'),
  send('10.9.0.1', pod, 8081, 1500, post),
  send('10.9.0.4', pod, 8081, 0, 'x\\n'),
  send('10.9.0.4', pod, 8081, 1500, 'x\\n'),
  send('10.9.0.4', pod, 5432, 0, 'x\\n'),
  send('10.9.0.1', pod, 5432, 0, 'x\\n'),
  send('fd00:9::1', 'fd00:9::2', 5432, 0, 'x\\n'),
  send('10.9.0.3', pod, 9090, 0, ''),
]);
for (const answer of answers) console.log('said ' + answer);
`;
/** What the proxy wrote of those it refused, as it comes to know of them. */
const refusals = `
for (let tries = 0; tries < 50; tries++) {
  const lines = (await Bun.file('lines').text()).split('\\n').filter((line) => line.includes('"access":"refused"')).map((line) => JSON.parse(line));
  if (lines.length === 8) {
    const bytes = lines.filter(({ port }) => port !== undefined).map(({ enforced, rule, caller, port }) => [enforced, rule, caller, port].join(' '));
    for (const line of bytes.sort()) console.log(line);
    break;
  }
  await Bun.sleep(100);
}
`;
const none = 'denied rbac_access_denied_matched_policy[none]';

const fates = [
  ...['200 OK', '403 Forbidden', '403 Forbidden', '403 Forbidden', '403 Forbidden'],
  ...['', '', 'bytes', 'bytes'],
  ...['sql', '', ''],
  'first',
].map((answer) => `said ${answer}`.trim());

const ready = (url: string) =>
  `for i in $(seq 100); do $inside curl -sf -m 1 ${url} >/dev/null && break; sleep 0.1; done`;

/** \`proxy\` reads \`$1\`; each call's answer is a line. */
const script = (proxy: string, calls: readonly string[], tool: string) => `${networks}
cd "$0"
${process.execPath} -e "$(cat origins.js)" & origins=$!
${weft} control --dir mesh --xds 10.9.0.1:15010 --insecure-xds --admin 127.0.0.1:15014 >&2 & control=$!
$inside ${weft} redirect --tool ${tool} --outbound-ports all --inbound-ports all
$inside ${process.execPath} -e "$(cat application.js)" & application=$!
$inside setpriv --regid=1337 --keep-groups -- ${proxy} >lines & proxy=$!
trap 'kill -9 $origins $application $control $proxy $pod' EXIT
${ready('http://127.0.0.1:15000/ready')}
${calls.map((call) => `${call} || true; echo`).join('\n')}
`;

const fromNode = (address: string, host: string) => `curl -s -m 5 -H "Host: ${host}" http://${address}/`;
const http = (address: string, host: string) => `$inside ${fromNode(address, host)}`;
const tcp = (host: string, port: number) =>
  `$inside timeout 5 bash -c 'exec 3<>/dev/tcp/${host}/${port}; head -n 1 <&3'`;
const udp = (host: string) =>
  `$inside timeout 5 bash -c 'exec 3<>/dev/udp/${host}/9000; echo echoed >&3; head -n 1 <&3'`;
/** How many requests its proxy carried to the pod's own Service. */
const stats = `curl -s "http://127.0.0.1:15000/stats/prometheus?usedonly" | sed -n '/^weft_request_duration_seconds_count.*service="bank.caller"/s/.* //p'`;
/** Asked by c-ares, which is somebody else's. */
const dns = (server: string) =>
  `$inside timeout 5 ${process.execPath} -e 'const r = new (require("dns").Resolver)(); r.setServers(["${server}"]); r.resolve4("ledger.bank", (e, found) => console.log(e ?? found[0]))'`;

async function play(proxy: string, calls: readonly string[], tool = 'nft'): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-captured-'));
  try {
    await run(['mkdir', join(folder, 'mesh')]);
    writeFileSync(join(folder, 'mesh/mesh.yaml'), mesh);
    writeFileSync(join(folder, 'origins.js'), origins);
    writeFileSync(join(folder, 'application.js'), application);
    writeFileSync(join(folder, 'callers.js'), callers);
    writeFileSync(join(folder, 'refusals.js'), refusals);
    const bootstrap = encodeBootstrap({
      role: 'sidecar',
      name: 'caller-0',
      namespace: 'bank',
      workload: 'caller',
      labels: { app: 'caller' },
      admin: { host: '127.0.0.1', port: 15_000 },
      listen: {},
      application: {},
      capture: true,
      ipv6: true,
      containerPorts: {},
      xds: { host: '10.9.0.1', port: 15_010 },
      identity: null,
    });
    writeFileSync(join(folder, 'bootstrap.json'), bootstrap);
    const { out, err } = await run(['unshare', '-n', 'bash', '-euc', script(proxy, calls, tool), folder]);
    const lines = out.split('\n').map((line) => line.trim());
    if (lines.length <= calls.length) throw new Error(err);
    return lines.filter((line) => line !== '');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const mayUnshare =
  process.getuid?.() === 0 && (await run(['unshare', '-n', 'true']).catch(() => null))?.code === 0;

/** Programs can be installed, rights cannot: without them there is nothing to try, in CI neither. */
function describeInNamespace(programs: readonly string[], name: string, body: () => void): void {
  if (mayUnshare) describeWith(['unshare', 'ip', 'nft', 'setpriv', 'curl', ...programs], name, body);
  else describeSkipped('it takes root and a network namespace', name, body);
}

const inbound = `${process.execPath} -e "$(cat callers.js)"`;

const bytes = [tcp('10.96.0.8', 80), tcp('10.9.0.1', 9999)];
const carried = ['sql ready', 'banner ready'];

describeInNamespace([], 'a pod whose connections are captured, beside Weft', () => {
  test('reaches the Service of the address, whatever Host says, and everything else as it is', async () => {
    const calls = [
      http('10.96.0.7', 'ledger.bank'),
      http('10.96.0.7', 'db.bank'),
      http('10.9.0.1', 'ledger.bank'),
      ...bytes,
    ];
    const said = await play(`${weft} proxy -c bootstrap.json -l error`, calls);
    expect(said).toEqual(['ledger', 'ledger bank/ledger:80', 'stranger', ...carried]);
  });
});

for (const tool of ['nft', 'iptables'] as const)
  describeInNamespace([tool], `a pod whose connections are captured by ${tool}`, () => {
    test('it calls itself: as its Service by its own proxy, by its own address past it, over both', async () => {
      const calls = [
        ...['10.96.0.9', '[fd00:96::9]'].map((host) => http(host, 'caller.bank')),
        ...['10.9.0.2', '[fd00:9::2]'].map((host) => http(`${host}:8080`, 'caller.bank')),
        `$inside ${stats}`,
      ];
      const said = await play(`${weft} proxy -c bootstrap.json -l error`, calls, tool);
      expect(said).toEqual(['itself', 'itself', 'itself directly', 'itself directly', '2']);
    });

    test('over IPv6 they reach the same, and it is reached; UDP and DNS go their own way, over both', async () => {
      const calls = [
        http('[fd00:96::7]', 'db.bank'),
        http('[fd00:9::1]', 'ledger.bank'),
        tcp('fd00:9::1', 9999),
        ...['10.9.0.2', '[fd00:9::2]'].map((host) => fromNode(`${host}:8080`, 'caller.bank')),
        ...['10.9.0.1', 'fd00:9::1'].flatMap((host) => [udp(host), dns(host)]),
      ];
      const said = await play(`${weft} proxy -c bootstrap.json -l error`, calls, tool);
      const untouched = ['echoed', '192.0.2.53'];
      expect(said).toEqual([
        'ledger bank/ledger:80',
        'stranger',
        'banner ready',
        'served',
        'served',
        ...untouched,
        ...untouched,
      ]);
    });
  });

describeInNamespace([], 'a fenced pod to which all connections are led, beside Weft', () => {
  test('is fenced at every port of its Services, by requests and by bytes, and serves the others', async () => {
    const counted = `$inside curl -s '127.0.0.1:15000/stats/prometheus?usedonly' | grep -E '^envoy_(http_)?rbac_denied' | sort`;
    const written = `${process.execPath} -e "$(cat refusals.js)"`;
    const said = await play(`${weft} proxy -c bootstrap.json -l error`, [inbound, counted, written]);
    expect(said).toEqual([
      ...fates,
      'envoy_http_rbac_denied{envoy_http_conn_manager_prefix="inbound"} 4',
      'envoy_rbac_denied{envoy_rbac_prefix="inbound:5432"} 2',
      'envoy_rbac_denied{envoy_rbac_prefix="inbound:8081"} 2',
      `${none} 10.9.0.1 5432`,
      `${none} 10.9.0.1 8081`,
      `${none} 10.9.0.1 8081`,
      `${none} fd00:9::1 5432`,
    ]);
  });
});

describeInNamespace(['envoy'], 'a pod whose connections are captured, beside Envoy', () => {
  test('is fenced at every port of its Services, and serves the others', async () => {
    const envoy = 'envoy -c bootstrap.json --concurrency 1 -l off --use-dynamic-base-id';
    const counted = `$inside curl -s '127.0.0.1:15000/stats?filter=rbac.denied'`;
    expect(await play(envoy, [inbound, counted])).toEqual([
      ...fates,
      'http.inbound.rbac.denied: 4',
      'inbound:5432.rbac.denied: 2',
      'inbound:8081.rbac.denied: 2',
    ]);
  });

  test('is served by Host, and reaches everything else as it is', async () => {
    const said = await play('envoy -c bootstrap.json --concurrency 1 -l off --use-dynamic-base-id', [
      http('10.96.0.7', 'ledger.bank'),
      ...bytes,
    ]);
    expect(said).toEqual(['ledger', ...carried]);
  });
});
