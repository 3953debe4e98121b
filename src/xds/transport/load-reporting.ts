// envoy.service.load_stats.v3.LoadReportingService: clients say how their requests went, Envoy and gRPC's own among
// them. Who reports is proven as for discovery, and asked for what is used here alone.

import { type Clock, MeshError, Timer, type TimerHandler } from '../../base/index.ts';
import { refusedError, type XdsCaller } from '../caller.ts';
import { encodeLoadStatsResponse, parseLoadStatsRequest } from '../discovery/load-stats.ts';
import { firstRequestWaitMs } from '../limits.ts';
import { WireError } from '../protobuf/wire-reader.ts';
import { LoadClient, type LoadReports } from '../server/load-reports.ts';
import type { AdsStream, XdsNode } from '../types.ts';
import type { CallHandler } from './health.ts';

export const loadReportingPath = '/envoy.service.load_stats.v3.LoadReportingService/StreamLoadStats';

/** The server leaves the list of clusters to the client then, which is no longer than what it has. */
const allClusters = 'envoy.lrs.supports_send_all_clusters';

export interface LoadStreamOptions {
  readonly loads: LoadReports;
  readonly clock: Clock;
  readonly stream: AdsStream;
  readonly peer: string;
  /** Null: nobody has to prove anything. */
  readonly caller: XdsCaller | null;
}

/** States: `silent` (until the first request) -> `reporting` -> over. */
export class LoadStream implements CallHandler, TimerHandler {
  private readonly options: LoadStreamOptions;
  private readonly client: LoadClient | null;
  private readonly deadline = new Timer(this, 0);
  private claimed: XdsNode | null = null;

  constructor(options: LoadStreamOptions) {
    this.options = options;
    const entered = options.loads.enter(options.peer);
    this.client = entered instanceof LoadClient ? entered : null;
    if (entered instanceof LoadClient) options.clock.arm(this.deadline, firstRequestWaitMs);
    // The call has its handler first.
    else void Promise.resolve().then(() => this.end(new MeshError('overflow', 'internal', 'yes', entered)));
  }

  onMessage(message: Uint8Array): void {
    const { client } = this;
    if (client === null) return;
    try {
      const { node, clusters } = parseLoadStatsRequest(message);
      const isFirst = this.claimed === null;
      const refusal = this.introduce(client, this.claimed ?? node);
      if (refusal !== null) this.end(refusal);
      else {
        const { loads, stream, clock } = this.options;
        loads.take(client, clusters, clock.wall());
        if (isFirst) stream.send([encodeLoadStatsResponse(loads.intervalMs)]);
      }
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.end(refused(`the LoadStatsRequest ${error.message}`));
    }
  }

  onWritable(): void {}

  onTimer(): void {
    this.end(new MeshError('request-timeout', 'downstream', 'no', 'no load report came'));
  }

  onClose(): void {
    const { loads, clock } = this.options;
    clock.cancel(this.deadline);
    if (this.client !== null) loads.leave(this.client);
  }

  /** With each report anew: a Pod may be gone meanwhile. */
  private introduce(client: LoadClient, claimed: XdsNode | null): MeshError | null {
    if (claimed === null) return refused('the first LoadStatsRequest has no node');
    if (!claimed.clientFeatures.includes(allClusters))
      return refused(`the node has no client feature ${allClusters}: clusters are not listed one by one`);
    const introduced = this.options.caller?.introduce(claimed) ?? { ok: true, value: claimed };
    if (!introduced.ok) return refusedError(introduced.error);
    this.options.clock.cancel(this.deadline);
    this.claimed = claimed;
    client.nodeId = introduced.value.id;
    return null;
  }

  private end(error: MeshError): void {
    this.onClose();
    this.options.stream.close(error);
  }
}

function refused(message: string): MeshError {
  return new MeshError('protocol', 'downstream', 'no', message);
}
