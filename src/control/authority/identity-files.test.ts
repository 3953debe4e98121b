// Certificate files that change while they are read.

import { expect, test } from 'bun:test';
import { silentLog, VirtualClock } from '../../base/index.ts';
import { createBunNetwork, createMemoryStore, type Store, type StoreWatcher } from '../../net/index.ts';
import { createAuthority, issueServer } from './certificates.ts';
import { followIdentityFiles } from './identity-files.ts';
import { ServerIdentity } from './server-identity.ts';

const names = ['weft-control.weft-system.svc'];
const pair = { certificate: '/tls.crt', key: '/tls.key' };

function create() {
  const files = createMemoryStore();
  const root = createAuthority(Date.now());
  const write = async () => {
    const made = issueServer(root, names, Date.now());
    await files.write(pair.certificate, Buffer.from(made.certificate));
    await files.write(pair.key, Buffer.from(made.key));
  };
  const watchers: StoreWatcher[] = [];
  /** What happens after the files were read, and before the reader hears of it. */
  const meanwhile: (() => Promise<void>)[] = [];
  const store: Store = {
    ...files,
    readTogether: async (paths, bytesMax) => {
      const results = await files.readTogether(paths, bytesMax);
      const happens = meanwhile.shift();
      await happens?.();
      if (happens !== undefined) change();
      return results;
    },
    watchFile: (_path, watcher) => {
      watchers.push(watcher);
      return () => {};
    },
  };
  const change = () => {
    for (const watcher of watchers) watcher.onChange();
  };
  const clock = new VirtualClock();
  const identity = new ServerIdentity({ network: createBunNetwork(), clock, log: silentLog, names });
  const follow = () =>
    followIdentityFiles({ store, log: silentLog, identity, paths: { pair, clientCa: null } });
  return { change, follow, identity, meanwhile, write };
}

test('a change during the first reading takes nothing from it, and is read after it', async () => {
  const { follow, identity, meanwhile, write } = create();
  await write();
  meanwhile.push(write);
  await follow();
  const first = identity.current();
  expect(first).not.toBeNull();
  await Bun.sleep(0);
  expect(identity.current()).not.toBe(first);
});

test('what is read after the end is not used', async () => {
  const { change, follow, identity, meanwhile, write } = create();
  await write();
  const stop = await follow();
  const shown = identity.current();
  meanwhile.push(async () => stop());
  await write();
  change();
  await Bun.sleep(0);
  expect([identity.current(), meanwhile.length]).toEqual([shown, 0]);
});
