// Events (events.k8s.io/v1) for what a person must see: a condition that turned bad, on the object that it is about.
// The same is not said again for a while, and not more than so many a minute.

import type { Clock, Log } from '../../base/index.ts';
import { fieldOf, isRecord, type KubeApi, type KubeObject, textOf } from '../kubernetes/types.ts';
import { writerLimits } from './limits.ts';
import type { PendingStatus } from './status-writer.ts';

export interface EventRecorderOptions {
  readonly api: KubeApi;
  readonly clock: Clock;
  readonly log: Log;
  readonly identity: string;
}

/** One thing to say about an object. */
export interface News {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly note: string;
}

/** EventSpec: bounds of the API. */
const noteCharsMax = 1_024;
const controller = 'weft.dev/control';

export class EventRecorder {
  readonly counters = { sent: 0, dropped: 0 };
  private readonly options: EventRecorderOptions;
  /** When each was last said, by object and words. */
  private readonly said = new Map<string, number>();
  private minuteMs = 0;
  private inMinute = 0;

  constructor(options: EventRecorderOptions) {
    this.options = options;
  }

  tellChange({ key, object, present, status }: PendingStatus): void {
    for (const news of findNews(present, status)) {
      if (!this.mayTell(`${key}\n${news.reason}\n${news.note}`)) continue;
      void this.send(object, news);
    }
  }

  private mayTell(words: string): boolean {
    const now = this.options.clock.now();
    const before = this.said.get(words);
    if (before !== undefined && now - before < writerLimits.eventRepeatMs) return false;
    if (now - this.minuteMs >= 60_000) {
      this.minuteMs = now;
      this.inMinute = 0;
    }
    if (this.inMinute >= writerLimits.eventsPerMinute) {
      this.counters.dropped++;
      return false;
    }
    this.inMinute++;
    this.said.delete(words);
    this.said.set(words, now);
    const [oldest] = this.said.keys();
    if (this.said.size > writerLimits.eventsKnown && oldest !== undefined) this.said.delete(oldest);
    return true;
  }

  private async send(object: KubeObject, { type, reason, note }: News): Promise<void> {
    const { api, clock, identity, log } = this.options;
    const own = textOf(object, 'metadata', 'namespace');
    // Of objects without a namespace events go where the API server's own do.
    const namespace = own === '' ? 'default' : own;
    const name = textOf(object, 'metadata', 'name');
    const body = {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { namespace, generateName: `${name}-` },
      eventTime: new Date(clock.wall()).toISOString().replace('Z', '000Z'),
      reportingController: controller,
      reportingInstance: identity,
      action: 'Configure',
      type,
      reason,
      note: note.slice(0, noteCharsMax),
      regarding: {
        apiVersion: object['apiVersion'],
        kind: object['kind'],
        namespace: own,
        name,
        uid: textOf(object, 'metadata', 'uid'),
        resourceVersion: textOf(object, 'metadata', 'resourceVersion'),
      },
    };
    const path = `/apis/events.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/events`;
    const answer = await api.request({ method: 'POST', path, body });
    if (answer.ok && answer.value.status === 201) this.counters.sent++;
    else {
      const why = answer.ok
        ? `${answer.value.status} ${textOf(answer.value.body, 'message')}`
        : answer.error.message;
      log.write('warn', 'event not written', { object: `${own}/${name}`, event: reason, reason: why });
    }
  }
}

/** Conditions that are bad now and were not, by their words; and those that were mended. */
export function findNews(present: unknown, status: KubeObject): readonly News[] {
  const before = listConditions(present);
  const now = listConditions(status);
  const bad = [...now].filter(([, one]) => isBad(one)).map(([, one]) => describe(one));
  const known = new Set([...before.values()].filter(isBad).map((one) => JSON.stringify(describe(one))));
  const worse = bad.filter((news) => !known.has(JSON.stringify(news)));
  const mended = [...before].filter(([key, one]) => isBad(one) && now.has(key) && !isBad(now.get(key)!));
  return [
    ...worse,
    ...mended.map(
      ([, one]): News => ({ type: 'Normal', reason: 'Mended', note: `${textOf(one, 'type')} holds again` }),
    ),
  ].filter((news, at, all) => all.findIndex((one) => JSON.stringify(one) === JSON.stringify(news)) === at);
}

function describe(condition: KubeObject): News {
  const message = textOf(condition, 'message');
  const type = textOf(condition, 'type');
  return {
    type: 'Warning',
    reason: textOf(condition, 'reason'),
    note: message === '' ? `${type} does not hold` : message,
  };
}

/** What is on its way is no bad news. */
const underWay: ReadonlySet<string> = new Set(['Pending', 'AddressNotAssigned', 'NoConflicts']);
const badWhenTrue: ReadonlySet<string> = new Set(['PartiallyInvalid', 'Conflicted']);

function isBad(condition: KubeObject): boolean {
  if (underWay.has(textOf(condition, 'reason'))) return false;
  return condition['status'] === (badWhenTrue.has(textOf(condition, 'type')) ? 'True' : 'False');
}

/** Of the object itself, its parents, targets and listeners, by whose they are and their type. */
function listConditions(status: unknown): ReadonlyMap<string, KubeObject> {
  const found = new Map<string, KubeObject>();
  const add = (whose: string, conditions: unknown): void => {
    if (!Array.isArray(conditions)) return;
    for (const one of conditions.filter(isRecord)) found.set(`${whose}\n${textOf(one, 'type')}`, one);
  };
  add('', fieldOf(status, 'conditions'));
  for (const field of ['parents', 'ancestors', 'listeners']) {
    const parts = fieldOf(status, field);
    if (!Array.isArray(parts)) continue;
    for (const part of parts.filter(isRecord)) {
      const whose = part['parentRef'] ?? part['ancestorRef'] ?? part['name'];
      add(JSON.stringify(whose), part['conditions']);
    }
  }
  return found;
}
