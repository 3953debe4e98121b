// Pods in network namespaces of their own, beside the kernel that makes them: who reaches whom, what is captured, and
// that nothing stays.

import { afterEach, beforeEach, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeSkipped, describeWith, run } from '../../testing/programs.ts';
import { until } from '../../testing/until.ts';
import { Machine } from '../machine/machine.ts';
import { NamespaceNetwork, whyNoNamespaces } from './namespaces.ts';

setDefaultTimeout(30_000);

/** Programs can be installed, rights cannot: without them there is nothing to try, in CI neither. */
function describeInNamespaces(name: string, body: () => void): void {
  const why = whyNoNamespaces();
  if (why === '') describeWith(['python3'], name, body);
  else describeSkipped(why, name, body);
}

let folder = '';
let machine: Machine;
let network: NamespaceNetwork;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weft-namespaces-'));
  machine = new Machine(folder, null, { PATH: process.env['PATH'] ?? '' });
});

afterEach(async () => {
  expect(await machine.close()).toEqual([]);
  rmSync(folder, { recursive: true });
});

/** Prints where a connection to HOST:PORT arrives: the port that took it, or why none did. */
const dial = (host: string, port: number) => `
import socket
try: print(socket.create_connection(("${host}", ${port}), 2).recv(9).decode())
except OSError as error: print(type(error).__name__)
`;

/** Greets each caller with its own port. */
const greeter = `
import socket, sys, selectors
waiting = selectors.DefaultSelector()
for port in map(int, sys.argv[1:]):
    server = socket.socket(); server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("0.0.0.0", port)); server.listen(); waiting.register(server, selectors.EVENT_READ)
print("ready", flush=True)
while True:
    for key, _ in waiting.select():
        peer, _ = key.fileobj.accept(); peer.send(str(key.fileobj.getsockname()[1]).encode()); peer.close()
`;

describeInNamespaces('pods in namespaces', () => {
  test('reach each other by address, and what passes a sidecar is captured', async () => {
    network = new NamespaceNetwork(machine, ['ledger']);
    await network.open();
    const [withSidecar, plain] = [network.place('a', true), network.place('b', false)];
    await Promise.all([withSidecar.open(), plain.open()]);
    const servers = await Promise.all(
      [withSidecar, plain].map(async (place, at) => {
        const ready = Promise.withResolvers<void>();
        const child = machine.hold({
          name: `greeter-${at}`,
          command: place.command(['python3', '-c', greeter, '8080', '15001', '15006'], 'proxy'),
          onLine: () => ready.resolve(),
        });
        await ready.promise;
        return child;
      }),
    );
    const from = async (place: typeof plain, host: string, port: number, role: 'application' | 'proxy') =>
      (await run([...place.command(['python3', '-c', dial(host, port)], role)])).out.trim();

    // Inbound: the pod with a sidecar is reached through it, the other one as it is.
    expect(await from(plain, withSidecar.address, 8080, 'application')).toBe('15006');
    expect(await from(withSidecar, plain.address, 8080, 'proxy')).toBe('8080');
    // Outbound: a Service's name leads to the sidecar; the sidecar's own calls are let pass, and nobody is there.
    expect(await from(withSidecar, 'ledger', 80, 'application')).toBe('15001');
    expect(await from(withSidecar, 'ledger', 80, 'proxy')).toBe('TimeoutError');
    // This machine is the pods' neighbour, not their way out.
    expect((await run(['python3', '-c', dial(plain.address, 8080)])).out.trim()).toBe('8080');

    for (const server of servers) await server.stop(200);
    await Promise.all([withSidecar.close(), plain.close()]);
    await network.close();
    expect((await run(['ip', '-br', 'link'])).out).not.toContain(`weft${process.pid}`);
  });

  test('a demo that dies takes its network with it', async () => {
    network = new NamespaceNetwork(machine, []);
    await network.open();
    await network.place('a', true).open();
    expect((await run(['ip', '-br', 'link'])).out).toContain(`weft${process.pid}`);
    // The reaper's part when the demo is killed.
    await machine.close();
    const links = async () => (await run(['ip', '-br', 'link'])).out;
    await until('the kernel took the cable', async () => !(await links()).includes(`weft${process.pid}`));
  });

  test('a network that cannot be made says why', async () => {
    network = new NamespaceNetwork(machine, []);
    await network.open();
    const twin = new NamespaceNetwork(machine, []);
    await expect(twin.open()).rejects.toThrow(/cannot make the bridge of the pods: .*File exists/);
    await twin.close();
    await network.close();
  });
});
