// The recording rule of docs/observe.md in a real Prometheus, over two proxies of one service: what it makes of their
// counters is the budget of both together.

import { afterAll, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeWith, run } from '../testing/programs.ts';

describeWith(['promtool'], 'error budgets in Prometheus', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-rules-'));

  afterAll(() => rmSync(folder, { recursive: true }));

  test('two proxies, one budget', async () => {
    const text = readFileSync(new URL('../../docs/observe.md', import.meta.url), 'utf8');
    const rules = /```yaml\n(groups:[\s\S]*?)```/.exec(text)?.[1] ?? '';
    // Shorter than 30 days, so that the test's series need not last so long.
    writeFileSync(join(folder, 'rules.yaml'), rules.replaceAll('[30d]', '[10m]'));
    const labels = (pod: string) => `{service="bank/ledger",objective="availability",pod="${pod}"}`;
    const series = (name: string, pod: string, values: string) => ({
      series: `${name}${labels(pod)}`,
      values,
    });
    const unit = {
      rule_files: ['rules.yaml'],
      evaluation_interval: '1m',
      tests: [
        {
          interval: '1m',
          input_series: [
            series('weft_objective_requests_total', 'a', '0+900x20'),
            series('weft_objective_requests_total', 'b', '0+100x20'),
            series('weft_objective_failures_total', 'a', '0+0x20'),
            series('weft_objective_failures_total', 'b', '0+5x20'),
            series('weft_objective_ratio', 'a', '0.99x20'),
            series('weft_objective_ratio', 'b', '0.99x20'),
          ],
          promql_expr_test: [
            {
              expr: 'round(weft:error_budget_remaining, 0.001)',
              eval_time: '15m',
              exp_samples: [{ labels: '{service="bank/ledger", objective="availability"}', value: 0.5 }],
            },
          ],
        },
      ],
    };
    writeFileSync(join(folder, 'test.yaml'), JSON.stringify(unit));
    const { code, err, out } = await run(['promtool', 'test', 'rules', join(folder, 'test.yaml')]);
    expect({ code, text: `${out}${err}` }).toEqual({ code: 0, text: expect.stringContaining('SUCCESS') });
  });
});
