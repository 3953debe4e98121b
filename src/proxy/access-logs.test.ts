import { expect, test } from 'bun:test';
import type { Issue } from '../base/index.ts';
import { AccessLogs } from './access-logs.ts';
import type { ExchangeContext } from './exchange/index.ts';
import { logTo } from './testing/configs.ts';

test('a file that cannot be opened is an issue of its listener, and nothing is logged', () => {
  const logs = new AccessLogs({} as ExchangeContext, () => {
    throw new Error('EACCES: permission denied');
  });
  const issues: Issue[] = [];
  expect(logs.createLoggers('web', logTo('/var/log/access.log').accessLogs, issues)).toBeNull();
  expect(issues).toEqual([
    {
      object: 'web',
      field: 'access_log',
      rule: 'cannot be opened: EACCES: permission denied',
      value: '/var/log/access.log',
    },
  ]);
});
