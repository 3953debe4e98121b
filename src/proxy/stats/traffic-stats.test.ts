import { expect, test } from 'bun:test';
import { TrafficStats } from './traffic-stats.ts';

test('a series is found again by route, service and caller', () => {
  const traffic = new TrafficStats('inbound');
  const first = traffic.find('default', 'bank/ledger', 'bank/payments');
  first.record(2, 0.01);
  expect(traffic.find('default', 'bank/ledger', 'bank/payments')).toBe(first);
  expect(traffic.find('default', 'bank/ledger', 'bank/cards')).not.toBe(first);
  expect(traffic.series).toHaveLength(2);
  expect(first.durations.map((histogram) => histogram?.count ?? 0)).toEqual([0, 0, 1, 0, 0, 0]);
});

test('beyond the limit everything is one series', () => {
  const traffic = new TrafficStats('outbound', 3);
  for (let index = 0; index < 10; index++) traffic.find(`route-${index}`, 'bank/ledger', '').record(2, 0.01);
  expect(traffic.series.map(({ route }) => route)).toEqual(['route-0', 'route-1', 'route-2', 'other']);
  expect(traffic.series[3]!.durations[2]!.count).toBe(7);
});
