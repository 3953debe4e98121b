// What one pod's proxy gets. The pod's own annotations are before the ServicePolicies of its Services, and these before
// what every sidecar gets; of one resource request and limit are always of one hand, so that they fit each other.

import {
  isMore,
  judgeQuantity,
  type QuantityKind,
  type ResourceShare,
  type SidecarWish,
} from '../control/index.ts';
import { isLogLevel, logLevels } from '../observe/index.ts';
import { annotations } from './annotations.ts';

export interface SidecarSettings {
  readonly resources: {
    readonly requests: Readonly<Record<string, string>>;
    readonly limits?: Readonly<Record<string, string>>;
  };
  /** Null: the proxy's own default. */
  readonly logLevel: string | null;
  /** ServicePolicies that had a say in it. */
  readonly policies: readonly string[];
}

interface Fault {
  readonly fault: string;
}

type Annotated = Readonly<Record<string, string>>;

const requestStandard: Readonly<Record<QuantityKind, string>> = { cpu: '50m', memory: '64Mi' };

export function decideSidecar(said: Annotated, wish: SidecarWish): SidecarSettings | Fault {
  const level = said[annotations.logLevel];
  if (level !== undefined && !isLogLevel(level))
    return faultOf(annotations.logLevel, `must be one of ${logLevels.join(', ')}`, level);
  const cpu = readShare('cpu', said);
  if (cpu !== null && 'fault' in cpu) return cpu;
  const memory = readShare('memory', said);
  if (memory !== null && 'fault' in memory) return memory;
  const heard = [
    cpu === null ? wish.cpu : undefined,
    memory === null ? wish.memory : undefined,
    level === undefined ? wish.logLevel : undefined,
  ];
  return {
    resources: joinShares({
      cpu: cpu ?? wish.cpu?.value ?? null,
      memory: memory ?? wish.memory?.value ?? null,
    }),
    logLevel: level ?? wish.logLevel?.value ?? null,
    policies: [...new Set(heard.flatMap((one) => (one === undefined ? [] : one.policy)))],
  };
}

const shareAnnotations = {
  cpu: [annotations.cpu, annotations.cpuLimit],
  memory: [annotations.memory, annotations.memoryLimit],
} as const;

/** Null: the pod says nothing of it. */
function readShare(kind: QuantityKind, said: Annotated): ResourceShare | Fault | null {
  for (const name of shareAnnotations[kind]) {
    const value = said[name];
    const rule = value === undefined ? null : judgeQuantity(kind, value);
    if (value !== undefined && rule !== null) return faultOf(name, rule, value);
  }
  const [requestName, limitName] = shareAnnotations[kind];
  const [request, limit] = [said[requestName], said[limitName]];
  if (request !== undefined && limit !== undefined && isMore(request, limit))
    return faultOf(requestName, `must not be more than ${limitName}`, request);
  return request === undefined && limit === undefined ? null : { request, limit };
}

function faultOf(annotation: string, rule: string, value: string): Fault {
  return { fault: `annotation ${annotation} ${rule} (got ${value})` };
}

/** A limit alone is the request too, as Kubernetes has it. */
function joinShares(
  shares: Readonly<Record<QuantityKind, ResourceShare | null>>,
): SidecarSettings['resources'] {
  const requests: Record<string, string> = {};
  const limits: Record<string, string> = {};
  for (const kind of ['cpu', 'memory'] as const) {
    const { request, limit } = shares[kind] ?? { request: requestStandard[kind], limit: undefined };
    if (request !== undefined) requests[kind] = request;
    if (limit !== undefined) limits[kind] = limit;
  }
  return Object.keys(limits).length === 0 ? { requests } : { requests, limits };
}
