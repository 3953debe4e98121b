// Whose what proxies refuse is: names of resources and of rules lead to the objects that these were compiled from. Each
// model is read once, however many refuse.

import type { AdsRefusal } from '../../xds/index.ts';
import { hostName } from '../compile/names.ts';
import { type GatewayModel, hostsOf, type Model, type RuleModel } from '../model/types.ts';
import type { ObjectKey } from '../source/types.ts';

type Owners = Map<string, Set<ObjectKey>>;

/**
 * Objects that what was refused is made of: the routes that changed in it, else whoever its name belongs to. What is
 * of Gateways is for their own proxies alone to speak about, for nobody else is given it.
 */
export function findOwners(
  refusal: AdsRefusal & { readonly nodeId: string },
  model: Model,
): ReadonlySet<ObjectKey> {
  const { mesh, gateways } = indexOf(model);
  const indexes = refusal.nodeId.startsWith('gateway~') ? [mesh, gateways] : [mesh];
  const owners = new Set<ObjectKey>();
  for (const item of refusal.items) for (const index of indexes) addAll(owners, index.rules.get(item));
  if (owners.size > 0) return owners;
  for (const name of namesOf(refusal)) for (const index of indexes) addAll(owners, index.names.get(name));
  return owners;
}

/** As they stand in the index. */
function namesOf({ resource, part }: AdsRefusal): ReadonlySet<string> {
  const name = part === '' ? resource : part;
  const [namespace, gateway, ...rest] = name.split('/');
  const last = name.slice(name.lastIndexOf('/'));
  const below = rest.length > 0 ? [`${namespace}/${gateway}/`] : [];
  return new Set([name, ...(last === name ? [] : [last]), `listener ${resource}`, ...below]);
}

interface NamedOwners {
  /**
   * By the id of a port, by its host name behind `/`, by a chain's name behind `listener`, by a Gateway's before `/`:
   * no two kinds of these are alike.
   */
  readonly names: Owners;
  /** By {@link RuleModel.name}. */
  readonly rules: Owners;
}

interface OwnerIndex {
  readonly mesh: NamedOwners;
  /** What Gateways' own proxies are given. */
  readonly gateways: NamedOwners;
}

const indexes = new WeakMap<Model, OwnerIndex>();

function indexOf(model: Model): OwnerIndex {
  const known = indexes.get(model);
  if (known !== undefined) return known;
  const index = { mesh: indexMesh(model), gateways: indexGateways(model.gateways.values()) };
  indexes.set(model, index);
  return index;
}

function indexMesh({ services, backends }: Model): NamedOwners {
  const index: NamedOwners = { names: new Map(), rules: new Map() };
  for (const service of services.values()) {
    for (const port of service.ports) {
      for (const owner of port.owners) {
        add(index.names, port.id, owner);
        add(index.names, `/${hostName(service, port)}`, owner);
      }
      addRules(index.rules, port.routes.producer ?? []);
      for (const rules of port.routes.consumers.values()) addRules(index.rules, rules);
    }
  }
  for (const [id, { owners }] of backends) for (const owner of owners) add(index.names, id, owner);
  return index;
}

function indexGateways(gateways: Iterable<GatewayModel>): NamedOwners {
  const index: NamedOwners = { names: new Map(), rules: new Map() };
  for (const { id, key, sockets } of gateways) {
    add(index.names, `${id}/`, key);
    for (const socket of sockets) {
      for (const { name } of [socket, ...socket.chains]) add(index.names, `listener ${name}`, key);
      for (const { rules } of hostsOf(socket)) addRules(index.rules, rules);
    }
  }
  return index;
}

function addRules(index: Owners, rules: readonly RuleModel[]): void {
  for (const { name, owner } of rules) add(index, name, owner);
}

function add(index: Owners, name: string, owner: ObjectKey): void {
  const owners = index.get(name);
  if (owners === undefined) index.set(name, new Set([owner]));
  else owners.add(owner);
}

function addAll(owners: Set<ObjectKey>, more: Iterable<ObjectKey> = []): void {
  for (const owner of more) owners.add(owner);
}
