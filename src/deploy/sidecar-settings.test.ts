import { describe, expect, test } from 'bun:test';
import type { SidecarWish } from '../control/index.ts';
import { annotations } from './annotations.ts';
import { decideSidecar } from './sidecar-settings.ts';

const share = (request: string | undefined, limit: string | undefined, policy: string) => ({
  value: { request, limit },
  policy,
});
const standard = { cpu: '50m', memory: '64Mi' };
const all: SidecarWish = {
  cpu: share('100m', '1', 'a'),
  memory: share(undefined, '256Mi', 'b'),
  logLevel: { value: 'warn', policy: 'a' },
};

describe('a sidecar gets', () => {
  test.each<[name: string, said: Record<string, string>, wish: SidecarWish, settings: object]>([
    ['what everybody gets', {}, {}, { resources: { requests: standard }, logLevel: null, policies: [] }],
    [
      'what policies say; a limit alone is the request too',
      {},
      all,
      {
        resources: { requests: { cpu: '100m' }, limits: { cpu: '1', memory: '256Mi' } },
        logLevel: 'warn',
        policies: ['a', 'b'],
      },
    ],
    [
      'of what they do not say the default',
      {},
      { memory: share('1Gi', undefined, 'b') },
      { resources: { requests: { cpu: '50m', memory: '1Gi' } }, logLevel: null, policies: ['b'] },
    ],
    [
      'what the pod says, whose request never stands beside a policy’s limit',
      { [annotations.cpu]: '4', [annotations.logLevel]: 'debug' },
      all,
      {
        resources: { requests: { cpu: '4' }, limits: { memory: '256Mi' } },
        logLevel: 'debug',
        policies: ['b'],
      },
    ],
    [
      'nothing of policies where the pod says all of it',
      {
        [annotations.cpuLimit]: '2',
        [annotations.memory]: '0.5Gi',
        [annotations.memoryLimit]: '512Mi',
        [annotations.logLevel]: 'error',
      },
      all,
      {
        resources: { requests: { memory: '0.5Gi' }, limits: { cpu: '2', memory: '512Mi' } },
        logLevel: 'error',
        policies: [],
      },
    ],
  ])('%s', (_, said, wish, settings) => {
    expect(decideSidecar(said, wish)).toEqual(settings as never);
  });

  test.each<[annotation: string, value: string, rule: string]>([
    [annotations.cpu, 'lots', 'must be an amount of CPU such as 250m, 2 or "0.5"'],
    [annotations.cpuLimit, '-1', 'must be an amount of CPU such as 250m, 2 or "0.5"'],
    [annotations.memory, '64m', 'must be an amount of memory such as 128Mi'],
    [annotations.memoryLimit, '1 Gi', 'must be an amount of memory such as 128Mi'],
    [annotations.logLevel, 'loud', 'must be one of debug, info, warn, error, off'],
  ])('no %s of %s', (annotation, value, rule) => {
    const fault = `annotation ${annotation} ${rule} (got ${value})`;
    expect(decideSidecar({ [annotation]: value }, all)).toEqual({ fault });
  });

  test.each([
    [annotations.cpu, '1.001', annotations.cpuLimit, '1'],
    [annotations.memory, '1Gi', annotations.memoryLimit, '1073741823'],
  ])('no %s of %s above %s of %s', (request, more, limit, less) => {
    const fault = `annotation ${request} must not be more than ${limit} (got ${more})`;
    expect(decideSidecar({ [request]: more, [limit]: less }, {})).toEqual({ fault });
  });
});
