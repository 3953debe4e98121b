// What has a proxy ask for virtual hosts and clusters when a request or a connection needs them: messages for which no
// code is generated.

import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { type Any, AnySchema } from '@bufbuild/protobuf/wkt';
import { ConfigSourceSchema, type HttpFilterSchema } from '../../xds/api.ts';
import { WireWriter } from '../../xds/index.ts';
import { fromAds } from './messages.ts';

/** What is sent to those alone who ask for it. */
export interface OnDemand {
  readonly hosts: boolean;
  readonly clusters: boolean;
}

const source = toBinary(ConfigSourceSchema, fromAds());

/** OnDemandCds (source) and TcpProxy.OnDemand (odcds_config) alike: field 1. */
const odcds = messageOf(1, source);

/** The filter, where either is asked for: virtual hosts go by the table's `vhds` then. */
export function onDemandFilters({ clusters, hosts }: OnDemand): MessageInitShape<typeof HttpFilterSchema>[] {
  if (!clusters && !hosts) return [];
  const value = create(AnySchema, {
    typeUrl: 'type.googleapis.com/envoy.extensions.filters.http.on_demand.v3.OnDemand',
    value: clusters ? messageOf(1, odcds) : new Uint8Array(),
  });
  return [{ name: 'envoy.filters.http.on_demand', configType: { case: 'typedConfig', value } }];
}

/** Of a TcpProxy that has no `on_demand`: with one. */
export function withOnDemand(proxy: Any): Any {
  return create(AnySchema, {
    typeUrl: proxy.typeUrl,
    value: Buffer.concat([proxy.value, messageOf(14, odcds)]),
  });
}

function messageOf(field: number, bytes: Uint8Array): Uint8Array {
  const writer = new WireWriter();
  writer.bytes(field, bytes);
  return writer.finish();
}
