// Which proxies of a namespace get which Gateway.

import { expect, test } from 'bun:test';
import { World } from '../testing/world.ts';

const gateway = `---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: edge, namespace: bank }
spec: { gatewayClassName: weft, listeners: [{ name: http, protocol: HTTP, port: 80 }] }
`;

test.each([
  ['that names it', 'edge', true],
  ['that names none', '', true],
  ['whose own is gone', 'gone', false],
])('the only Gateway of a namespace and a proxy %s', async (_, cluster, served) => {
  const world = new World();
  await world.write('g.yaml', gateway);
  await world.start();
  const client = world.connect('gateway~proxy-0.bank', { cluster });
  await world.run(200);
  const listeners = [...client.versions.keys()].filter((key) => key.startsWith('Listener '));
  expect(listeners).toEqual(served ? ['Listener gateway/bank/edge/http'] : []);
  client.stop();
  world.plane.stop();
});
