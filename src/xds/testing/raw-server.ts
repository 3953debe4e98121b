// The server's end of a client stream, in a test's hands.

import { MeshError } from '../../base/index.ts';
import { encodeDeltaResponse, encodeSotwResponse, joinPieces } from '../discovery/encode.ts';
import type { DeltaRequest, SotwRequest } from '../discovery/messages.ts';
import { parseDeltaRequest, parseSotwRequest } from '../discovery/parse.ts';
import type { AdsStream, AdsStreamHandler, AdsTransport, AdsVariant, XdsResource } from '../types.ts';

type AnyRequest = SotwRequest & DeltaRequest;

export class RawServer implements AdsTransport {
  readonly received: AnyRequest[] = [];
  opened = 0;
  writable = true;
  handler: AdsStreamHandler | null = null;

  open(variant: AdsVariant, handler: AdsStreamHandler): AdsStream {
    this.opened += 1;
    this.handler = handler;
    return {
      send: (pieces) => {
        const message = joinPieces(pieces);
        this.received.push(
          (variant === 'delta' ? parseDeltaRequest(message) : parseSotwRequest(message)) as AnyRequest,
        );
        return this.writable;
      },
      close: () => {
        this.handler = null;
      },
    };
  }

  close(): void {}

  sotw(typeUrl: string, version: string, nonce: string, resources: readonly XdsResource[]): void {
    this.handler?.onMessage(joinPieces(encodeSotwResponse(typeUrl, version, nonce, resources)));
  }

  delta(
    typeUrl: string,
    nonce: string,
    resources: readonly XdsResource[],
    removed: readonly string[] = [],
  ): void {
    this.handler?.onMessage(joinPieces(encodeDeltaResponse(typeUrl, `v${nonce}`, nonce, resources, removed)));
  }

  respond(variant: AdsVariant, typeUrl: string, nonce: string, resources: readonly XdsResource[]): void {
    if (variant === 'delta') this.delta(typeUrl, nonce, resources);
    else this.sotw(typeUrl, `v${nonce}`, nonce, resources);
  }

  fail(): void {
    const { handler } = this;
    this.handler = null;
    handler?.onClose(new MeshError('peer-reset', 'upstream', 'yes', 'the stream was reset'));
  }

  /** The requests since the last call. */
  take(): AnyRequest[] {
    return this.received.splice(0);
  }
}
