// Selectors of fences, read by Calico's own parser: its definition takes any text for one.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeWith, run } from '../../testing/programs.ts';
import { specOf } from './testing/calico-api.ts';

setDefaultTimeout(120_000);

/** Every form that a label may have. */
const labels = { 'app.kubernetes.io/name': 'a', 'A_b-C.d': '1.0_x-Y', has: '', 'weft.dev/all': 'in', x: '7' };
const manifests = [
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'account', namespace: 'bank' },
    spec: { selector: labels, ports: [{ name: 'http', port: 80 }] },
  },
  {
    apiVersion: 'weft.dev/v1alpha1',
    kind: 'AccessPolicy',
    metadata: { name: 'account', namespace: 'bank' },
    spec: {
      targetRefs: [{ group: '', kind: 'Service', name: 'account' }],
      rules: [{ from: [{ serviceAccount: { name: 'a' } }, { namespace: { name: 'n-2' } }] }],
    },
  },
];

describeWith(['go'], 'Calico', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-calico-'));
  const source = join(import.meta.dir, '../../../tools/peers/calico');

  beforeAll(async () => {
    const { code, err } = await run(['go', '-C', source, 'build', '-o', join(folder, 'judge'), '.']);
    if (code !== 0) throw new Error(err);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** What is wrong with each, if anything. */
  async function judge(selectors: readonly string[]): Promise<readonly string[]> {
    const { code, out, err } = await run([join(folder, 'judge')], JSON.stringify(selectors));
    if (code !== 0) throw new Error(err);
    return JSON.parse(out);
  }

  test('reads the selectors of fences', async () => {
    const spec = await specOf(manifests.map((one) => JSON.stringify(one)).join('\n---\n'));
    const allow = spec?.['allow'] as readonly { readonly source: { readonly namespaceSelector: string } }[];
    const selectors = [String(spec?.['selector']), ...allow.map(({ source }) => source.namespaceSelector)];
    expect(selectors).toHaveLength(3);
    expect(await judge(selectors)).toEqual([]);
    expect(await judge(["app = 'a'"])).toEqual([expect.stringContaining("app = 'a'")]);
  });
});
