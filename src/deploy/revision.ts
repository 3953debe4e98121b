// What the parts of an installation are called. Several may stand in one namespace, one without a revision and any
// number with one: what belongs to one of them has its name, what they share (definitions, the namespace, the Lease by
// which one of all replicas writes status, the authority, the agents) has none.

import { revisionLabel } from '../control/index.ts';
import { meshPorts } from './limits.ts';

/** With `weft-control-` before it and what a Deployment adds after it, a pod's name is still a host's (63). */
export const revisionCharsMax = 32;

export interface RevisionNames {
  /** Deployment, Service, account and roles of the control plane; also the label `app` of its pods. */
  readonly control: string;
  /** The same of the webhook, and its Secret. */
  readonly inject: string;
  /** By which one replica of the revision keeps what is the revision's own: proxies of Gateways, a certificate. */
  readonly lease: string;
  /** Of every object that is the revision's own. */
  readonly labels: Readonly<Record<string, string>>;
  /** Words of the command line that say it. */
  readonly args: readonly string[];
}

/** '': the installation without one. */
export function namesOf(revision: string): RevisionNames {
  const suffix = revision === '' ? '' : `-${revision}`;
  return {
    control: `weft-control${suffix}`,
    inject: `weft-inject${suffix}`,
    lease: `weft-revision${suffix}`,
    labels: revision === '' ? {} : { [revisionLabel]: revision },
    args: revision === '' ? [] : ['--revision', revision],
  };
}

/** A part of a name, and a label's value. */
export function isRevision(text: string): boolean {
  return text.length <= revisionCharsMax && /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(text);
}

/** The cluster has one name for it, wherever the mesh is. */
export function webhookConfigurationName(revision: string, namespace: string): string {
  return `${namesOf(revision).inject}-${namespace}`;
}

/** Name of the Lease by which one replica of all revisions writes status. */
export const sharedLease = 'weft-control';

/** Where proxies find the control plane. */
export function xdsAddress(namespace: string, revision: string): string {
  return `${namesOf(revision).control}.${namespace}.svc:${meshPorts.xds}`;
}

/** What the control plane's certificate is for: its Service, as short and as long as it can be written. */
export function xdsNames(namespace: string, revision: string): readonly string[] {
  const name = namesOf(revision).control;
  const service = `${name}.${namespace}.svc`;
  return [service, `${service}.cluster.local`, `${name}.${namespace}`];
}
