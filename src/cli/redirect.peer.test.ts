// The kernel's own rules, in a network namespace of the test's: captured connections reach the proxy's port, others do
// not; twice is once; and nothing is left.

import { expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { describeSkipped, describeWith, run } from '../testing/programs.ts';

setDefaultTimeout(60_000);

const weft = join(import.meta.dir, '../../bin/weft');

/** A shell in a network of its own, with an address that is not loopback. */
async function inNamespace(script: string) {
  const setup =
    'ip link set lo up; ip link add d0 type veth peer name d1; ip addr add 10.9.9.1/24 dev d0; ip link set d0 up; ip link set d1 up';
  return await run(['unshare', '-n', 'sh', '-euc', `${setup}\n${script}`]);
}

const mayUnshare =
  process.getuid?.() === 0 && (await run(['unshare', '-n', 'true']).catch(() => null))?.code === 0;

/** Programs can be installed, rights cannot: without them there is nothing to try, in CI neither. */
function describeInNamespace(programs: readonly string[], name: string, body: () => void): void {
  if (mayUnshare) describeWith(['unshare', 'ip', ...programs], name, body);
  else describeSkipped('it takes root and a network namespace', name, body);
}

/** Listens where the proxy would and says whether a connection arrives there; user 0 is not the proxy's. */
const call = (port: number, host = '10.9.9.2') => `python3 - <<'PY'
import socket, threading
server = socket.socket(); server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(('127.0.0.1', 15001)); server.listen(); server.settimeout(2)
client = socket.socket(); client.settimeout(2)
def dial():
    try: client.connect(('${host}', ${port}))
    except OSError: pass
threading.Thread(target=dial).start()
try:
    peer, _ = server.accept(); print('captured')
except OSError: print('not captured')
PY`;

for (const tool of ['nft', 'iptables'] as const) {
  describeInNamespace([tool, 'python3'], `weft redirect with ${tool}`, () => {
    const redirect = `${weft} redirect --tool ${tool} --outbound-ports 80 --inbound-ports 8080 --skip-from 10.9.9.7`;
    const rules = tool === 'nft' ? 'nft list ruleset' : 'iptables -w -t nat -S';

    test('captures the ports that it was given, and no other', async () => {
      const script = [redirect, call(80), call(81)].join('\n');
      const { code, out, err } = await inNamespace(script);
      expect({ code, out, err }).toEqual({ code: 0, out: 'captured\nnot captured\n', err: '' });
    });

    test('leaves alone where a call goes, or the interface that it goes by', async () => {
      const script = [
        `${redirect} --skip-to 10.9.9.4/31,fd00::/8`,
        ...[call(80, '10.9.9.5'), call(80)],
        ...[`${redirect} --skip-interfaces d0`, call(80)],
      ].join('\n');
      const { code, out, err } = await inNamespace(script);
      expect({ code, out, err }).toEqual({
        code: 0,
        out: 'not captured\ncaptured\nnot captured\n',
        err: '',
      });
    });

    test('twice is once, and --clean leaves what was there before', async () => {
      const { code, out } = await inNamespace(
        `${redirect}; one=$(${rules}); ${redirect}; two=$(${rules})\n` +
          `[ "$one" = "$two" ] && echo same; ${weft} redirect --tool ${tool} --clean; ${weft} redirect --tool ${tool} --clean\n` +
          `${rules} | grep -ci weft || echo gone; echo "$one" | grep -ciE 'redirect.*15006'`,
      );
      expect([code, out]).toEqual([0, 'same\n0\ngone\n1\n']);
    });
  });
}
