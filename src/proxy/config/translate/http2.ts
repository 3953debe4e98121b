// HTTP/2 options of listeners and clusters, with Weft's defaults where they say nothing.

import type { http2Options, MessageOf } from '../schema/index.ts';
import type { Http2Settings } from '../types.ts';

const keepaliveTimeoutMs = 20_000;
const keepaliveJitterPercent = 15;

export function translateHttp2(
  message: MessageOf<typeof http2Options> | undefined,
  streamsMax: number,
): Http2Settings {
  const keepalive = message?.connection_keepalive;
  return {
    streamsMax: message?.max_concurrent_streams ?? streamsMax,
    streamWindowBytes: message?.initial_stream_window_size ?? 256 * 1024,
    connectionWindowBytes: message?.initial_connection_window_size ?? 1024 * 1024,
    tableBytesMax: message?.hpack_table_size ?? 4096,
    keepaliveMs: keepalive?.interval ?? 0,
    keepaliveTimeoutMs: keepalive?.timeout ?? keepaliveTimeoutMs,
    keepaliveJitter: (keepalive?.interval_jitter?.value ?? keepaliveJitterPercent) / 100,
    tunnels: message?.allow_connect ?? false,
    idlePingMs: keepalive?.connection_idle_interval ?? 0,
  };
}
