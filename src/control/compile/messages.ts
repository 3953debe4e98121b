// Small pieces of Envoy API messages that every resource is made of.

import { create, type DescMessage, type JsonObject, type MessageInitShape } from '@bufbuild/protobuf';
import { type Any, AnySchema, anyPack, type Duration, DurationSchema } from '@bufbuild/protobuf/wkt';
import {
  type Address,
  AddressSchema,
  ApiVersion,
  type ConfigSource,
  ConfigSourceSchema,
  type HeaderValueOption,
  HeaderValueOption_HeaderAppendAction,
  HeaderValueOptionSchema,
  type Metadata,
  MetadataSchema,
} from '../../xds/api.ts';
import { weftMetadataKey } from '../../xds/index.ts';
import type { HttpHeaderEdits } from '../schema/http-filters.ts';

export function packAny<D extends DescMessage>(schema: D, init: MessageInitShape<D>): Any {
  return anyPack(schema, create(schema, init));
}

export function durationOf(ms: number): Duration {
  const seconds = Math.floor(ms / 1000);
  return create(DurationSchema, { seconds: BigInt(seconds), nanos: Math.round((ms - seconds * 1000) * 1e6) });
}

export function addressOf(host: string, port: number): Address {
  return create(AddressSchema, {
    address: {
      case: 'socketAddress',
      value: { address: host, portSpecifier: { case: 'portValue', value: port } },
    },
  });
}

/** Everything comes over the one ADS stream, which keeps clusters before the routes that name them. */
export function fromAds(): ConfigSource {
  return create(ConfigSourceSchema, {
    configSourceSpecifier: { case: 'ads', value: {} },
    resourceApiVersion: ApiVersion.V3,
  });
}

/** `filter_metadata["weft.dev"]` (docs/xds.md). Undefined fields are dropped, as JSON has none. */
export function weftMetadata(content: object): Metadata {
  const value = JSON.parse(JSON.stringify(content)) as JsonObject;
  return create(MetadataSchema, { filterMetadata: { [weftMetadataKey]: value } });
}

export function compileHeaderLines(edits: HttpHeaderEdits | null): HeaderValueOption[] {
  if (edits === null) return [];
  const { OVERWRITE_IF_EXISTS_OR_ADD, APPEND_IF_EXISTS_OR_ADD } = HeaderValueOption_HeaderAppendAction;
  return [
    ...edits.set.map((line) => headerLine(line, OVERWRITE_IF_EXISTS_OR_ADD)),
    ...edits.add.map((line) => headerLine(line, APPEND_IF_EXISTS_OR_ADD)),
  ];
}

function headerLine(
  line: { readonly name: string; readonly value: string },
  appendAction: HeaderValueOption_HeaderAppendAction,
): HeaderValueOption {
  // Envoy reads % as the begin of a command.
  const value = line.value.replaceAll('%', '%%');
  return create(HeaderValueOptionSchema, { header: { key: line.name.toLowerCase(), value }, appendAction });
}

/** Says which port of which Service was chosen, as {@link PortModel.id} (docs/xds.md). */
export const destinationHeader = 'x-weft-destination';

export function setHeader(name: string, value: string): HeaderValueOption {
  return headerLine({ name, value }, HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD);
}

export function removedHeaders(edits: HttpHeaderEdits | null): string[] {
  return edits === null ? [] : edits.remove.map((name) => name.toLowerCase());
}

/** Of a message without fields that are said, for which no code is generated. */
export function emptyMessage(typeName: string): Any {
  return create(AnySchema, { typeUrl: `type.googleapis.com/${typeName}` });
}
