// HTTP/2 options of listeners and clusters, with Weft's defaults where they say nothing.

import type { http2Options, MessageOf } from '../schema/index.ts';
import type { Http2Floods, Http2Settings } from '../types.ts';

const keepaliveTimeoutMs = 20_000;
const keepaliveJitterPercent = 15;

export function translateHttp2(
  message: MessageOf<typeof http2Options> | undefined,
  streamsMax: number,
): Http2Settings {
  const keepalive = message?.connection_keepalive;
  const extra = new Map(
    message?.custom_settings_parameters.map(({ identifier, value }) => [identifier ?? 0, value ?? 0]),
  );
  return {
    streamsMax: message?.max_concurrent_streams ?? extra.get(3) ?? streamsMax,
    streamWindowBytes: message?.initial_stream_window_size ?? extra.get(4) ?? 256 * 1024,
    connectionWindowBytes: message?.initial_connection_window_size ?? 1024 * 1024,
    tableBytesMax: message?.hpack_table_size ?? extra.get(1) ?? 4096,
    floods: translateFloods(message),
    extraSettings: [...extra],
    keepaliveMs: keepalive?.interval ?? 0,
    keepaliveTimeoutMs: keepalive?.timeout ?? keepaliveTimeoutMs,
    keepaliveJitter: (keepalive?.interval_jitter?.value ?? keepaliveJitterPercent) / 100,
    tunnels: message?.allow_connect ?? false,
    idlePingMs: keepalive?.connection_idle_interval ?? 0,
  };
}

function translateFloods(message: MessageOf<typeof http2Options> | undefined): Http2Floods {
  return {
    outboundFramesMax: message?.max_outbound_frames ?? 10_000,
    outboundControlFramesMax: message?.max_outbound_control_frames ?? 1000,
    emptyFramesInRowMax: message?.max_consecutive_inbound_frames_with_empty_payload ?? 1,
    prioritiesPerStreamMax: message?.max_inbound_priority_frames_per_stream ?? 100,
    windowUpdatesPerDataFrameMax: message?.max_inbound_window_update_frames_per_data_frame_sent ?? 10,
  };
}
