// What reads the messages of a connection. It is borrowed for as long as one is read, so that connections that say
// nothing, which are most of many, hold none of it.

import { BodyReader } from './body-reader.ts';
import { ReceivedRequestHead, ReceivedResponseHead } from './head.ts';
import { defaultHttp1Limits, type Http1Limits } from './limits.ts';
import { poisonHead } from './poison-head.ts';
import { HeadReader } from './reader.ts';

/** Beyond these they go to the collector: a burst is no reason to keep its memory. */
export const idleReadingsMax = 512;

type AnyHead = ReceivedRequestHead | ReceivedResponseHead;

export interface Reading<H> {
  readonly head: H;
  readonly reader: HeadReader;
  readonly body: BodyReader;
}

/** Those under the same limits that nobody has. */
export class Readings<H extends AnyHead> {
  private readonly create: () => Reading<H>;
  private readonly idle: Reading<H>[] = [];

  constructor(create: () => Reading<H>) {
    this.create = create;
  }

  get count(): number {
    return this.idle.length;
  }

  take(): Reading<H> {
    const reading = this.idle.pop();
    if (reading === undefined) return this.create();
    // Once more: who still looks at a head that is over makes it remember what it says then.
    reading.head.reset();
    return reading;
  }

  /** `poison` (tests): nobody gets it, and who goes on using its head fails. */
  giveBack(reading: Reading<H>, poison: boolean): void {
    if (poison) poisonHead(reading.head);
    if (poison || this.idle.length >= idleReadingsMax) return;
    reading.head.reset();
    reading.reader.restart();
    reading.body.reset();
    this.idle.push(reading);
  }
}

const ofRequests = new WeakMap<Http1Limits, Readings<ReceivedRequestHead>>();
const ofResponses = new WeakMap<Http1Limits, Readings<ReceivedResponseHead>>();

export function requestReadings(limits: Http1Limits): Readings<ReceivedRequestHead> {
  return readingsOf(ofRequests, limits, () => createRequestReading(limits));
}

export function responseReadings(limits: Http1Limits): Readings<ReceivedResponseHead> {
  return readingsOf(ofResponses, limits, () => createResponseReading(limits));
}

/** They stand where nothing is read. */
export const absentRequest = createRequestReading(defaultHttp1Limits);
export const absentResponse = createResponseReading(defaultHttp1Limits);

function readingsOf<H extends AnyHead>(
  all: WeakMap<Http1Limits, Readings<H>>,
  limits: Http1Limits,
  create: () => Reading<H>,
): Readings<H> {
  const found = all.get(limits);
  if (found !== undefined) return found;
  const made = new Readings(create);
  all.set(limits, made);
  return made;
}

function createRequestReading(limits: Http1Limits): Reading<ReceivedRequestHead> {
  const head = new ReceivedRequestHead();
  return { head, reader: new HeadReader('request', head, limits), body: new BodyReader(limits, false) };
}

function createResponseReading(limits: Http1Limits): Reading<ReceivedResponseHead> {
  const head = new ReceivedResponseHead();
  return { head, reader: new HeadReader('response', head, limits), body: new BodyReader(limits, true) };
}
