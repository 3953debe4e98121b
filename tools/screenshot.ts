// `npm run screenshot`: starts the demo, opens its console in headless Chromium and writes docs/images/console.png, so
// that the README's picture is made by the program that it shows.

import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const readyTimeoutMs = 60_000;
/** Long enough for the charts to have lines. */
const watchMs = 40_000;

const executablePath = Bun.which('chromium') ?? Bun.which('chromium-browser') ?? Bun.which('google-chrome');
if (executablePath === null) {
  console.error('screenshot: Chromium is not installed');
  process.exit(64);
}
const folder = mkdtempSync(join(tmpdir(), 'weft-screenshot-'));
const state = join(folder, 'state.json');
const demo = Bun.spawn(['bin/weft', 'demo', '--state', state], { stdio: ['ignore', 'ignore', 'inherit'] });
try {
  const url = await untilConsole(state);
  const browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run'],
  });
  const page = await browser.newPage({ viewport: { width: 1500, height: 1250 } });
  await page.goto(url);
  await page.waitForSelector('.graph .node', { timeout: readyTimeoutMs });
  await Bun.sleep(watchMs);
  mkdirSync('docs/images', { recursive: true });
  await page.screenshot({ path: 'docs/images/console.png' });
  await browser.close();
} finally {
  demo.kill('SIGINT');
  await demo.exited;
  rmSync(folder, { recursive: true, force: true });
}

/** The control plane's admin address carries the console. */
async function untilConsole(path: string): Promise<string> {
  const deadline = Date.now() + readyTimeoutMs;
  while (Date.now() < deadline) {
    try {
      const processes: readonly { kind: string; adminUrl: string }[] = JSON.parse(readFileSync(path, 'utf8'));
      const control = processes.find((entry) => entry.kind === 'control');
      if (control !== undefined && (await fetch(`${control.adminUrl}/`)).ok) return `${control.adminUrl}/`;
    } catch {
      // Not there yet.
    }
    await Bun.sleep(250);
  }
  throw new Error(`the demo's console was not there within ${readyTimeoutMs} ms`);
}
