// The text of a last good file, or of a change to it, made a slice at a time: thousands of resources in one go would
// hold up the requests of the thread that makes it.

import type { XdsResource } from '../../xds/index.ts';
import {
  changeFormat,
  createSum,
  type LastGood,
  type RemovedName,
  type SavedChanges,
  type SavedResource,
  savedFormat,
} from './last-good.ts';

/** Of a resource in base64: a multiple of 3, so that pieces of it join to one. */
const pieceBytes = 48 * 1024;

export class LastGoodText {
  /** All of it, once {@link encode} said so. */
  readonly pieces: Uint8Array[] = [];
  bytes = 0;
  /** Of the body, as its first line says; '' before the end. */
  digest = '';
  private readonly format: string;
  private readonly hash = createSum();
  private readonly texts: Iterator<string, undefined>;

  private constructor(format: string, texts: Iterator<string, undefined>) {
    this.format = format;
    this.texts = texts;
  }

  /** `isKept` is asked of each when its turn comes: it looks at all bytes. */
  static ofAll(
    { nodeId, savedAtMs, resources }: LastGood,
    isKept: (resource: XdsResource) => boolean,
  ): LastGoodText {
    const head = `{"node":${JSON.stringify(nodeId)},"savedAtMs":${savedAtMs},`;
    return new LastGoodText(savedFormat, textsOf(head, resources, isKept));
  }

  /** `base`: the digest of the file that it changes. */
  static ofChanges(
    base: string,
    { nodeId, savedAtMs, changed, removed }: Omit<LastGood, 'resources'> & SavedChanges,
  ): LastGoodText {
    const names: readonly RemovedName[] = removed;
    const head = `{"node":${JSON.stringify(nodeId)},"base":"${base}","savedAtMs":${savedAtMs},`;
    return new LastGoodText(
      changeFormat,
      textsOf(`${head}"removed":${JSON.stringify(names)},`, changed, () => true),
    );
  }

  /** Makes about so many bytes more of it. True: it is whole. */
  encode(bytes: number): boolean {
    let text = '';
    while (text.length < bytes) {
      const next = this.texts.next();
      if (next.done === true) {
        this.add(text);
        this.close();
        return true;
      }
      text += next.value;
    }
    this.add(text);
    return false;
  }

  private add(text: string): void {
    const piece = Buffer.from(text);
    this.hash.update(piece);
    this.bytes += piece.length;
    this.pieces.push(piece);
  }

  private close(): void {
    this.digest = this.hash.digest('hex');
    const header = Buffer.from(`${this.format} sha256=${this.digest}\n`);
    this.pieces.unshift(header);
    this.pieces.push(Buffer.from('\n'));
    this.bytes += header.length + 1;
  }
}

function* textsOf(
  head: string,
  resources: readonly SavedResource[],
  isKept: (resource: XdsResource) => boolean,
): Generator<string, undefined> {
  yield `${head}"resources":[`;
  let separator = '';
  for (const { resource, receivedAtMs } of resources) {
    if (!isKept(resource)) continue;
    const { bytes, name, typeUrl: type, version } = resource;
    const row = JSON.stringify({ type, name, version, receivedAtMs });
    yield `${separator}${row.slice(0, -1)},"bytes":"`;
    separator = ',';
    for (let at = 0; at < bytes.length; at += pieceBytes)
      yield Buffer.from(
        bytes.buffer,
        bytes.byteOffset + at,
        Math.min(pieceBytes, bytes.length - at),
      ).toString('base64');
    yield '"}';
  }
  yield ']}';
  return;
}
