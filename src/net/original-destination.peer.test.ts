import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { describeSkipped, describeWith, isCi, run } from '../testing/programs.ts';

/** Runs inside of a network namespace of its own: a listener, and a caller that dials where nobody listens. */
const script = `
  import { createBunNetwork } from '${join(import.meta.dir, 'bun-network.ts')}';
  const network = createBunNetwork();
  const quiet = { onOpen() {}, onData() {}, onDrain() {}, onEnd() {}, onClose() {} };
  const seen = [];
  const say = (socket) => {
    const found = socket.originalDestination();
    seen.push(found === null ? 'none' : found.host + ' ' + found.port);
    if (seen.length === 6) { console.log(seen.sort().join('\\n')); process.exit(0); }
    return quiet;
  };
  for (const host of ['127.0.0.1', '::1', '::'])
    network.listen({ address: { kind: 'ip', host, port: host === '::' ? 15002 : 15001 }, accept: say });
  for (const [host, port] of [['127.0.0.1', 7001], ['::1', 7001], ['127.0.0.1', 15001], ['::1', 15001], ['10.1.2.3', 7002], ['127.0.0.1', 15002]])
    network.connect({ kind: 'ip', host, port }, quiet);
`;

const rules = [
  'ip link set lo up',
  'ip route add local 10.1.2.3 dev lo',
  'iptables -t nat -A OUTPUT -p tcp --dport 7001 -j REDIRECT --to-ports 15001',
  'iptables -t nat -A OUTPUT -p tcp --dport 7002 -j REDIRECT --to-ports 15002',
  'ip6tables -t nat -A OUTPUT -p tcp --dport 7001 -j REDIRECT --to-ports 15001',
];

/** Namespaces and rules need rights that a container may lack; then nothing here can be tried. */
const namespace = await run(['unshare', '-n', 'sh', '-c', rules.join(' && ')]).catch(() => null);
const describeHere: typeof describeWith =
  namespace?.code === 0 || isCi
    ? describeWith
    : (_programs, name, body) =>
        describeSkipped(`no namespace with rules: ${namespace?.err.trim()}`, name, body);

describeHere(['unshare', 'ip', 'iptables', 'ip6tables'], 'original destination', () => {
  test('a redirected connection knows it, IPv4, IPv6 and IPv4 on a dual-stack listener; others have none', async () => {
    const inside = `${rules.join(' && ')} && exec ${process.execPath} -e "$0"`;
    const { code, out, err } = await run(['unshare', '-n', 'sh', '-c', inside, script]);
    expect([code, err]).toEqual([0, '']);
    expect(out.trim().split('\n')).toEqual([
      '10.1.2.3 7002',
      '127.0.0.1 7001',
      '::1 7001',
      'none',
      'none',
      'none',
    ]);
  });
});
