// What proxies refused, and whose fault it was: a NACK names the resource, the resource's name leads to the objects it was compiled from, and the
// proxy's own words become a condition on them.

import type { Condition } from '../model/status.ts';
import type { Model, RuleModel } from '../model/types.ts';
import type { ObjectKey } from '../source/types.ts';

export interface Nack {
  readonly nodeId: string;
  readonly typeUrl: string;
  readonly version: string;
  readonly message: string;
  /** Unix time in milliseconds. */
  readonly atMs: number;
}

export class NackBook {
  readonly #nacks = new Map<string, Nack>();

  add(nack: Nack): void {
    this.#nacks.set(`${nack.nodeId} ${nack.typeUrl}`, nack);
  }

  /** The proxy took something newer of this type, or (without a type) is gone. */
  clear(nodeId: string, typeUrl: string | null): void {
    if (typeUrl !== null) this.#nacks.delete(`${nodeId} ${typeUrl}`);
    else for (const [key, nack] of this.#nacks) if (nack.nodeId === nodeId) this.#nacks.delete(key);
  }

  of(nodeId: string): readonly Nack[] {
    return this.all().filter((nack) => nack.nodeId === nodeId);
  }

  all(): readonly Nack[] {
    return [...this.#nacks.values()];
  }

  /** `Programmed=False` for the objects behind the resources that the refusals name. */
  conditions(model: Model): ReadonlyMap<ObjectKey, readonly Condition[]> {
    const conditions = new Map<ObjectKey, Condition[]>();
    for (const nack of this.#nacks.values()) {
      for (const owner of findOwners(nack.message, model)) {
        const list = conditions.get(owner) ?? [];
        conditions.set(owner, list);
        const message = `${nack.nodeId} refused it: ${nack.message}`;
        list.push({ type: 'Programmed', status: 'False', reason: 'Nacked', message, about: '' });
      }
    }
    return conditions;
  }
}

/** Objects whose resources `text` names, by cluster, virtual host or route. */
export function findOwners(text: string, model: Model): ReadonlySet<ObjectKey> {
  const owners = new Set<ObjectKey>();
  const addRules = (rules: readonly RuleModel[]): void => {
    for (const rule of rules) if (names(text, rule.name)) owners.add(rule.owner);
  };
  for (const service of model.services.values()) {
    for (const port of service.ports) {
      if (names(text, port.id)) for (const owner of port.owners) owners.add(owner);
      addRules(port.routes.producer ?? []);
      for (const rules of port.routes.consumers.values()) addRules(rules);
    }
  }
  for (const gateway of model.gateways.values()) {
    for (const socket of gateway.sockets) {
      if (names(text, socket.name)) owners.add(gateway.key);
      for (const host of socket.hosts) addRules(host.rules);
    }
  }
  return owners;
}

/** Whole names only: `bank/ledger:80` is not in `bank/ledger:8080`. */
function names(text: string, name: string): boolean {
  for (let at = text.indexOf(name); at !== -1; at = text.indexOf(name, at + 1)) {
    const before = text[at - 1] ?? ' ';
    const after = text[at + name.length] ?? ' ';
    if (!/[\w/-]/.test(before) && !/[\w/-]/.test(after)) return true;
  }
  return false;
}
