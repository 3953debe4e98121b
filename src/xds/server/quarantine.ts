// What a client refused of one type, and the search for the fault. After a NACK nothing of the response counts as held:
// its resources go out again in halves (trials) until each is taken or stands refused alone; a route configuration is
// halved further by its virtual hosts. The client's text is a hint for where to look first and never the proof.
//
// A resource: sent with others -> NACK -> trial -> ... -> taken, or refused: not sent again until it changes. What a
// refused one replaces stays with the client, as does a refused virtual host; one the client never had is answered 500
// as a whole, or left out.

import { refusalsToldMax } from '../limits.ts';
import { WireError } from '../protobuf/wire-reader.ts';
import type { ResourceMap } from '../snapshot/resource-set.ts';
import {
  changedParts,
  changedRoutes,
  composeRoutes,
  isSame,
  type PartForm,
  splitParts,
  splitRoutes,
} from '../snapshot/route-parts.ts';
import { typeUrls, type XdsResource } from '../types.ts';
import type { AdsRefusal } from './types.ts';

/** `parts`: of one route configuration, tried in this form; none of them: only what is left without the faulty ones. */
export type Trial =
  | { readonly kind: 'resources'; readonly names: Set<string> }
  | {
      readonly kind: 'parts';
      readonly name: string;
      readonly parts: Set<string>;
      readonly form: 'new' | 'closed';
    };

/** What the search must know of the stream's type. */
export interface QuarantineHost {
  readonly typeUrl: string;
  /** The set that is to be sent. */
  readonly base: ResourceMap | null;
  /** What the client has of a name; null for nothing, or nothing that is known. */
  heldOf(name: string): XdsResource | null;
  /** A newer form is to be sent, or none: what was refused is of no interest any more. */
  isSuperseded(name: string): boolean;
}

export class Quarantine {
  readonly trials: Trial[] = [];
  private readonly host: QuarantineHost;
  /** By name: the version refused as a whole. */
  private readonly refused = new Map<string, string>();
  private readonly badParts = new Map<string, Map<string, { readonly bytes: Uint8Array; form: PartForm }>>();
  private readonly told = new Map<string, AdsRefusal>();
  private news: AdsRefusal[] = [];
  private resolved: AdsRefusal[] = [];

  constructor(host: QuarantineHost) {
    this.host = host;
  }

  get empty(): boolean {
    return this.told.size === 0 && this.trials.length === 0 && this.refused.size === 0;
  }

  /** Some resource may not be sent as it is. */
  get changesForms(): boolean {
    return this.badParts.size > 0 || this.trials.length > 0;
  }

  /** Refusals found and not resolved, at most {@link refusalsToldMax}. */
  get refusals(): readonly AdsRefusal[] {
    return [...this.told.values()];
  }

  /** Names whose newest form the client does not have because of a fault. */
  get names(): ReadonlySet<string> {
    const names = new Set([...this.refused.keys(), ...this.badParts.keys()]);
    for (const trial of this.trials)
      for (const name of trial.kind === 'parts' ? [trial.name] : trial.names) names.add(name);
    return names;
  }

  /** What was found since the last call, for the observer. */
  takeNews(): { readonly refused: readonly AdsRefusal[]; readonly resolved: readonly AdsRefusal[] } {
    const { news, resolved } = this;
    if (news.length > 0) this.news = [];
    if (resolved.length > 0) this.resolved = [];
    return { refused: news, resolved };
  }

  /** Not to be sent with others: refused, or waiting for its trial. */
  withholds(name: string): boolean {
    if (this.refused.has(name)) return true;
    return this.trials.some((trial) => trial.kind === 'resources' && trial.names.has(name));
  }

