// envoy.config.core.v3.Node on the wire: who a client says it is, in the first request of a stream.

import { clientFeaturesMax, nodeMetadataBytesMax, nodeTextMax } from '../limits.ts';
import { encodeStruct, parseStruct } from '../protobuf/struct.ts';
import { WireError, WireReader } from '../protobuf/wire-reader.ts';
import { WireWriter } from '../protobuf/wire-writer.ts';
import type { XdsNode } from '../types.ts';

export function encodeNode(node: XdsNode): Uint8Array {
  const writer = new WireWriter();
  writer.string(1, node.id);
  writer.string(2, node.cluster);
  if (Object.keys(node.metadata).length > 0) writer.bytes(3, encodeStruct(node.metadata));
  const { region, zone, subZone } = node.locality;
  if (region !== '' || zone !== '' || subZone !== '') writer.bytes(4, encodeLocality(node.locality));
  const slash = node.userAgent.indexOf('/');
  writer.string(6, slash === -1 ? node.userAgent : node.userAgent.slice(0, slash));
  if (slash !== -1) writer.string(7, node.userAgent.slice(slash + 1));
  for (const feature of node.clientFeatures) writer.element(10, feature);
  return writer.finish();
}

function encodeLocality(locality: XdsNode['locality']): Uint8Array {
  const writer = new WireWriter();
  writer.string(1, locality.region);
  writer.string(2, locality.zone);
  writer.string(3, locality.subZone);
  return writer.finish();
}

/** Throws WireError on bytes that are no Node. */
export function parseNode(bytes: Uint8Array): XdsNode {
  const reader = new WireReader(bytes);
  const node = {
    id: '',
    cluster: '',
    metadata: {} as Record<string, unknown>,
    locality: { region: '', zone: '', subZone: '' },
    userAgent: '',
    clientFeatures: [] as string[],
  };
  let agent = '';
  let version = '';
  while (reader.next()) {
    if (reader.field === 1) node.id = reader.string(nodeTextMax);
    else if (reader.field === 2) node.cluster = reader.string(nodeTextMax);
    else if (reader.field === 3) node.metadata = parseMetadata(reader.view());
    else if (reader.field === 4) node.locality = parseLocality(reader.nested());
    else if (reader.field === 6) agent = reader.string(nodeTextMax);
    else if (reader.field === 7) version = reader.string(nodeTextMax);
    else if (reader.field === 8) version = parseBuildVersion(reader.nested());
    else if (reader.field === 10 && node.clientFeatures.length < clientFeaturesMax)
      node.clientFeatures.push(reader.string(nodeTextMax));
    else reader.skip();
  }
  node.userAgent = version === '' ? agent : `${agent}/${version}`;
  return node;
}

function parseMetadata(bytes: Uint8Array): Record<string, unknown> {
  if (bytes.length > nodeMetadataBytesMax)
    throw new WireError(
      `has a node whose metadata has ${bytes.length} bytes, at most ${nodeMetadataBytesMax}`,
    );
  return parseStruct(new WireReader(bytes));
}

function parseLocality(reader: WireReader): XdsNode['locality'] {
  const locality = { region: '', zone: '', subZone: '' };
  while (reader.next()) {
    if (reader.field === 1) locality.region = reader.string(nodeTextMax);
    else if (reader.field === 2) locality.zone = reader.string(nodeTextMax);
    else if (reader.field === 3) locality.subZone = reader.string(nodeTextMax);
    else reader.skip();
  }
  return locality;
}

function parseBuildVersion(reader: WireReader): string {
  const parts = [0, 0, 0];
  while (reader.next()) {
    if (reader.field !== 1) {
      reader.skip();
      continue;
    }
    const semantic = reader.nested();
    while (semantic.next()) {
      if (semantic.field <= 3) parts[semantic.field - 1] = semantic.varint();
      else semantic.skip();
    }
  }
  return parts.join('.');
}
