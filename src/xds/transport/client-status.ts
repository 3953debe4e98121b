// envoy.service.status.v3.ClientStatusDiscoveryService: who is served what and has what of it, in the field's own
// words, streaming and unary
// (https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/status/v3/csds.proto). It tells of everybody, so it is
// for who administers this machine: where callers are proven, nobody of them is let to it.

import { MeshError } from '../../base/index.ts';
import { CallerRefused } from '../caller.ts';
import { encodeNode } from '../discovery/node.ts';
import { clientStatusBytesMax, clientStatusPendingMax } from '../limits.ts';
import { WireWriter } from '../protobuf/wire-writer.ts';
import type { AdsServer } from '../server/ads-server.ts';
import type { InspectedResource, ResourceState } from '../server/inspect.ts';
import type { AdsRefusal } from '../server/types.ts';
import { type AdsStream, typeUrls, type XdsResource } from '../types.ts';
import { parseStatusRequest, type StatusRequest } from './client-status-request.ts';
import type { CallHandler, StartCall } from './health.ts';

const service = '/envoy.service.status.v3.ClientStatusDiscoveryService';

/** `isOpen`: nobody has to prove anything here. */
export function findClientStatus(path: string, server: AdsServer, isOpen: boolean): StartCall | null {
  const isUnary = path === `${service}/FetchClientStatus`;
  if (!isUnary && path !== `${service}/StreamClientStatus`) return null;
  return (stream) => (isOpen ? new StatusCall(stream, server, isUnary) : new Refusal(stream));
}

/** States: `asked` (answers wait until the client reads) <-> `idle` -> over. */
class StatusCall implements CallHandler {
  private readonly stream: AdsStream;
  private readonly server: AdsServer;
  private readonly isUnary: boolean;
  private readonly waiting: StatusRequest[] = [];
  private writable = true;
  private asksNoMore = false;
  private closed = false;

  constructor(stream: AdsStream, server: AdsServer, isUnary: boolean) {
    this.stream = stream;
    this.server = server;
    this.isUnary = isUnary;
  }

  onMessage(message: Uint8Array): void {
    const request = parseStatusRequest(message);
    if (typeof request === 'string') this.end(new MeshError('protocol', 'downstream', 'no', request));
    else if (this.waiting.length >= clientStatusPendingMax)
      this.end(overflow(`more than ${clientStatusPendingMax} questions wait for their answers to be read`));
    else {
      this.waiting.push(request);
      this.answer();
    }
  }

  onRequestEnd(): void {
    this.asksNoMore = true;
    this.answer();
  }

  onWritable(): void {
    this.writable = true;
    this.answer();
  }

  onClose(): void {
    this.closed = true;
  }

  private answer(): void {
    while (this.writable && !this.closed) {
      const request = this.waiting.shift();
      if (request === undefined) break;
      const answer = encodeAnswer(this.server, request);
      if (answer === null) this.end(overflow(tooLarge));
      else this.writable = this.stream.send(answer);
      if (this.isUnary) this.end(null);
    }
    if (this.asksNoMore && this.waiting.length === 0) this.end(null);
  }

  private end(error: MeshError | null): void {
    if (this.closed) return;
    this.closed = true;
    this.stream.close(error);
  }
}

const tooLarge = `the answer has more than ${clientStatusBytesMax} bytes: ask by node_matchers, or exclude_resource_contents`;

class Refusal implements CallHandler {
  constructor(stream: AdsStream) {
    const cause = new CallerRefused('permission-denied');
    const message = 'client status is told on the plain port of the control plane’s own machine alone';
    // The call has its handler first.
    void Promise.resolve().then(() =>
      stream.close(new MeshError('protocol', 'downstream', 'no', message, cause)),
    );
  }
  onMessage(): void {}
  onWritable(): void {}
  onClose(): void {}
}

function overflow(message: string): MeshError {
  return new MeshError('overflow', 'downstream', 'no', message);
}

/** ClientStatusResponse, a ClientConfig a stream; null: it would be too large. */
function encodeAnswer(server: AdsServer, { matches, withContents }: StatusRequest): Uint8Array[] | null {
  const configs: Uint8Array[] = [];
  let bytes = 0;
  for (const { node, types } of server.inspectAll(matches)) {
    const config = new WireWriter();
    config.bytes(1, encodeNode(node));
    for (const { typeUrl, resources, refusals } of types) {
      const isShown = withContents && typeUrl !== typeUrls.secret;
      for (const resource of resources) {
        config.bytes(3, encodeResource(typeUrl, resource, refusals, isShown));
        if (bytes + config.size > clientStatusBytesMax) return null;
      }
    }
    const framed = new WireWriter();
    framed.bytes(1, config.finish());
    const done = framed.finish();
    bytes += done.length;
    if (bytes > clientStatusBytesMax) return null;
    configs.push(done);
  }
  return configs;
}

/** ConfigStatus and admin.v3.ClientResourceStatus. */
const configStatus = { synced: 1, notSent: 2, stale: 3, error: 4 } as const;
const clientStatus = { requested: 1, doesNotExist: 2, acked: 3, nacked: 4 } as const;

const words: Readonly<Record<ResourceState, readonly [config: number, client: number]>> = {
  synced: [configStatus.synced, clientStatus.acked],
  due: [configStatus.notSent, clientStatus.requested],
  sent: [configStatus.stale, clientStatus.requested],
  refused: [configStatus.error, clientStatus.nacked],
  leaving: [configStatus.stale, clientStatus.acked],
  absent: [configStatus.synced, clientStatus.doesNotExist],
};

/** ClientConfig.GenericXdsConfig. */
function encodeResource(
  typeUrl: string,
  { name, state, served, held }: InspectedResource,
  refusals: readonly AdsRefusal[],
  isShown: boolean,
): Uint8Array {
  const writer = new WireWriter();
  const [config, client] = words[state];
  writer.string(1, typeUrl);
  writer.string(2, name);
  writer.string(3, served?.version ?? held?.version ?? '');
  if (isShown && served !== null) writer.bytes(4, encodeAny(served));
  writer.uint(6, config);
  writer.uint(7, client);
  const refusal = state === 'refused' ? refusals.find(({ resource }) => resource === name) : undefined;
  if (refusal !== undefined) {
    const failure = new WireWriter();
    failure.string(3, refusal.message);
    failure.string(4, refusal.version);
    writer.bytes(8, failure.finish());
  }
  return writer.finish();
}

function encodeAny({ typeUrl, bytes }: XdsResource): Uint8Array {
  const writer = new WireWriter(bytes.length + typeUrl.length + 16);
  writer.string(1, typeUrl);
  writer.bytes(2, bytes);
  return writer.finish();
}
