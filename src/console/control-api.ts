// The control plane's `GET /api/v1/mesh`, reduced to what the console shows. Fields are read one by one: the console
// asks over HTTP, and a newer control plane may say more.

import type { Mesh, MeshProxy } from './mesh.ts';
import type { IssueView, ProxySync } from './view.ts';

/** The part of the answer that is read. */
export interface MeshPage {
  readonly atMs: number;
  readonly services: readonly { readonly id: string }[];
  readonly proxies: readonly {
    readonly node: string;
    readonly role: string;
    readonly workload: string;
    readonly namespace: string;
    readonly admin: string;
    readonly weft: string;
    readonly connected: boolean;
    readonly types: readonly {
      readonly sentVersion: string;
      readonly ackedVersion: string;
      readonly ackedAtMs: number;
      readonly error: string;
    }[];
  }[];
  readonly findings: readonly {
    readonly file: string;
    readonly line: number;
    readonly issue: {
      readonly object: string;
      readonly field: string;
      readonly rule: string;
      readonly value: string;
    };
  }[];
}

export function readMeshPage(page: MeshPage): Mesh {
  const proxies = page.proxies.map((proxy) => readProxyRow(proxy, page.atMs));
  return {
    version: combine(proxies.map((proxy) => proxy.version)),
    services: page.services.map((service) => service.id),
    proxies: proxies.sort((a, b) => a.node.localeCompare(b.node)),
    issues: page.findings.map(readFinding),
  };
}

function readProxyRow(proxy: MeshPage['proxies'][number], atMs: number): MeshProxy {
  const { node, role, workload, namespace, admin, weft, connected, types } = proxy;
  const ackedAtMs = Math.max(0, ...types.map((type) => type.ackedAtMs));
  const error = types.find((type) => type.error !== '')?.error ?? null;
  return {
    node,
    role,
    workload: namespace === '' ? workload : `${namespace}/${workload}`,
    admin,
    weft: weft !== '',
    connected,
    sync: syncOf(proxy),
    version: combine(types.map((type) => type.ackedVersion)),
    ageSeconds: ackedAtMs === 0 ? null : (atMs - ackedAtMs) / 1000,
    nack: error,
  };
}

/** Connected alone says nothing: what was sent last must be what was acknowledged last. */
function syncOf({ connected, types }: MeshPage['proxies'][number]): ProxySync {
  if (!connected) return 'not connected';
  if (types.some((type) => type.error !== '')) return 'refused';
  if (types.every((type) => type.sentVersion === '')) return 'nothing sent';
  return types.every((type) => type.sentVersion === type.ackedVersion) ? 'in sync' : 'pending';
}

function readFinding({ file, line, issue }: MeshPage['findings'][number]): IssueView {
  const place = file === '' ? '' : ` in ${file}:${line}`;
  const field = issue.field === '' ? '' : `${issue.field}: `;
  const value = issue.value === '' ? '' : ` (got ${issue.value})`;
  return { object: `${issue.object}${place}`, text: `${field}${issue.rule}${value}` };
}

/** One short version for several: FNV-1a over them, so that any change shows. */
function combine(versions: readonly string[]): string {
  const text = versions.join(' ');
  if (text.trim() === '') return '';
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}
