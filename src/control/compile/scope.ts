// What a proxy is, read from the node it announces (docs/xds.md): its role, where it listens, and what it may hold.
// Proxies of equal scope get the very same resources.

import { fail, type Issue, ok, type Result } from '../../base/index.ts';
import type { XdsNode } from '../../xds/index.ts';

export interface Bind {
  readonly host: string;
  readonly port: number;
}

/**
 * How a proxy takes outbound virtual hosts: in one table; one by one (VHDS), all of them unasked; or one by one as its
 * requests need them.
 */
export type HostDelivery = 'table' | 'unasked' | 'on-demand';

/** Outbound clusters: all of them unasked, or each as a request needs it (ODCDS). */
export type ClusterDelivery = 'unasked' | 'on-demand';

/** `namespace/name` of Services, sorted; `allowed`: those whose AccessPolicies may let it in; or all there are. */
export type Calls = readonly string[] | 'allowed' | 'all';

export type Scope =
  | {
      readonly role: 'sidecar';
      readonly namespace: string;
      readonly zone: string;
      /** The machine it is on; empty: not known. */
      readonly node: string;
      readonly labels: Readonly<Record<string, string>>;
      readonly vhds: HostDelivery;
      readonly cds: ClusterDelivery;
      readonly calls: Calls;
      /** Its service account, where it matters to what it calls; empty: not known, or of no matter. */
      readonly account: string;
      readonly outbound: Bind;
      readonly inbound: Bind;
      /** Connections of its pod are led to it, whatever they carry. */
      readonly capture: boolean;
      /** Its network has IPv6: where it listens on 127.0.0.1 or 0.0.0.0, it does on ::1 or :: as well. */
      readonly ipv6: boolean;
      /** Name or number of a Service's port to the application's port on 127.0.0.1. */
      readonly application: Readonly<Record<string, number>>;
      /** Name of a container's port to its number, for a Service whose targetPort is a name. */
      readonly containerPorts: Readonly<Record<string, number>>;
    }
  | {
      readonly role: 'agent';
      /** Whose bare names it knows; empty: nobody's. */
      readonly namespace: string;
      readonly zone: string;
      readonly node: string;
      readonly vhds: HostDelivery;
      readonly cds: ClusterDelivery;
      readonly bind: Bind;
    }
  | {
      readonly role: 'gateway';
      readonly namespace: string;
      readonly zone: string;
      readonly node: string;
      readonly gateway: string;
      /** null: each listener's own port on 0.0.0.0. */
      readonly bind: Bind | null;
    }
  | {
      /** A gRPC client without a proxy. */
      readonly role: 'grpc';
      readonly namespace: string;
      readonly zone: string;
      readonly node: string;
    };

const idPattern = /^(sidecar|agent|gateway|grpc)~([^.~]+)(?:\.([^~]+))?$/;

export function parseScope(node: XdsNode): Result<Scope> {
  const match = idPattern.exec(node.id);
  if (match === null)
    return fail([
      nodeIssue(
        node,
        'id',
        'must be sidecar~POD.NAMESPACE, agent~NODE, gateway~POD.NAMESPACE or grpc~POD.NAMESPACE',
        node.id,
      ),
    ]);
  const [, role, , idNamespace = ''] = match;
  const reader = new MetadataReader(node);
  const given = reader.text('namespace');
  // An agent is named by its node, whose name may have dots.
  const namespace = given === '' && role !== 'agent' ? idNamespace : given;
  if (role !== 'agent' && namespace === '')
    reader.issues.push(nodeIssue(node, 'metadata.namespace', `a ${role} must name its namespace`, ''));
  const machine = reader.text('node') || (role === 'agent' ? node.id.slice('agent~'.length) : '');
  const common = { namespace, zone: node.locality.zone, node: machine };
  const scope = createScope(role, common, node.cluster, reader);
  return reader.issues.length > 0 ? fail(reader.issues) : ok(scope);
}

function createScope(
  role: string | undefined,
  common: Pick<Scope, 'namespace' | 'zone' | 'node'>,
  gateway: string,
  reader: MetadataReader,
): Scope {
  switch (role) {
    case 'agent':
      return {
        role,
        ...common,
        vhds: reader.delivery('vhds'),
        cds: reader.clusterDelivery('cds'),
        bind: reader.bind('agent') ?? { host: '0.0.0.0', port: 4140 },
      };
    case 'gateway':
      return { role, ...common, gateway, bind: reader.bind('gateway') };
    case 'grpc':
      return { role, ...common };
    default:
      return {
        role: 'sidecar',
        ...common,
        labels: reader.labels(),
        vhds: reader.delivery('vhds'),
        cds: reader.clusterDelivery('cds'),
        ...reader.reach(common.namespace),
        outbound: reader.bind('outbound') ?? { host: '127.0.0.1', port: 15001 },
        inbound: reader.bind('inbound') ?? { host: '0.0.0.0', port: 15006 },
        capture: reader.flag('capture'),
        ipv6: reader.flag('ipv6'),
        application: reader.ports('application'),
        containerPorts: reader.ports('containerPorts'),
      };
  }
}

