// `weft proxy --filter`: a TypeScript file as a real process loads it, loads it again, and survives what is wrong with
// it.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { socketAddress } from '../testing/envoy.ts';
import { freePorts } from '../testing/programs.ts';
import { until } from '../testing/until.ts';

setDefaultTimeout(60_000);

const manager = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const typed = (type: string, fields: object = {}) => ({ '@type': `type.googleapis.com/${type}`, ...fields });

function bootstrap(port: number, admin: number): object {
  const own = {
    name: 'greeter',
    typed_config: typed('xds.type.v3.TypedStruct', {
      type_url: 'type.googleapis.com/weft.dev/v1alpha1.UserFilter',
      value: { filter: 'greeter', config: { greeting: 'hello' }, timeout: '2s' },
    }),
  };
  const router = { name: 'router', typed_config: typed('envoy.extensions.filters.http.router.v3.Router') };
  const routes = [{ match: { prefix: '/' }, direct_response: { status: 204 } }];
  const http = typed(manager, {
    stat_prefix: 'http',
    http_filters: [own, router],
    route_config: { name: 'r', virtual_hosts: [{ name: 'all', domains: ['*'], routes }] },
  });
  return {
    admin: { address: socketAddress(admin) },
    static_resources: {
      listeners: [
        {
          name: 'l',
          address: socketAddress(port),
          filter_chains: [{ filters: [{ name: 'http', typed_config: http }] }],
        },
      ],
    },
  };
}

const source = (version: string) => `
interface Config { readonly greeting: string }
export const name = 'greeter';
export function create(config: Config) {
  return { onRequest: async () => ({ status: 200, body: \`\${config.greeting} ${version}\` }) };
}
`;

describe('a filter in a file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-filter-'));
  const file = join(folder, 'greeter.ts');
  const config = join(folder, 'weft.json');
  const [port = 0, admin = 0] = freePorts(2);
  let weft: Bun.Subprocess<'ignore', 'ignore', 'pipe'>;

  const start = (...more: readonly string[]) =>
    Bun.spawn(
      [join(import.meta.dir, '../../bin/weft'), 'proxy', '-c', config, '--log-level', 'error', ...more],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
  const ask = async () => (await fetch(`http://127.0.0.1:${port}/`)).text();

  beforeAll(async () => {
    writeFileSync(file, source('one'));
    writeFileSync(config, JSON.stringify(bootstrap(port, admin)));
    weft = start('--filter', file);
    await until('ready', async () => (await fetch(`http://127.0.0.1:${admin}/ready`)).ok);
  });

  afterAll(() => {
    weft.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  test('answers, is loaded anew when it changes, and keeps its last good version', async () => {
    expect(await ask()).toBe('hello one');
    writeFileSync(file, source('two'));
    await until('the second version', async () => (await ask()) === 'hello two');
    writeFileSync(file, 'export const name = ;');
    await Bun.sleep(300);
    expect(await ask()).toBe('hello two');
    writeFileSync(file, source('four'));
    await until('the fourth version', async () => (await ask()) === 'hello four');
    const scrape = await (await fetch(`http://127.0.0.1:${admin}/stats/prometheus`)).text();
    expect(scrape).toMatch(/weft_user_filter_total\{.*outcome="answered"\} \d+/);
  });

  test('that is not there, or is none, is a fault of the command line', async () => {
    for (const [path, text, words] of [
      [join(folder, 'missing.ts'), null, 'missing.ts'],
      [join(folder, 'empty.ts'), 'export {};', 'must export name'],
    ] as const) {
      if (text !== null) writeFileSync(path, text);
      const failed = start('--filter', path);
      expect(await failed.exited).toBe(64);
      expect(await new Response(failed.stderr).text()).toContain(words);
    }
  });
});
