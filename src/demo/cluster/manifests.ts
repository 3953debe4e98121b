// The directory that the control plane watches: the bank's manifests as they are in the source tree, plus what the demo
// changes in them while it runs. Changes are whole files, written aside and renamed.

import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { writeFileAtomic } from '../machine/atomic-file.ts';

type ManifestObject = Record<string, unknown>;

/** What the demo may do to every ServicePolicy: fields of `spec` that replace those of the manifest. */
export type PolicyOverride = ManifestObject;

/** No retries, no ejection, no look at latency: what a plain load balancer does. Failures then reach the caller. */
export const policiesOff: PolicyOverride = {
  loadBalancing: { type: 'RoundRobin' },
  retry: { attempts: 0 },
  outlierDetection: { consecutiveFailures: 0, successRate: { minimumRequests: 0 } },
};

/** Balancing alone decides: for measuring what it does about a slow replica. */
export function balancingOnly(type: 'LatencyAware' | 'RoundRobin'): PolicyOverride {
  return {
    loadBalancing: { type },
    timeouts: { attempt: '0s' },
    outlierDetection: policiesOff['outlierDetection'],
  };
}

export class Manifests {
  /** What `weft control --dir` gets. */
  readonly folder: string;
  /** Where pods write their EndpointSlices. */
  readonly sliceFolder: string;
  private readonly source: string;

  constructor(source: string, folder: string) {
    this.source = source;
    this.folder = folder;
    this.sliceFolder = join(folder, 'endpoints');
    cpSync(source, folder, { recursive: true });
  }

  get serviceNames(): readonly string[] {
    return this.read('services.yaml').map((service) => (service['metadata'] as { name: string }).name);
  }

  /** What a cluster gives its Services: addresses, by name. */
  setAddresses(addresses: ReadonlyMap<string, string>): void {
    this.edit('services.yaml', (service) => {
      const { name } = service['metadata'] as { name: string };
      const address = addresses.get(name);
      if (address !== undefined)
        service['spec'] = { ...(service['spec'] as ManifestObject), clusterIP: address };
    });
  }

  /**
   * Replaces fields of the ServicePolicy of one service, or of all; null: the manifests as they stand in the source
   * tree.
   */
  setPolicies(override: PolicyOverride | null, service: string | 'all' = 'all'): void {
    this.edit('policies.yaml', (policy) => {
      const { name } = policy['metadata'] as { name: string };
      if (service !== 'all' && name !== service) return;
      policy['spec'] = { ...(policy['spec'] as ManifestObject), ...override };
    });
  }

  /** Sends `percent` of the calls to pricing to its version 2. */
  setSplit(percent: number): void {
    this.edit('routes.yaml', (route) => {
      const spec = route['spec'] as { rules: { backendRefs: { name: string; weight: number }[] }[] };
      for (const backend of spec.rules.flatMap((rule) => rule.backendRefs)) {
        backend.weight = backend.name === 'pricing-v2' ? percent : 100 - percent;
      }
    });
  }

  private edit(file: string, change: (object: ManifestObject) => void): void {
    const objects = this.read(file);
    for (const object of objects) change(object);
    const text = objects.map((object) => `${JSON.stringify(object, null, 2)}\n`).join('---\n');
    writeFileAtomic(join(this.folder, file), text);
  }

  /** As in the source tree. */
  private read(file: string): ManifestObject[] {
    const documents = parseAllDocuments(readFileSync(join(this.source, file), 'utf8'));
    return documents.map((document) => document.toJS() as ManifestObject);
  }
}
