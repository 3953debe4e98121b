import { expect, test } from 'bun:test';
import { readClientTrust } from './client-trust.ts';

const balancers = 'weft.dev/proxy-protocol-from';
const hops = 'weft.dev/forwarded-hops';

test('without a word nobody is believed', () => {
  expect(readClientTrust({})).toEqual({ balancers: [], hops: 0 });
});

test('balancers by their ranges, proxies by their number', () => {
  const said = { [balancers]: '10.0.0.0/8, fd00::/8', [hops]: '2' };
  expect(readClientTrust(said)).toEqual({ balancers: ['10.0.0.0/8', 'fd00::/8'], hops: 2 });
});

test.each([
  [balancers, ''],
  [balancers, '10.0.0.0/8,'],
  [balancers, '10.0.0.1/8'],
  [balancers, 'true'],
  [balancers, Array.from({ length: 65 }, (_, at) => `10.0.${at}.0/24`).join()],
  [hops, '-1'],
  [hops, '17'],
  [hops, '1.5'],
  [hops, ''],
])('%s: %s is refused by its name', (annotation, value) => {
  const refusal = readClientTrust({ [annotation]: value });
  expect(refusal).toEqual({
    reason: 'InvalidParameters',
    message: expect.stringContaining(`annotation ${annotation}: `),
  });
});