  /** The form in which a resource may be sent now; `running` is the trial it is sent for. */
  formOf(resource: XdsResource, running: Trial | null): XdsResource {
    if (running === null && !this.changesForms) return resource;
    const { name } = resource;
    const forms = new Map<string, PartForm>();
    for (const [part, { form }] of this.badParts.get(name) ?? []) forms.set(part, form);
    for (const trial of this.trials)
      if (trial.kind === 'parts' && trial.name === name)
        for (const part of trial.parts) forms.set(part, 'held');
    if (running?.kind === 'parts' && running.name === name)
      for (const part of running.parts) forms.set(part, running.form);
    return forms.size === 0 ? resource : composeRoutes(resource, this.host.heldOf(name), forms);
  }

  /** The client refused a response that held these. */
  refuse(sent: readonly XdsResource[], trial: Trial | null, message: string): void {
    if (trial?.kind === 'parts') {
      this.refuseParts(trial, message);
      return;
    }
    const suspects = sent.filter(({ name }) => !this.host.isSuperseded(name));
    const [first] = suspects;
    if (first === undefined) return;
    if (suspects.length === 1) this.refuseOne(first, message);
    else
      this.trials.unshift(
        ...halve(
          suspects.map(({ name }) => name),
          message,
        ).map((names): Trial => ({ kind: 'resources', names })),
      );
  }

  private refuseOne(resource: XdsResource, message: string): void {
    const { name, version } = resource;
    const parts = this.host.typeUrl === typeUrls.route ? this.suspectParts(resource) : [];
    const [first] = parts;
    if (first === undefined) {
      this.refused.set(name, version);
      this.tell({ resource: name, part: '', items: [], version, message });
    } else if (parts.length === 1) this.refusePart(name, first, 'new', message);
    else this.addParts(name, halve(parts, message), 'new');
  }

  private suspectParts(resource: XdsResource): readonly string[] {
    const base = this.host.base?.get(resource.name);
    if (base === undefined) return [];
    try {
      const known = this.badParts.get(resource.name);
      return changedParts(this.host.heldOf(resource.name), base).filter((part) => !known?.has(part));
    } catch (error) {
      if (error instanceof WireError) return [];
      throw error;
    }
  }

  private addParts(name: string, halves: readonly Set<string>[], form: 'new' | 'closed'): void {
    this.trials.unshift(...halves.map((parts): Trial => ({ kind: 'parts', name, parts, form })));
  }

  private refuseParts(trial: Extract<Trial, { kind: 'parts' }>, message: string): void {
    const { name, parts, form } = trial;
    if (this.host.isSuperseded(name)) return;
    const [first] = parts;
    if (first === undefined) {
      // Refused even without the parts at fault: nothing of this version can be sent.
      const version = this.host.base?.get(name)?.version ?? '';
      this.badParts.delete(name);
      this.resolve(name);
      this.refused.set(name, version);
      this.tell({ resource: name, part: '', items: [], version, message });
    } else if (parts.size > 1) this.addParts(name, halve([...parts], message), form);
    else this.refusePart(name, first, form, message);
  }

  private refusePart(name: string, part: string, form: 'new' | 'closed', message: string): void {
    const base = this.host.base?.get(name);
    const bytes = base === undefined ? undefined : splitParts(base).hosts.get(part);
    if (base === undefined || bytes === undefined) return;
    const bad = this.badParts.get(name) ?? new Map();
    this.badParts.set(name, bad);
    if (form === 'closed') bad.set(part, { bytes, form: 'absent' });
    else {
      const held = this.host.heldOf(name);
      bad.set(part, { bytes, form: 'held' });
      if (held === null || !splitParts(held).hosts.has(part))
        this.trials.push({ kind: 'parts', name, parts: new Set([part]), form: 'closed' });
      const items = changedRoutes(held, base, part);
      this.tell({ resource: name, part, items, version: base.version, message });
    }
    this.sendRest(base);
  }

