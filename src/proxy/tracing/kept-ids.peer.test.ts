// What a request id says of tracing, in ids that listeners keep, beside Envoy: no stranger at an edge is believed.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { describeWith } from '../../testing/programs.ts';
import { BesideEnvoy, type Case, typed } from '../testing/beside-envoy.ts';
import { ask } from '../testing/raw-client.ts';

setDefaultTimeout(60_000);

const zipkin = typed('envoy.config.trace.v3.ZipkinConfig', {
  collector_cluster: 'backend',
  collector_endpoint: '/spans',
  collector_endpoint_version: 'HTTP_JSON',
});
const tracing = { random_sampling: { value: 0 }, provider: { name: 'zipkin', typed_config: zipkin } };
const edge = { use_remote_address: true, preserve_external_request_id: true };
const unpacked = {
  request_id_extension: {
    typed_config: typed('envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig', {
      pack_trace_reason: false,
    }),
  },
};

const cases: readonly Case[] = [
  { name: 'an edge that traces', manager: { ...edge, tracing }, asks: [] },
  { name: 'an edge that does not', manager: edge, asks: [] },
  { name: 'an edge that tells nobody', manager: { ...edge, tracing, ...unpacked }, asks: [] },
  { name: 'no edge', manager: { tracing }, asks: [] },
];
const ids = [
  ...['1', '4', '9', 'a', 'b'].map((digit) => `00000000-0000-${digit}000-8000-000000000000`),
  'short',
  'of-another-kind-but-of-the-same-length',
];

describeWith(['envoy'], 'ids that are kept, beside Envoy', () => {
  const both = new BesideEnvoy({
    cases,
    respond: (request) =>
      new Response('', { headers: { 'x-told': request.headers.get('x-request-id') ?? '' } }),
  });
  beforeAll(() => both.start());
  afterAll(() => both.stop());

  for (const [index, { name }] of cases.entries())
    test(name, async () => {
      const told = async (port: number) => {
        const seen = [];
        for (const id of ids)
          seen.push((await ask(port, { fields: [`x-request-id: ${id}`] })).fields['x-told']);
        return seen;
      };
      expect(await told(both.weftPort(index))).toEqual(await told(both.envoyPort(index)));
    });
});
