import { expect, test } from 'bun:test';
import { defaultPolicy, servicePolicySettings } from '../schema/service-policy.ts';
import { decideBehaviour } from './effective.ts';

const rule = { requestTimeout: null, attemptTimeout: null, retry: null, grpc: false };

test('without a rule the policy holds', () => {
  const behaviour = decideBehaviour(null, defaultPolicy);
  expect(behaviour.timeouts).toMatchObject({ request: '15s', attempt: '5s' });
  expect(behaviour.retry).toEqual(defaultPolicy.retry);
});

const timeouts: readonly [string | null, string | null, string, string][] = [
  // What an author allows is not cut by a default.
  ['20s', null, '20s', '20s'],
  ['2s', null, '2s', '2s'],
  ['0s', null, '0s', '0s'],
  [null, '1s', '15s', '1s'],
  ['2s', '0s', '2s', '0s'],
];
test.each(timeouts)(
  'a rule with request %p and backendRequest %p',
  (request, attempt, expectedRequest, expectedAttempt) => {
    const behaviour = decideBehaviour(
      { ...rule, requestTimeout: request, attemptTimeout: attempt },
      defaultPolicy,
    );
    expect(behaviour.timeouts).toMatchObject({ request: expectedRequest, attempt: expectedAttempt });
  },
);

const policies: readonly [object, string | null, string][] = [
  [{ request: '20s' }, null, '20s'],
  [{ request: '20s', attempt: '3s' }, null, '3s'],
  [{ attempt: '3s' }, '20s', '3s'],
  [{ attempt: '3s' }, '2s', '2s'],
  [{ request: '20s' }, '40s', '40s'],
  [{ request: '0s' }, null, '0s'],
  [{}, null, '5s'],
];
test.each(policies)('a policy with %p and a rule with request %p', (timeouts, request, expected) => {
  const behaviour = decideBehaviour(
    { ...rule, requestTimeout: request },
    servicePolicySettings.parse({ timeouts }),
  );
  expect(behaviour.timeouts.attempt).toBe(expected);
});

const streams: readonly [object, string, string][] = [
  // A default must not cut a stream; what somebody wrote down does.
  [{}, '0s', '0s'],
  [{ request: '20s' }, '20s', '20s'],
  [{ request: '20s', attempt: '3s' }, '20s', '3s'],
];
test.each(streams)('a gRPC rule under a policy with %p', (timeouts, request, attempt) => {
  const behaviour = decideBehaviour({ ...rule, grpc: true }, servicePolicySettings.parse({ timeouts }));
  expect(behaviour.timeouts).toEqual({ request, attempt });
});

const calls: readonly [object, object][] = [
  [{}, { request: '15s', attempt: '5s', grpcRequest: '0s', grpcAttempt: '0s' }],
  [{ attempt: '3s' }, { request: '15s', attempt: '3s', grpcRequest: '0s' }],
  [{ request: '20s' }, { request: '20s', attempt: '20s' }],
];
test.each(calls)('calls of gRPC on no GRPCRoute, under a policy with %p', (timeouts, expected) => {
  const policy = servicePolicySettings.parse({ timeouts });
  expect(decideBehaviour(null, policy).timeouts).toEqual(expected as typeof policy.timeouts);
});

test('codes of a rule replace the answers worth a retry; broken connections always are; methods stay the policy’s', () => {
  const { retry } = decideBehaviour(
    { ...rule, retry: { codes: [500], attempts: 1, backoff: '1s' } },
    defaultPolicy,
  );
  expect(retry.on).toEqual(['ConnectFailure', 'Reset', 'AttemptTimeout', 'StatusCodes']);
  expect(retry.statusCodes).toEqual([500]);
  expect(retry.methods).toEqual(defaultPolicy.retry.methods);
  expect(retry.attempts).toBe(1);
  expect(retry.backoff).toEqual({ base: '1s', max: '1s' });
});

test('a rule that retries without codes keeps the policy’s conditions', () => {
  const { retry } = decideBehaviour(
    { ...rule, retry: { codes: [], attempts: null, backoff: null } },
    defaultPolicy,
  );
  expect(retry).toEqual(defaultPolicy.retry);
});
