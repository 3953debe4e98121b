// The client's end of a server stream, in a test's hands: it sends what the test says and keeps what the server
// answers, at once.

import { type Clock, type Log, type MeshError, silentLog } from '../../base/index.ts';
import type { XdsCaller } from '../caller.ts';
import { encodeDeltaRequest, encodeSotwRequest, joinPieces } from '../discovery/encode.ts';
import type { DeltaRequest, DeltaResponse, SotwRequest, SotwResponse } from '../discovery/messages.ts';
import { parseDeltaResponse, parseSotwResponse } from '../discovery/parse.ts';
import { AdsServer } from '../server/ads-server.ts';
import type { AdsNack, AdsRefusal } from '../server/types.ts';
import type { AdsStreamHandler, AdsVariant, SnapshotSource } from '../types.ts';
import { testNode } from './resources.ts';

type AnyResponse = SotwResponse & DeltaResponse;

export class RawClient {
  readonly received: AnyResponse[] = [];
  closedBy: MeshError | null | undefined = undefined;
  /** What `send` tells the server. */
  writable = true;
  private readonly handler: AdsStreamHandler;
  private readonly variant: AdsVariant;
  private readonly introduced = new Set<string>();

  constructor(server: AdsServer, variant: AdsVariant, peer = '', caller: XdsCaller | null = null) {
    this.variant = variant;
    this.handler = server.accept(
      variant,
      {
        send: (pieces) => {
          const message = joinPieces(pieces);
          this.received.push(
            (variant === 'delta' ? parseDeltaResponse(message) : parseSotwResponse(message)) as AnyResponse,
          );
          return this.writable;
        },
        close: (error) => {
          this.closedBy = error;
        },
      },
      { peer, caller },
    );
  }

  sotw(typeUrl: string, request: Partial<SotwRequest> = {}): void {
    this.handler.onMessage(
      encodeSotwRequest({
        typeUrl,
        version: '',
        nonce: '',
        names: [],
        node: this.node(),
        error: null,
        ...request,
      }),
    );
  }

  delta(typeUrl: string, request: Partial<DeltaRequest> = {}): void {
    this.handler.onMessage(
      encodeDeltaRequest({
        typeUrl,
        nonce: '',
        subscribe: [],
        unsubscribe: [],
        initialVersions: new Map(),
        node: this.node(),
        error: null,
        ...request,
      }),
    );
  }

  raw(bytes: Uint8Array): void {
    this.handler.onMessage(bytes);
  }

  /** Answers the newest response of a type; `names` as in every SotW request. */
  ack(typeUrl: string, names: readonly string[] = [], error: string | null = null): void {
    const last = this.last(typeUrl);
    if (this.variant === 'delta') this.delta(typeUrl, { nonce: last.nonce, error });
    else this.sotw(typeUrl, { nonce: last.nonce, version: error === null ? last.version : '', names, error });
  }

  last(typeUrl: string): AnyResponse {
    const last = this.received.findLast((response) => response.typeUrl === typeUrl);
    if (last === undefined) throw new Error(`no response of ${typeUrl}`);
    return last;
  }

  /** What came since the last call: `Cluster +a +b -c`. */
  news(): readonly string[] {
    return this.received.splice(0).map((response) => describe(response));
  }

  setWritable(): void {
    this.writable = true;
    this.handler.onWritable();
  }

  hangUp(): void {
    this.handler.onClose(null);
  }

  private node(): typeof testNode | null {
    if (this.introduced.has('node')) return null;
    this.introduced.add('node');
    return testNode;
  }
}

function describe(response: AnyResponse): string {
  const type = response.typeUrl.slice(response.typeUrl.lastIndexOf('.') + 1);
  const removed = (response.removed ?? []).map((name) => ` -${name}`);
  return `${type}${response.resources.map((resource) => ` +${resource.name}`).join('')}${removed.join('')}`;
}

export function createTestServer(
  clock: Clock,
  source: SnapshotSource,
  log: Log = silentLog,
): { server: AdsServer; nacks: AdsNack[]; acks: string[]; refusals: AdsRefusal[] } {
  const nacks: AdsNack[] = [];
  const acks: string[] = [];
  const refusals: AdsRefusal[] = [];
  const server = new AdsServer({
    clock,
    log,
    snapshotFor: () => source,
    observer: {
      onStream() {},
      onNack: (nack) => nacks.push(nack),
      onRefused: (_node, _typeUrl, refusal) => refusals.push(refusal),
      onResolved: (_node, _typeUrl, refusal) => refusals.splice(refusals.indexOf(refusal), 1),
      onAck: (_node, typeUrl) => acks.push(typeUrl.slice(typeUrl.lastIndexOf('.') + 1)),
    },
  });
  return { server, nacks, acks, refusals };
}
