// Whether a call would be let in, and by which rule: the routes and chains of the Service's sidecars, compiled by the
// control plane's code, and read and judged by the proxy's.

import { parseIp, Xoshiro128 } from '../base/index.ts';
import type { AccessOutlook, AccessPort } from '../control/index.ts';
import {
  type AccessFacts,
  AccessRules,
  type AccessRulesConfig,
  compileRoutes,
  type RequestView,
} from '../policy/index.ts';
import { decodeResource } from '../proxy/index.ts';
import type { XdsResource } from '../xds/index.ts';

export interface AccessAnswer {
  readonly allowed: boolean;
  /** `namespace/policy/rule`; null: none lets the caller pass, or nothing is fenced. */
  readonly rule: string | null;
  readonly fenced: boolean;
  /** It passes for now: what is only audited would refuse it. */
  readonly audited: boolean;
}

const filterName = 'envoy.filters.http.rbac';

interface Fence {
  readonly rules: AccessRulesConfig | null;
  readonly shadow: AccessRulesConfig | null;
}

/** Where nobody reads requests, method and path are nobody's matter. */
export function judgeAccess(
  outlook: AccessOutlook,
  { authority, chain }: Pick<AccessPort, 'authority' | 'chain'>,
  request: { readonly method: string; readonly path: string },
): AccessAnswer {
  const view: RequestView | null = authority === null ? null : { ...request, authority, getName: () => null };
  const fence = view === null ? findBytesFence(outlook.listener, chain) : findFence(outlook.routes, view);
  if (fence === null) return { allowed: true, rule: null, fenced: false, audited: false };
  const facts = factsOf(outlook.address, view ?? noRequest);
  const judge = (rules: AccessRulesConfig | null) =>
    rules === null ? null : new AccessRules(rules).judge(facts);
  const [enforced, shadow] = [judge(fence.rules), judge(fence.shadow)];
  const allowed = enforced?.allowed ?? true;
  const rule = enforced?.policy ?? (enforced === null ? (shadow?.policy ?? null) : null);
  return { allowed, rule, fenced: true, audited: allowed && shadow?.allowed === false };
}

function findBytesFence(listener: XdsResource, chain: string): Fence | null {
  const decoded = decodeResource(listener);
  if (!decoded.ok || decoded.meaning.kind !== 'listener') throw new Error('bug: our own listener is refused');
  const { config, further } = decoded.meaning.value;
  const found = [config, ...further.map((one) => one.config)].find(({ chainName }) => chainName === chain);
  const filter = found?.network?.find(({ kind }) => kind === 'rbac');
  return filter?.kind === 'rbac' ? filter : null;
}

function findFence(routes: AccessOutlook['routes'], view: RequestView): Fence | null {
  const decoded = decodeResource(routes);
  if (!decoded.ok || decoded.meaning.kind !== 'route') throw new Error('bug: our own routes are refused');
  const table = compileRoutes(decoded.meaning.value);
  if (!table.ok) throw new Error('bug: our own routes do not compile');
  const said = table.value.match(view, new Xoshiro128(1))?.route.filters?.get(filterName);
  return (said as Fence | undefined) ?? null;
}

/** Of bytes. */
const noRequest: RequestView = { authority: '', method: '', path: '', getName: () => null };

/** Of a connection that proves nothing but where it comes from. */
function factsOf(address: string, head: RequestView): AccessFacts {
  const source = parseIp(address);
  return {
    head,
    source: () => source,
    destination: () => null,
    destinationPort: -1,
    serverName: '',
    principals: () => null,
    metadata: () => undefined,
  };
}
