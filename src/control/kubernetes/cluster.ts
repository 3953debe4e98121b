// An API server as a person's tools use it: objects, logs, and HTTP to a port inside a pod.

import type { MeshError, Result } from '../../base/index.ts';
import { Caller, type CallerOptions } from './caller.ts';
import { createCallerApi } from './fetch-api.ts';
import { type PodRequest, requestPod } from './pod-tunnel.ts';
import type { KubeApi } from './types.ts';

export interface Cluster {
  readonly api: KubeApi;
  /** A text that may go on for long, as a log that is followed; the caller reads it, and ends it by `signal`. */
  openText(path: string, signal: AbortSignal): Promise<Result<Response, MeshError>>;
  readonly requestPod: PodRequest;
}

export function createCluster(options: CallerOptions): Cluster {
  const caller = new Caller(options);
  return {
    api: createCallerApi(caller, options.clock),
    openText: (path, signal) => caller.open({ method: 'GET', path }, signal),
    requestPod: (port, path, { method = 'GET' } = {}) => requestPod(caller, port, path, method),
  };
}
