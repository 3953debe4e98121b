// The console in a real browser over a real, small bank: what a visitor sees and what the buttons do.

import { afterAll, beforeAll, expect, test } from 'bun:test';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { describeWith } from '../testing/programs.ts';
import { until } from '../testing/until.ts';

const root = resolve(import.meta.dir, '../..');
/** One program, whose name depends on who packaged it. */
const chromiumName =
  ['chromium', 'chromium-browser', 'google-chrome'].find((name) => Bun.which(name) !== null) ?? 'chromium';
const startTimeoutMs = 90_000;

/** Runs in the page: by how much it is too wide, and what in it is. */
const findCut = `(() => {
  const sections = [...document.querySelectorAll('section, header, .charts')];
  const wide = sections.filter((one) => one.scrollWidth > one.clientWidth && !one.querySelector('.graph'));
  const { scrollWidth, clientWidth } = document.documentElement;
  return [scrollWidth - clientWidth, ...wide.map((one) => one.textContent.slice(0, 20))];
})()`;

interface ProcessRow {
  readonly kind: string;
  readonly adminUrl: string;
}

describeWith([chromiumName], 'the console in Chromium', () => {
  let folder: string;
  let demo: ReturnType<typeof Bun.spawn>;
  let browser: Browser;
  let page: Page;
  const errors: string[] = [];
  const foreign: string[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'weft-console-'));
    const state = join(folder, 'state.json');
    const env = { ...process.env, XDG_RUNTIME_DIR: folder };
    demo = Bun.spawn([join(root, 'bin/weft'), 'demo', '--small', '--state', state], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env,
    });
    const url = await consoleUrl(state);
    browser = await chromium.launch({
      executablePath: Bun.which(chromiumName) ?? '',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    });
    page = await browser.newPage({ viewport: { width: 1500, height: 1200 } });
    page.on('pageerror', (error) => errors.push(String(error)));
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
    page.on('request', (request) => !request.url().startsWith(url) && foreign.push(request.url()));
    await page.goto(url);
    await page.waitForSelector('.graph .node', { timeout: startTimeoutMs });
  }, startTimeoutMs * 2);

  afterAll(async () => {
    await browser?.close();
    demo?.kill('SIGINT');
    await demo?.exited;
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  test(
    'shows the services with their signals, from the callers’ egress',
    async () => {
      const rows = page.locator('table[aria-label=Services] tbody tr');
      await rows
        .filter({ hasText: 'ledger' })
        .filter({ hasText: '%' })
        .first()
        .waitFor({ timeout: startTimeoutMs });
      expect(await rows.count()).toBeGreaterThanOrEqual(14);
    },
    startTimeoutMs,
  );

  test(
    'draws who calls whom',
    async () => {
      const calls = page.locator('.graph .call > title');
      await calls
        .filter({ hasText: 'payments → ledger' })
        .waitFor({ state: 'attached', timeout: startTimeoutMs });
      expect(await calls.count()).toBeGreaterThan(10);
      // Each with a head and its rate.
      expect(await page.locator('.graph .call polygon').count()).toBe(await calls.count());
      expect(await page.locator('.graph .call text').first().textContent()).toMatch(/^\d+\.\d$/);
    },
    startTimeoutMs,
  );

  test(
    'shows endpoints with estimates, and proxies in sync without a NACK',
    async () => {
      const estimates = page.locator('table[aria-label=Endpoints] tbody tr').filter({ hasText: 'ms' });
      await estimates.first().waitFor({ timeout: startTimeoutMs });
      const proxies = await page.locator('table[aria-label=Proxies] tbody tr').allTextContents();
      expect(proxies.length).toBeGreaterThanOrEqual(15);
      expect(proxies.filter((row) => row.includes('NACK'))).toEqual([]);
    },
    startTimeoutMs,
  );

  test(
    'a button hurts a replica, and another heals it',
    async () => {
      const row = page.locator('table[aria-label=Replicas] tr').filter({ hasText: 'ledger-0' });
      await row.getByRole('button', { name: 'slow' }).click();
      await row.locator('td', { hasText: 'slow' }).nth(0).waitFor({ timeout: startTimeoutMs });
      await row.getByRole('button', { name: 'heal' }).click();
      await row.locator('td', { hasText: /^ready$/ }).waitFor({ timeout: startTimeoutMs });
    },
    startTimeoutMs,
  );

  test(
    'a broken replica does not read as in use, and a paused one stays in the table',
    async () => {
      const buttons = page.locator('table[aria-label=Replicas] tr');
      const endpoints = page.locator('table[aria-label=Endpoints] tbody tr');
      const press = (replica: string, name: string) =>
        buttons.filter({ hasText: replica }).getByRole('button', { name }).click();
      await press('accounts-0', 'break');
      await press('ledger-0', 'pause');
      const broken = endpoints.filter({ hasText: 'accounts-0' }).filter({ hasText: /failing|ejected/ });
      await broken.waitFor({ timeout: startTimeoutMs });
      const paused = endpoints.filter({ hasText: 'ledger-0' }).filter({ hasText: /gone for|ejected/ });
      await paused.waitFor({ timeout: startTimeoutMs });
      await press('accounts-0', 'heal');
      await press('ledger-0', 'heal');
      const well = endpoints.filter({ hasText: 'ledger-0' }).filter({ hasText: /in use|idle/ });
      await well.waitFor({ timeout: startTimeoutMs });
    },
    startTimeoutMs,
  );

  test(
    'a page that is opened anew has the history of the one before, over drawn axes',
    async () => {
      const asked = page.waitForResponse((response) => response.url().endsWith('/console/history'));
      await page.reload();
      const history: readonly unknown[] = await (await asked).json();
      expect(history.length).toBeGreaterThan(3);
      await page.waitForSelector('.chart canvas', { timeout: startTimeoutMs });
      expect(await page.locator('.chart canvas').count()).toBe(3);
    },
    startTimeoutMs,
  );

  for (const [width, scheme] of [390, 768, 1024, 1440, 2560].flatMap((one) => [
    [one, 'light'] as const,
    [one, 'dark'] as const,
  ])) {
    test(
      `at ${width} px, ${scheme}, nothing is cut: only the graph may be moved sideways`,
      async () => {
        const other = await browser.newPage({ viewport: { width, height: 900 }, colorScheme: scheme });
        await other.goto(page.url());
        await other.waitForSelector('.graph .node', { timeout: startTimeoutMs });
        const cut = await other.evaluate(findCut);
        await other.close();
        expect(cut).toEqual([0]);
      },
      startTimeoutMs,
    );
  }

  test('the page fetched nothing from elsewhere and raised no error', () => {
    expect([foreign, errors]).toEqual([[], []]);
  });
});

/** The control plane's admin address, once the console answers there. */
async function consoleUrl(state: string): Promise<string> {
  let url = '';
  await until(
    'the console answers',
    async () => {
      const rows: readonly ProcessRow[] = existsSync(state) ? JSON.parse(readFileSync(state, 'utf8')) : [];
      url = `${rows.find((row) => row.kind === 'control')?.adminUrl}/`;
      return (await fetch(url)).ok;
    },
    startTimeoutMs,
  );
  return url;
}
