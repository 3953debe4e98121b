// Which protocols a request may ask to become: of a listener, and of a route where it says something else.

import type { RouteAction } from '../../../policy/index.ts';
import type { ListenerFilterConfig } from '../filter-types.ts';
import { type Faults, type httpConnectionManager, join, type MessageOf } from '../schema/index.ts';
import { translateChainOf } from './filter-chain.ts';

interface UpgradeMessage {
  readonly upgrade_type: string | undefined;
  readonly enabled: boolean | undefined;
}

interface RouteUpgrades {
  readonly upgrade_configs: readonly (UpgradeMessage & { readonly connect_config: object | undefined })[];
}

/** By protocol in lower case: that is how Upgrade is compared. */
export function translateUpgrades(
  configs: readonly UpgradeMessage[],
  path: string,
  faults: Faults,
): ReadonlyMap<string, boolean> {
  const upgrades = new Map<string, boolean>();
  configs.forEach(({ upgrade_type: type = '', enabled }, index) => {
    const protocol = type.toLowerCase();
    if (upgrades.has(protocol)) faults.add(`${path}[${index}].upgrade_type`, 'must be unique', type);
    upgrades.set(protocol, enabled ?? true);
  });
  return upgrades;
}

type ListenerUpgrades = MessageOf<typeof httpConnectionManager>['upgrade_configs'];

/** Chains of their own, by protocol in lower case; absent: all of them pass the listener's. */
export function translateUpgradeFilters(
  configs: ListenerUpgrades,
  path: string,
  faults: Faults,
): { readonly upgradeFilters?: ReadonlyMap<string, readonly ListenerFilterConfig[]> } {
  const chains = new Map<string, readonly ListenerFilterConfig[]>();
  configs.forEach(({ filters, upgrade_type: type = '' }, index) => {
    if (filters.length === 0) return;
    const at = join(`${path}[${index}]`, 'filters');
    chains.set(type.toLowerCase(), translateChainOf(filters, at, faults));
  });
  return chains.size === 0 ? {} : { upgradeFilters: chains };
}

export function translateRouteUpgrades(
  { upgrade_configs: configs }: RouteUpgrades,
  path: string,
  faults: Faults,
): Pick<Extract<RouteAction, { kind: 'forward' }>, 'upgrades' | 'connect'> {
  if (configs.length === 0) return {};
  const upgrades = translateUpgrades(configs, path, faults);
  let connect = {};
  configs.forEach(({ upgrade_type: type = '', connect_config: config }, index) => {
    if (config === undefined) return;
    if (type.toLowerCase() === 'connect') connect = { connect: 'terminate' };
    else faults.add(join(`${path}[${index}]`, 'connect_config'), 'is for CONNECT alone', type);
  });
  return { upgrades, ...connect };
}
