// What each reader of strangers' bytes makes of them, in words, when they come in these pieces.

import { Http1ClientCodec } from '../http1/client.ts';
import { defaultHttp1Limits } from '../http1/limits.ts';
import { Http1ServerCodec } from '../http1/server.ts';
import { MemorySink, StoryClientHost, StoryReceiver, StoryServerHost } from '../http1/test-sinks.ts';
import { HpackDecoder } from '../http2/hpack/decoder.ts';
import { fieldFault } from '../http2/hpack/field.ts';
import { defaultHttp2Limits } from '../http2/limits.ts';
import { concat, frame, preface, settings } from '../http2/test-frames.ts';
import { playSequence } from '../http2/testing/frame-sequences.ts';
import { createRequestHead } from '../made-head.ts';
import { parseProxyHeader } from '../proxy-protocol/index.ts';
import { parseClientHello } from '../tls-sniff/index.ts';

type Pieces = readonly Uint8Array[];

export function tellRequests(pieces: Pieces): readonly string[] {
  const host = new StoryServerHost();
  const codec = new Http1ServerCodec(new MemorySink(), host, defaultHttp1Limits, true);
  for (const piece of pieces) codec.receive(piece);
  return host.events;
}

/** To a GET. */
export function tellResponse(pieces: Pieces): readonly string[] {
  const host = new StoryClientHost();
  const codec = new Http1ClientCodec(new MemorySink(), host, defaultHttp1Limits, true);
  codec.start(createRequestHead('GET', 'a', '/', []), true, new StoryReceiver(host.story));
  for (const piece of pieces) codec.receive(piece);
  codec.receiveEnd();
  return host.events;
}

const headersFrame = 1;
const continuationFrame = 9;
const endHeaders = 4;
const framesMax = 8;

/** Its fields, and what a server made of it, cut into frames where those are not too many. */
export function tellBlock(pieces: Pieces): readonly string[] {
  const parts = pieces.length > framesMax ? [concat(...pieces)] : pieces;
  const frames = parts.map((part, at) => {
    const flags = at === parts.length - 1 ? endHeaders : 0;
    return frame(at === 0 ? headersFrame : continuationFrame, at === 0 ? flags | 1 : flags, 1, part);
  });
  const { ended, reset, said } = playSequence([preface, settings(), ...frames]);
  return [
    ...decode(concat(...pieces)),
    `connection ${ended ? 'ends' : 'lives'} ${said}`.trim(),
    `reset ${reset.join()}`,
  ];
}

function decode(block: Uint8Array): readonly string[] {
  const lines: string[] = [];
  const whole = new HpackDecoder(defaultHttp2Limits.tableBytesMax).decode(block, 0, block.length, {
    onField: ({ name, value, fault }) =>
      lines.push(`${name}: ${fault === fieldFault.none ? value : 'fault'}`.slice(0, 200)),
  });
  return whole ? lines : [...lines, 'cannot be decoded'];
}

export function tellProxyHeader(pieces: Pieces): readonly string[] {
  return tellFirst(pieces, (bytes) => {
    const result = parseProxyHeader(bytes);
    if (result.kind === 'more') return null;
    if (result.kind !== 'header') return [result.kind, ...('message' in result ? [result.message] : [])];
    const { version, ends, tlvs } = result.header;
    const types = tlvs.map(({ type, value }) => `${type}:${Buffer.from(value).toString('hex')}`);
    return [`${result.consumed} bytes, version ${version}`, JSON.stringify(ends), types.join(' ')];
  });
}

export function tellHello(pieces: Pieces): readonly string[] {
  return tellFirst(pieces, (bytes) => {
    const result = parseClientHello(bytes);
    if (result.kind === 'more') return null;
    if (result.kind !== 'hello') return [result.kind, ...('message' in result ? [result.message] : [])];
    const { serverName, alpn, versions } = result.hello;
    return [`${serverName}`, alpn.join(), versions.join()];
  });
}

/** The first verdict: a caller asks again whenever more has come. */
function tellFirst(
  pieces: Pieces,
  judge: (bytes: Uint8Array) => readonly string[] | null,
): readonly string[] {
  for (let count = 1; count <= pieces.length; count++) {
    const verdict = judge(concat(...pieces.slice(0, count)));
    if (verdict !== null) return verdict;
  }
  return ['more'];
}
