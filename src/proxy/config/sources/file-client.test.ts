import { describe, expect, test } from 'bun:test';
import { VirtualClock } from '../../../base/index.ts';
import { createMemoryStore } from '../../../net/index.ts';
import { typeUrls, type XdsUpdate } from '../../../xds/index.ts';
import { FileClient } from './file-client.ts';

const path = '/etc/weft/cds.yaml';

const clusters = (...names: string[]) =>
  JSON.stringify({
    version_info: names.join('+'),
    resources: names.map((name) => ({ '@type': typeUrls.cluster, name, connect_timeout: '1s' })),
  });

async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

function setUp(
  text: string | null,
  typeUrl: string = typeUrls.cluster,
  names: readonly string[] | '*' = '*',
) {
  const store = createMemoryStore(text === null ? {} : { [path]: text });
  const updates: XdsUpdate[] = [];
  const warnings: string[] = [];
  const client = new FileClient({
    path,
    store,
    clock: new VirtualClock(),
    log: {
      debugEnabled: false,
      write: (_level, _message, fields) => warnings.push(String(fields?.['fault'])),
    },
    subscriber: { onUpdate: (update) => updates.push(update) },
  });
  client.subscribe(typeUrl, names);
  client.start();
  const write = async (now: string) => {
    await store.write(path, new TextEncoder().encode(now));
    await settle();
  };
  const told = () =>
    updates.splice(0).map(({ version, changed, removed }) => ({
      version,
      changed: changed.map(({ name }) => name),
      removed,
    }));
  return { store, client, write, told, warnings, settle };
}

describe('a file of resources', () => {
  test('is taken in, and again what changes of it', async () => {
    const { write, told, settle } = setUp(clusters('a', 'b'));
    await settle();
    expect(told()).toEqual([{ version: 'a+b', changed: ['a', 'b'], removed: [] }]);
    await write(clusters('a', 'c'));
    expect(told()).toEqual([{ version: 'a+c', changed: ['c'], removed: ['b'] }]);
    await write(clusters('a', 'c'));
    expect(told()).toEqual([]);
  });

  test('may come later, and an empty one is an answer', async () => {
    const { write, told, warnings, settle, client } = setUp(null);
    await settle();
    expect(told()).toEqual([]);
    expect(warnings).toEqual(['does not exist']);
    expect(client.status().types[0]).toMatchObject({ version: '', nack: 'does not exist' });
    await write('resources: []');
    expect(told()).toMatchObject([{ changed: [], removed: [] }]);
    expect(client.status().types[0]).toMatchObject({ known: 0, nack: null });
    expect(client.status().types[0]?.version).not.toBe('');
  });

  test('that is broken leaves in force what it said before', async () => {
    const { write, told, warnings, settle, client } = setUp(clusters('a'));
    await settle();
    told();
    for (const text of ['resources: [', 'resources: 1', 'resources: [1]', 'resources: [{ name: a }]'])
      await write(text);
    expect(told()).toEqual([]);
    expect(warnings).toEqual([
      expect.stringContaining('is no DiscoveryResponse: '),
      'is no DiscoveryResponse: resources must be a list',
      'is no DiscoveryResponse: resources[0] must be an object with @type',
    ]);
    expect(client.status().types[0]).toMatchObject({ known: 1, version: 'a' });
    await write(clusters('a', 'b'));
    expect(told()).toEqual([{ version: 'a+b', changed: ['b'], removed: [] }]);
  });

  test('gives the names that are asked for, and no other type', async () => {
    const set = (name: string) => ({ '@type': typeUrls.endpoint, cluster_name: name });
    const text = JSON.stringify({
      resources: [set('a'), set('b'), { '@type': typeUrls.cluster, name: 'x' }],
    });
    const { told, warnings, settle, client } = setUp(text, typeUrls.endpoint, ['a']);
    await settle();
    expect(told()).toMatchObject([{ changed: ['a'], removed: [] }]);
    expect(warnings).toEqual([expect.stringContaining(`must be a ${typeUrls.endpoint}`)]);
    client.subscribe(typeUrls.endpoint, ['a', 'b']);
    await settle();
    expect(told()).toMatchObject([{ changed: ['b'], removed: [] }]);
  });

  test('is not read any more when nothing is wanted of it', async () => {
    const { client, write, told, settle } = setUp(clusters('a'));
    await settle();
    told();
    client.stop();
    await write(clusters('b'));
    expect(told()).toEqual([]);
  });
});
