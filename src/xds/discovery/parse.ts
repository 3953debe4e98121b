// Parses the messages of an ADS stream. All functions throw WireError on bytes that are no such message; the caller
// ends the stream.

import { nackTextMax, nameLengthMax, subscribedNamesMax } from '../limits.ts';
import { WireError, WireReader, wireType } from '../protobuf/wire-reader.ts';
import type { XdsNode } from '../types.ts';
import {
  type DeltaRequest,
  type DeltaResponse,
  type ReceivedResource,
  type SotwRequest,
  type SotwResponse,
  wrappedResourceType,
} from './messages.ts';
import { parseNode } from './node.ts';
import { NameRuns, tooManyNames } from './shared-names.ts';

export function parseSotwRequest(bytes: Uint8Array): SotwRequest {
  const reader = new WireReader(bytes);
  const names = new NameRuns();
  let version = '';
  let typeUrl = '';
  let nonce = '';
  let node: XdsNode | null = null;
  let error: string | null = null;
  while (reader.next()) {
    if (reader.field === 1) version = reader.string(nameLengthMax);
    else if (reader.field === 2) node = parseNode(reader.view());
    else if (reader.field === 3) names.read(reader);
    else if (reader.field === 4) typeUrl = reader.string(nameLengthMax);
    else if (reader.field === 5) nonce = reader.string(nameLengthMax);
    else if (reader.field === 6) error = parseStatus(reader.nested());
    else reader.skip();
  }
  return { typeUrl, version, nonce, names: names.names, node, error };
}

export function parseDeltaRequest(bytes: Uint8Array): DeltaRequest {
  const reader = new WireReader(bytes);
  const subscribe = new NameRuns();
  const unsubscribe = new NameRuns();
  const initialVersions = new Map<string, string>();
  let held = 0;
  let typeUrl = '';
  let nonce = '';
  let node: XdsNode | null = null;
  let error: string | null = null;
  while (reader.next()) {
    if (reader.field === 1) node = parseNode(reader.view());
    else if (reader.field === 2) typeUrl = reader.string(nameLengthMax);
    else if (reader.field === 3) subscribe.read(reader);
    else if (reader.field === 4) unsubscribe.read(reader);
    else if (reader.field === 5) {
      if (++held > subscribedNamesMax) throw new WireError(tooManyNames);
      parseVersionEntry(reader.nested(), initialVersions);
    } else if (reader.field === 6) nonce = reader.string(nameLengthMax);
    else if (reader.field === 7) error = parseStatus(reader.nested());
    else reader.skip();
  }
  return {
    typeUrl,
    nonce,
    subscribe: subscribe.names,
    unsubscribe: unsubscribe.names,
    initialVersions,
    node,
    error,
  };
}

function parseVersionEntry(reader: WireReader, into: Map<string, string>): void {
  let name = '';
  let version = '';
  while (reader.next()) {
    if (reader.field === 1) name = reader.string(nameLengthMax);
    else if (reader.field === 2) version = reader.string(nameLengthMax);
    else reader.skip();
  }
  into.set(name, version);
}

function parseStatus(reader: WireReader): string {
  let message = '';
  while (reader.next()) {
    if (reader.field === 2) message = reader.head(nackTextMax);
    else reader.skip();
  }
  return message;
}

export function parseSotwResponse(bytes: Uint8Array): SotwResponse {
  const reader = new WireReader(bytes);
  const resources: ReceivedResource[] = [];
  let version = '';
  let typeUrl = '';
  let nonce = '';
  while (reader.next()) {
    if (reader.field === 1) version = reader.string();
    else if (reader.field === 2) resources.push(parseSotwResource(reader.nested()));
    else if (reader.field === 4) typeUrl = reader.string();
    else if (reader.field === 5) nonce = reader.string();
    else reader.skip();
  }
  return { typeUrl, version, nonce, resources };
}

function parseSotwResource(reader: WireReader): ReceivedResource {
  const { typeUrl, value } = parseAny(reader);
  if (typeUrl === wrappedResourceType) return parseResource(new WireReader(value));
  return { name: parseName(value), version: '', typeUrl, bytes: value, ttlMs: null, aliases: [] };
}

export function parseDeltaResponse(bytes: Uint8Array): DeltaResponse {
  const reader = new WireReader(bytes);
  const resources: ReceivedResource[] = [];
  const removed: string[] = [];
  let version = '';
  let typeUrl = '';
  let nonce = '';
  while (reader.next()) {
    if (reader.field === 1) version = reader.string();
    else if (reader.field === 2) resources.push(parseResource(reader.nested()));
    else if (reader.field === 4) typeUrl = reader.string();
    else if (reader.field === 5) nonce = reader.string();
    else if (reader.field === 6) removed.push(reader.string());
    else reader.skip();
  }
  return { typeUrl, version, nonce, resources, removed };
}

function parseResource(reader: WireReader): ReceivedResource {
  let name = '';
  let version = '';
  let any: { typeUrl: string; value: Uint8Array } | null = null;
  let ttlMs: number | null = null;
  const aliases: string[] = [];
  while (reader.next()) {
    if (reader.field === 1) version = reader.string();
    else if (reader.field === 2) any = parseAny(reader.nested());
    else if (reader.field === 3) name = reader.string();
    else if (reader.field === 4) aliases.push(reader.string(nameLengthMax));
    else if (reader.field === 6) ttlMs = parseDurationMs(reader.nested());
    else reader.skip();
  }
  return { name, version, typeUrl: any?.typeUrl ?? '', bytes: any?.value ?? null, ttlMs, aliases };
}

/** google.protobuf.Duration. */
function parseDurationMs(reader: WireReader): number {
  let ms = 0;
  while (reader.next()) {
    if (reader.field === 1) ms += reader.varint() * 1000;
    else if (reader.field === 2) ms += reader.varint() / 1e6;
    else reader.skip();
  }
  return ms;
}

function parseAny(reader: WireReader): { typeUrl: string; value: Uint8Array } {
  let typeUrl = '';
  let value = new Uint8Array();
  while (reader.next()) {
    if (reader.field === 1) typeUrl = reader.string();
    else if (reader.field === 2) value = copy(reader.view());
    else reader.skip();
  }
  return { typeUrl, value };
}

/** A resource outlives the message it came in; a view would keep the whole message in memory. */
function copy(view: Uint8Array): Uint8Array<ArrayBuffer> {
  return view.slice() as Uint8Array<ArrayBuffer>;
}

/** The name of a Listener, RouteConfiguration, Cluster, ClusterLoadAssignment, Secret, ...: field 1 of all of them. */
export function parseName(resource: Uint8Array): string {
  const reader = new WireReader(resource);
  let name = '';
  while (reader.next()) {
    if (reader.field === 1 && reader.type === wireType.bytes) name = reader.string();
    else reader.skip();
  }
  return name;
}