/** Equal for proxies that get the same resources. */
export function scopeKey(scope: Scope): string {
  return JSON.stringify(scope);
}

class MetadataReader {
  readonly issues: Issue[] = [];
  private readonly node: XdsNode;

  constructor(node: XdsNode) {
    this.node = node;
  }

  text(name: string): string {
    const value = this.node.metadata[name];
    if (value === undefined) return '';
    if (typeof value === 'string') return value;
    this.refuse(name, 'must be a string', value);
    return '';
  }

  flag(name: string): boolean {
    const value = this.node.metadata[name];
    if (typeof value === 'boolean' || value === undefined) return value === true;
    this.refuse(name, 'must be true or false', value);
    return false;
  }

  delivery(name: string): HostDelivery {
    const value = this.node.metadata[name];
    if (value === 'on-demand') return value;
    if (typeof value !== 'boolean' && value !== undefined)
      this.refuse(name, 'must be true, false or on-demand', value);
    return value === true ? 'unasked' : 'table';
  }

  clusterDelivery(name: string): ClusterDelivery {
    const value = this.node.metadata[name];
    if (value !== 'on-demand' && value !== undefined) this.refuse(name, 'must be on-demand', value);
    return value === 'on-demand' ? value : 'unasked';
  }

  /** What it says of whom it calls narrows what it is told, and nothing else: it may say so itself. */
  reach(namespace: string): { readonly calls: Calls; readonly account: string } {
    const value = this.node.metadata['calls'];
    if (value === undefined) return { calls: 'all', account: '' };
    const given = this.node.metadata;
    if (given['cds'] === 'on-demand' || given['vhds'] === 'on-demand')
      this.refuse(
        'calls',
        'must not stand beside on-demand, which is told of what is called as it is called',
        value,
      );
    if (value === 'allowed') {
      const account = this.text('account');
      if (account === '') this.refuse('calls', 'wants metadata.account where it is allowed', value);
      return { calls: value, account };
    }
    const names = Array.isArray(value) ? (value as readonly unknown[]) : [null];
    const ids = names.map((name) => serviceId(name, namespace));
    if (names.length > callsMax || ids.includes(null)) {
      this.refuse('calls', `must be allowed, or at most ${callsMax} names as ledger or ledger.bank`, value);
      return { calls: [], account: '' };
    }
    return { calls: [...new Set(ids.flatMap((id) => id ?? []))].sort(), account: '' };
  }

  /** Sorted, so that equal labels give an equal scope. */
  labels(): Readonly<Record<string, string>> {
    const entries = this.entries('labels').filter((entry): entry is [string, string] => {
      if (typeof entry[1] === 'string') return true;
      this.refuse(`labels.${entry[0]}`, 'must be a string', entry[1]);
      return false;
    });
    return Object.fromEntries(entries);
  }

  ports(field: string): Readonly<Record<string, number>> {
    const ports: [string, number][] = [];
    for (const [name, value] of this.entries(field)) {
      const port = Number(value);
      if (Number.isInteger(port) && port >= 1 && port <= 65_535) ports.push([name, port]);
      else this.refuse(`${field}.${name}`, 'must be a port number', value);
    }
    return Object.fromEntries(ports);
  }

  bind(listener: string): Bind | null {
    const entry = this.entries('listen').find(([name]) => name === listener);
    if (entry === undefined) return null;
    const match = typeof entry[1] === 'string' ? /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(entry[1]) : null;
    const [, v6, v4, digits] = match ?? [];
    const port = Number(digits);
    const host = v6 ?? v4;
    if (host !== undefined && port >= 1 && port <= 65_535) return { host, port };
    this.refuse(`listen.${listener}`, 'must be host:port', entry[1]);
    return null;
  }

  private entries(name: string): [string, unknown][] {
    const value = this.node.metadata[name];
    if (value === undefined) return [];
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.refuse(name, 'must be an object', value);
      return [];
    }
    return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  }

  private refuse(name: string, rule: string, value: unknown): void {
    this.issues.push(nodeIssue(this.node, `metadata.${name}`, rule, JSON.stringify(value) ?? ''));
  }
}

/** Names that a workload may say it calls; one of more had better be told of all. */
const callsMax = 1_000;

/** `ledger` or `ledger.bank`, with what DNS puts behind or without: `bank/ledger`; null: neither. */
function serviceId(name: unknown, namespace: string): string | null {
  const match =
    typeof name === 'string'
      ? /^([a-z0-9-]{1,63})(?:\.([a-z0-9-]{1,63})(?:\.svc(?:\.cluster\.local)?)?)?$/.exec(name)
      : null;
  return match === null ? null : `${match[2] ?? namespace}/${match[1]}`;
}

function nodeIssue(node: XdsNode, field: string, rule: string, value: string): Issue {
  return { object: `node ${node.id}`, field, rule, value };
}
