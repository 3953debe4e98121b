// ClientStatusRequest on the wire: which proxies are asked about, and whether with their resources.

import { WireError, WireReader } from '../protobuf/wire-reader.ts';
import type { XdsNode } from '../types.ts';

export interface StatusRequest {
  matches(node: XdsNode): boolean;
  readonly withContents: boolean;
}

type Matcher = (id: string) => boolean;

/** A text: why it cannot be answered. */
export function parseStatusRequest(message: Uint8Array): StatusRequest | string {
  try {
    const reader = new WireReader(message);
    const matchers: Matcher[] = [];
    let withContents = true;
    while (reader.next()) {
      if (reader.field === 1) matchers.push(parseNodeMatcher(reader.nested()));
      else if (reader.field === 3) withContents = reader.varint() === 0;
      else reader.skip();
    }
    const matches = ({ id }: XdsNode) => matchers.length === 0 || matchers.some((matcher) => matcher(id));
    return { matches, withContents };
  } catch (error) {
    if (error instanceof WireError) return `the ClientStatusRequest ${error.message}`;
    throw error;
  }
}

/** NodeMatcher. What of it is not understood is refused: to leave it out would tell of more. */
function parseNodeMatcher(reader: WireReader): Matcher {
  let matcher: Matcher = () => true;
  while (reader.next()) {
    if (reader.field === 1) matcher = parseStringMatcher(reader.nested());
    else throw new WireError('has node_matchers.node_metadatas, which is not supported');
  }
  return matcher;
}

const patterns: Readonly<Record<number, (id: string, text: string) => boolean>> = {
  1: (id, text) => id === text,
  2: (id, text) => id.startsWith(text),
  3: (id, text) => id.endsWith(text),
  7: (id, text) => id.includes(text),
};

/** StringMatcher, but for regular expressions and custom ones. */
function parseStringMatcher(reader: WireReader): Matcher {
  let test: ((id: string, text: string) => boolean) | null = null;
  let text = '';
  let ignoresCase = false;
  while (reader.next()) {
    const pattern = patterns[reader.field];
    if (pattern !== undefined) {
      test = pattern;
      text = reader.string();
    } else if (reader.field === 6) ignoresCase = reader.varint() !== 0;
    else throw new WireError('has a node_id that is neither exact, prefix, suffix nor contains');
  }
  const found = test;
  if (found === null) throw new WireError('has a node_id without a pattern');
  return ignoresCase ? (id) => found(id.toLowerCase(), text.toLowerCase()) : (id) => found(id, text);
}