  /** With the faulty parts known, all else of the resource is to reach the client. */
  private sendRest(base: XdsResource): void {
    const { name } = base;
    if (this.trials.some((trial) => trial.kind === 'parts' && trial.name === name)) return;
    const held = this.host.heldOf(name);
    if (held !== null && isSame(this.formOf(base, null).bytes, held.bytes)) return;
    this.trials.push({ kind: 'parts', name, parts: new Set(), form: 'new' });
  }

  /** The client took a response that held these. */
  accept(sent: readonly XdsResource[], trial: Trial | null): void {
    if (trial?.kind === 'parts' && trial.form === 'closed' && !this.host.isSuperseded(trial.name)) {
      const bad = this.badParts.get(trial.name);
      for (const part of trial.parts) {
        const entry = bad?.get(part);
        if (entry !== undefined) entry.form = 'closed';
      }
    }
    if (this.told.size === 0 && this.refused.size === 0) return;
    for (const { name } of sent) {
      if (this.host.isSuperseded(name)) continue;
      this.refused.delete(name);
      this.resolve(name);
    }
  }

  /**
   * Another form is to be sent of this name, or (null) none: the search for it ends, and what has not changed stays
   * out.
   */
  supersede(name: string, next: XdsResource | null): void {
    this.dropTrials(name);
    this.refused.delete(name);
    const bad = this.badParts.get(name);
    if (next === null) {
      this.badParts.delete(name);
      this.resolve(name);
    } else if (bad !== undefined) {
      const hosts = splitRoutes(next)?.hosts;
      for (const [part, { bytes }] of bad) {
        const now = hosts?.get(part);
        if (now === undefined || !isSame(now, bytes)) bad.delete(part);
      }
      if (bad.size === 0) this.badParts.delete(name);
    }
  }

  private dropTrials(name: string): void {
    for (let i = this.trials.length - 1; i >= 0; i--) {
      const trial = this.trials[i];
      if (trial?.kind === 'parts' && trial.name === name) this.trials.splice(i, 1);
      else if (trial?.kind === 'resources' && trial.names.delete(name) && trial.names.size === 0)
        this.trials.splice(i, 1);
    }
  }

  private tell(refusal: AdsRefusal): void {
    const key = `${refusal.resource}\n${refusal.part}`;
    const before = this.told.get(key);
    if (before?.version === refusal.version || (before === undefined && this.told.size >= refusalsToldMax))
      return;
    this.told.set(key, refusal);
    this.news.push(refusal);
  }

  /** What was refused of this name and is refused no more. */
  private resolve(name: string): void {
    for (const [key, refusal] of this.told) {
      if (refusal.resource !== name) continue;
      if (this.isOut(name, refusal.part)) continue;
      this.told.delete(key);
      this.resolved.push(refusal);
    }
  }

  /** Still refused, or not yet tried in its newest form. */
  private isOut(name: string, part: string): boolean {
    if (part === '') return this.refused.has(name);
    if (this.badParts.get(name)?.has(part) === true) return true;
    return this.trials.some(
      (trial) => trial.kind === 'parts' && trial.name === name && trial.parts.has(part),
    );
  }
}

/** Those that the text does not name and those that it names; where that divides nothing, two halves. */
function halve(names: readonly string[], text: string): readonly Set<string>[] {
  const named = names.filter((name) => mentions(text, name));
  const rest = new Set(names);
  for (const name of named) rest.delete(name);
  if (named.length > 0 && rest.size > 0) return [rest, new Set(named)];
  const middle = Math.ceil(names.length / 2);
  return [new Set(names.slice(0, middle)), new Set(names.slice(middle))];
}

/** Whole names only: `bank/ledger:80` is not in `bank/ledger:8080`. */
function mentions(text: string, name: string): boolean {
  for (let at = text.indexOf(name); name !== '' && at !== -1; at = text.indexOf(name, at + 1)) {
    if (!isNameCharacter(text[at - 1]) && !isNameCharacter(text[at + name.length])) return true;
  }
  return false;
}

function isNameCharacter(character: string | undefined): boolean {
  return character !== undefined && /[\w/-]/.test(character);
}
