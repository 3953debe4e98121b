// What becomes of a captured connection, as the proxy decides it.

import { toBinary } from '@bufbuild/protobuf';
import { decodeResource } from '../../proxy/config/decode-resource.ts';
import { type ConnectionFacts, findChain } from '../../proxy/downstream/chain-table.ts';
import { holdsPort } from '../../proxy/downstream/listener-filters.ts';
import { type Listener, ListenerSchema } from '../../xds/api.ts';
import { typeUrls } from '../../xds/index.ts';

/** As the proxy has it. */
export function readListener(listener: Listener) {
  const { name } = listener;
  const bytes = toBinary(ListenerSchema, listener);
  const decoded = decodeResource({ typeUrl: typeUrls.listener, name, version: '1', bytes });
  if (!decoded.ok) throw new Error(JSON.stringify(decoded.issues));
  const { meaning } = decoded;
  if (meaning.kind !== 'listener') throw new Error('no listener');
  return meaning.value;
}

export function entryOf(listener: Listener) {
  const { entry } = readListener(listener).config;
  if (entry === null) throw new Error('no chains');
  return entry;
}

/** Its chain, and whether first bytes are waited for; '' as protocol: it says nothing that is HTTP. */
export function fateOf(listener: Listener, host: string, port: number, protocol: string): string {
  const entry = entryOf(listener);
  const destination = { kind: 'ip', host, port } as const;
  const source = { kind: 'ip', host: '10.0.0.1', port: 40_000 } as const;
  const rule = entry.skipped?.inspectHttp ?? null;
  const skipped = !entry.inspectHttp || (rule !== null && holdsPort(rule, destination));
  const protocols = skipped || protocol === '' ? [] : [protocol];
  const facts = { source, direct: source, destination, serverName: null, transport: 'raw_buffer', protocols };
  const chain = findChain(entry, facts as unknown as ConnectionFacts);
  return `${chain}${skipped ? '' : ', looked at'}`;
}
