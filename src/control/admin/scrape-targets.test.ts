import { expect, test } from 'bun:test';
import type { Catalog } from '../model/catalog.ts';
import { listScrapeTargets, metricsAnnotation } from './scrape-targets.ts';

const pod = (metrics: string | null, addresses: readonly string[] = ['10.0.0.1'], kind = 'Pod') => ({
  good: {
    kind,
    metadata: {
      name: 'a',
      namespace: 'shop',
      annotations: metrics === null ? {} : { [metricsAnnotation]: metrics },
    },
    spec: { addresses },
  },
});
const list = (...entries: readonly object[]) =>
  listScrapeTargets({ entries: () => entries } as unknown as Pick<Catalog, 'entries'>);

test('a pod that says where its metrics are', () => {
  const labels = { namespace: 'shop', pod: 'a', __metrics_path__: '/stats/prometheus' };
  expect(list(pod('15021/stats/prometheus'))).toEqual([{ targets: ['10.0.0.1:15021'], labels }]);
  expect(list(pod('15021/stats/prometheus', ['fd00::1', '10.0.0.1']))).toEqual([
    { targets: ['[fd00::1]:15021'], labels },
  ]);
});

test.each([
  ['that does not', pod(null)],
  ['without an address', pod('15021/metrics', [])],
  ['whose annotation is no port and path', pod('metrics')],
  ['that is no pod', pod('15021/metrics', ['10.0.0.1'], 'Service')],
  ['that nothing holds of', { good: null }],
])('not one %s', (_name, entry) => {
  expect(list(entry)).toEqual([]);
});
