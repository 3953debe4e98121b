// Names as `Content-Type`, for peers that know no other form (Envoy's proper_case_words). What encode.ts writes is
// gathered and written anew: nobody pays for it who did not ask for it.

import type { RequestHead, ResponseHead } from '../head.ts';
import type { ByteSink } from '../stream.ts';
import { encodeRequestHead, encodeResponseHead } from './encode.ts';

/** As {@link encodeRequestHead}. */
export function encodeProperRequest(
  sink: ByteSink,
  head: RequestHead,
  bodyKind: number,
  absolute: boolean,
): void {
  const gathered = new Gathered(sink);
  encodeRequestHead(gathered, head, bodyKind, absolute);
  sink.writeLatin1(properCase(gathered.text));
}

/** As {@link encodeResponseHead}. */
export function encodeProperResponse(
  sink: ByteSink,
  head: ResponseHead,
  bodyKind: number,
  keepLength: boolean,
  extra: string,
): boolean {
  const gathered = new Gathered(sink);
  encodeResponseHead(gathered, head, bodyKind, keepLength, extra);
  return sink.writeLatin1(properCase(gathered.text));
}

/** Letters that begin a name, or follow what is neither a letter nor a digit. The start line stays. */
function properCase(text: string): string {
  const start = text.indexOf('\r\n') + 2;
  const fields = text
    .slice(start)
    .replace(/^[^:\r\n]+(?=:)/gm, (name) =>
      name.replace(
        /(^|[^A-Za-z0-9])([a-z])/g,
        (_, before: string, letter: string) => before + letter.toUpperCase(),
      ),
    );
  return text.slice(0, start) + fields;
}

class Gathered implements ByteSink {
  text = '';
  private readonly sink: ByteSink;

  constructor(sink: ByteSink) {
    this.sink = sink;
  }

  get queuedBytes(): number {
    return this.sink.queuedBytes;
  }

  write(): boolean {
    return true;
  }

  writeLatin1(text: string): boolean {
    this.text += text;
    return true;
  }

  pause(): void {}
  resume(): void {}
  end(): void {}
  reset(): void {}
}
