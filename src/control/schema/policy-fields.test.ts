import { expect, test } from 'bun:test';
import { listPolicyFields } from './policy-fields.ts';
import { defaultPolicy, servicePolicySettings } from './service-policy.ts';

const fields = listPolicyFields();

test('every field that has a default says what it does and why', () => {
  const silent = fields.filter((field) => field.defaultValue !== '' && field.description === '');
  expect(silent.map((field) => field.path)).toEqual([]);
});

test('defaults are those that hold', () => {
  const byPath = new Map(fields.map((field) => [field.path, field]));
  expect(byPath.get('timeouts.request')).toMatchObject({ type: 'duration', defaultValue: '"15s"' });
  expect(byPath.get('retry.attempts')).toMatchObject({ type: '0 to 16', defaultValue: '2' });
  expect(byPath.get('sidecar.resources.limits.memory')).toMatchObject({ type: 'quantity', defaultValue: '' });
  expect(byPath.get('rateLimit')?.type).toBe('not supported yet by this version');
});

test('what YAML 1.1 makes of `on` is the same field', () => {
  const retryOf = (retry: object) => servicePolicySettings.parse({ retry }).retry;
  expect(retryOf({ true: ['Reset'], attempts: 1 })).toEqual(retryOf({ on: ['Reset'], attempts: 1 }));
  expect(retryOf({})).toEqual(defaultPolicy.retry);
});
