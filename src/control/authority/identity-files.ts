// The same from files, which somebody else keeps (cert-manager, a mounted Secret): read together whenever one of them
// changes, so that a certificate and its key are of one generation.

import { type Log, MeshError } from '../../base/index.ts';
import type { Store } from '../../net/index.ts';
import type { ServerIdentity } from './server-identity.ts';

export interface IdentityPaths {
  /** The leaf, then its intermediates, and its key; null: our own authority makes them. */
  readonly pair: { readonly certificate: string; readonly key: string } | null;
  /** Whose certificates clients may show; null: none are asked for. */
  readonly clientCa: string | null;
}

export interface IdentityFilesOptions {
  readonly store: Store;
  readonly log: Log;
  readonly identity: ServerIdentity;
  readonly paths: IdentityPaths;
}

/** Larger files are no certificates. */
const fileBytesMax = 1024 * 1024;

/** Begins to follow the files; the returned function ends it. The first reading is over when the promise settles. */
export async function followIdentityFiles(options: IdentityFilesOptions): Promise<() => void> {
  const { store, paths } = options;
  const all = [...Object.values(paths.pair ?? {}), ...(paths.clientCa === null ? [] : [paths.clientCa])];
  let changed = false;
  let stopped = false;
  // One reading after another, so that an older one never comes last.
  let reading = true;
  const read = async (): Promise<void> => {
    changed = false;
    const texts = await readTexts(options, all);
    if (!stopped && texts !== null) use(options, texts);
  };
  const readOn = async (): Promise<void> => {
    reading = true;
    while (changed && !stopped) await read();
    reading = false;
  };
  const onChange = () => {
    changed = true;
    if (!reading) void readOn();
  };
  const stops = all.map((path) => store.watchFile(path, { onChange }));
  await read();
  void readOn();
  return () => {
    stopped = true;
    for (const stop of stops) stop();
  };
}

async function readTexts(
  { store, log }: IdentityFilesOptions,
  paths: readonly string[],
): Promise<ReadonlyMap<string, string> | null> {
  const results = await store.readTogether(paths, fileBytesMax);
  const texts = new Map<string, string>();
  for (const [index, result] of results.entries()) {
    const path = paths[index] ?? '';
    if (result === null || result instanceof MeshError) {
      const reason = result === null ? 'it does not exist' : result.message;
      log.write('error', 'a certificate file of xDS cannot be read, the last one stays', { path, reason });
      return null;
    }
    texts.set(path, Buffer.from(result).toString('utf8'));
  }
  return texts;
}

function use({ identity, paths }: IdentityFilesOptions, texts: ReadonlyMap<string, string>): void {
  const { pair, clientCa } = paths;
  if (clientCa !== null) identity.useClientCa(texts.get(clientCa) ?? '');
  if (pair === null) return;
  identity.usePair({ certificate: texts.get(pair.certificate) ?? '', key: texts.get(pair.key) ?? '' });
}
