// What both sides' HTTP/2 codecs are told: the configuration's settings and the proxy's own bounds.

import type { Clock, Random } from '../base/index.ts';
import { defaultHttp2Limits, type Http2Counts, type Http2Options } from '../wire/http2/index.ts';
import type { Http2Settings } from './config/types.ts';
import { proxyLimits } from './limits.ts';

export interface HeadLimits {
  readonly headBytesMax: number;
  readonly headerCountMax: number;
}

export function http2Options(
  settings: Http2Settings,
  { headBytesMax, headerCountMax }: HeadLimits,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
  counts: Http2Counts,
): Http2Options {
  return {
    limits: {
      ...defaultHttp2Limits,
      ...settings.floods,
      concurrentStreamsMax: settings.streamsMax,
      streamWindowBytes: settings.streamWindowBytes,
      connectionWindowBytes: settings.connectionWindowBytes,
      tableBytesMax: settings.tableBytesMax,
      headerListBytesMax: headBytesMax,
      headerBlockBytesMax: Math.max(headBytesMax, defaultHttp2Limits.headerBlockBytesMax),
      headerCountMax,
    },
    clock,
    counts,
    keepaliveMs: settings.keepaliveMs * (1 + settings.keepaliveJitter * random.float()),
    keepaliveTimeoutMs: settings.keepaliveTimeoutMs,
    stallMs: proxyLimits.streamIdleMs,
    idlePingMs: settings.idlePingMs,
    extendedConnect: settings.tunnels,
    extraSettings: settings.extraSettings,
  };
}
