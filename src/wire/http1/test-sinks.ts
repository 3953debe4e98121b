// Test doubles of the seams around the codecs: a sink that remembers what was written, hosts and receivers that write
// down what they hear.

import type { MeshError } from '../../base/index.ts';
import type { Head, RequestHead, ResponseHead } from '../head.ts';
import type {
  ByteSink,
  ClientHost,
  RequestReceiver,
  ResponseReceiver,
  ServerHost,
  ServerStream,
} from '../stream.ts';
import { latin1SlicePlain } from './latin1.ts';

export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

export class MemorySink implements ByteSink {
  text = '';
  queuedBytes = 0;
  writable = true;
  readonly calls: string[] = [];

  write(bytes: Uint8Array, start: number, end: number): boolean {
    this.text += latin1SlicePlain(bytes, start, end);
    return this.writable;
  }

  writeLatin1(text: string): boolean {
    this.text += text;
    return this.writable;
  }

  pause(): void {
    this.calls.push('pause');
  }

  resume(): void {
    this.calls.push('resume');
  }

  end(): void {
    this.calls.push('end');
  }

  reset(): void {
    this.calls.push('reset');
  }

  /** What was written since the last call. */
  take(): string {
    const taken = this.text;
    this.text = '';
    return taken;
  }
}

/** Lines of a head as "name: value", without removed ones. */
export function linesOf(head: Head): string[] {
  const lines: string[] = [];
  for (let index = 0; index < head.count; index++) {
    if (!head.isRemoved(index)) lines.push(`${head.nameAt(index)}: ${head.valueAt(index)}`);
  }
  return lines;
}

/** Joins neighbouring body events, so that a message split anywhere tells the same story. */
class Story {
  readonly events: string[] = [];

  add(event: string): void {
    this.events.push(event);
  }

  addBody(text: string): void {
    const last = this.events.length - 1;
    if (this.events[last]?.startsWith('body ')) this.events[last] += text;
    else this.events.push(`body ${text}`);
  }
}

export class StoryReceiver implements RequestReceiver, ResponseReceiver {
  readonly story: Story;

  constructor(story: Story) {
    this.story = story;
  }

  onInformational(head: ResponseHead): void {
    this.story.add(`informational ${head.status} [${linesOf(head).join(', ')}]`);
  }

  onResponse(head: ResponseHead, endStream: boolean): void {
    this.story.add(`response ${head.status} [${linesOf(head).join(', ')}]${endStream ? ' end' : ''}`);
  }

  onBody(bytes: Uint8Array, start: number, end: number): void {
    this.story.addBody(latin1SlicePlain(bytes, start, end));
  }

  onEnd(trailers: Head | null): void {
    this.story.add(trailers === null ? 'end' : `end [${linesOf(trailers).join(', ')}]`);
  }

  onReset(error: MeshError): void {
    this.story.add(`reset ${error.source} ${error.code}: ${error.message}`);
  }

  onWritable(): void {
    this.story.add('writable');
  }
}

export class StoryServerHost implements ServerHost {
  readonly story: Story = new Story();
  readonly streams: ServerStream[] = [];
  head: RequestHead | null = null;
  /** What to do with a request at once; the default leaves it unanswered. */
  answer: (stream: ServerStream, head: RequestHead, endStream: boolean) => RequestReceiver | null;

  constructor(answer: StoryServerHost['answer'] = () => null) {
    this.answer = answer;
  }

  get events(): readonly string[] {
    return this.story.events;
  }

  onHeadStart(): void {}

  onRequest(stream: ServerStream, head: RequestHead, endStream: boolean): RequestReceiver {
    this.streams.push(stream);
    this.head = head;
    const target = `${head.method} ${head.scheme}|${head.authority}|${head.path} 1.${head.version}`;
    this.story.add(`request ${target} [${linesOf(head).join(', ')}]${endStream ? ' end' : ''}`);
    return this.answer(stream, head, endStream) ?? new StoryReceiver(this.story);
  }

  onIdle(): void {
    this.story.add('idle');
  }

  onProtocolError(error: MeshError, status: number): void {
    this.story.add(`refused ${status}: ${error.message}`);
  }
}

export class StoryClientHost implements ClientHost {
  readonly story: Story = new Story();

  get events(): readonly string[] {
    return this.story.events;
  }

  onStreamDone(reusable: boolean): void {
    this.story.add(reusable ? 'done reusable' : 'done');
  }

  onCapacity(): void {}

  onRetired(): void {
    this.story.add('retired');
  }
}
