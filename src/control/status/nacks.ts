// What proxies refused, and whose fault it was. The server finds the resource, and of routes the virtual host and what
// changed in it; the names of these lead to the objects they were compiled from, and the proxy's own words become a
// condition on them. A refusal stays until that very resource is taken or gone.

import type { AdsRefusal } from '../../xds/index.ts';
import type { Model } from '../model/types.ts';
import type { ObjectKey } from '../source/types.ts';
import { findOwners } from './owners.ts';
import { joinVoices, ownVoice, plain, type Refusal, voiceOf } from './refusals.ts';

export interface Nack extends AdsRefusal {
  /** Who refused. */
  readonly nodeId: string;
  /** Of the resource. */
  readonly typeUrl: string;
  /** Unix time in milliseconds. */
  readonly atMs: number;
}

/** Refusals kept of all proxies; more say nothing new. */
export const nacksMax = 10_000;
/** The same of one proxy, so that others are heard beside it. */
export const nacksPerNodeMax = 256;

export class NackBook {
  private readonly nacks = new Map<string, Map<string, Nack>>();
  private size = 0;

  add(nack: Nack): void {
    const own = this.nacks.get(nack.nodeId) ?? new Map<string, Nack>();
    const key = keyOf(nack.typeUrl, nack);
    if (!own.has(key)) {
      if (this.size >= nacksMax || own.size >= nacksPerNodeMax) return;
      this.size++;
    }
    own.set(key, nack);
    this.nacks.set(nack.nodeId, own);
  }

  /** The proxy took it in another form, or does not get it any more. */
  resolve(nodeId: string, typeUrl: string, refusal: AdsRefusal): void {
    const own = this.nacks.get(nodeId);
    if (own?.delete(keyOf(typeUrl, refusal)) !== true) return;
    this.size--;
    if (own.size === 0) this.nacks.delete(nodeId);
  }

  /** The proxy is gone. */
  forget(nodeId: string): void {
    this.size -= this.nacks.get(nodeId)?.size ?? 0;
    this.nacks.delete(nodeId);
  }

  of(nodeId: string): readonly Nack[] {
    return [...(this.nacks.get(nodeId)?.values() ?? [])];
  }

  all(): readonly Nack[] {
    return [...this.nacks.values()].flatMap((own) => [...own.values()]);
  }

  /** For the objects behind what was refused: words, how many say no, and who is heard. */
  refusals(model: Model): ReadonlyMap<ObjectKey, Refusal> {
    const byOwner = new Map<ObjectKey, Nack[]>();
    for (const nack of this.all()) {
      for (const owner of findOwners(nack, model)) {
        const list = byOwner.get(owner) ?? [];
        byOwner.set(owner, list);
        list.push(nack);
      }
    }
    return new Map([...byOwner].map(([owner, nacks]) => [owner, sumUp(owner, nacks)]));
  }
}

function sumUp(owner: ObjectKey, nacks: readonly Nack[]): Refusal {
  const voices = new Map(nacks.map(({ nodeId }) => [nodeId, voiceOf(nodeId, owner)]));
  const own = nacks.find(({ nodeId }) => voices.get(nodeId) === ownVoice) ?? nacks[0];
  return {
    nodeId: plain(own?.nodeId ?? ''),
    message: plain(own?.message ?? ''),
    proxies: voices.size,
    voices: joinVoices(voices.values()),
  };
}

function keyOf(typeUrl: string, { resource, part }: AdsRefusal): string {
  return `${typeUrl}\n${resource}\n${part}`;
}
