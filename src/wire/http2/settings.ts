// SETTINGS both ways (RFC 9113 section 6.5): what we announce, and what of the peer's announcement matters to us.

import {
  defaultWindow,
  frameBytesDefault,
  frameBytesMax,
  frameType,
  setting,
  windowMax,
} from './constants.ts';
import { fault } from './errors.ts';
import type { Http2Limits } from './limits.ts';
import type { OutBuffer } from './out-buffer.ts';

export interface PeerSettings {
  headerTableBytes: number;
  concurrentStreams: number;
  streamWindow: number;
  connectProtocol: boolean;
}

/** One that a server, or a client, announces. */
export type Setting = readonly [id: number, value: number];

interface Announced {
  readonly limits: Http2Limits;
  readonly extraSettings: readonly Setting[];
  readonly extendedConnect: boolean;
}

/** `extendedConnect` and the number of streams are a server's to announce; a client has nothing pushed to it. */
export function writeSettings(out: OutBuffer, options: Announced, isServer: boolean): void {
  const pairs = new Map<number, number>();
  const { limits, extendedConnect, extraSettings } = options;
  if (isServer) pairs.set(setting.maxConcurrentStreams, limits.concurrentStreamsMax);
  else pairs.set(setting.enablePush, 0);
  if (limits.streamWindowBytes !== defaultWindow)
    pairs.set(setting.initialWindowSize, limits.streamWindowBytes);
  if (limits.tableBytesMax !== 4096) pairs.set(setting.headerTableSize, limits.tableBytesMax);
  pairs.set(setting.maxHeaderListSize, limits.headerListBytesMax);
  if (isServer && extendedConnect) pairs.set(setting.enableConnectProtocol, 1);
  for (const [id, value] of extraSettings) pairs.set(id, value);
  out.reserve(64 + pairs.size * 6);
  out.frameHeader(pairs.size * 6, frameType.settings, 0, 0);
  for (const [id, value] of pairs) {
    out.bytes[out.length++] = id >>> 8;
    out.bytes[out.length++] = id;
    out.uint32(value);
  }
  // The first window of a connection is fixed; what is above it is given at once.
  const more = limits.connectionWindowBytes - defaultWindow;
  if (more <= 0) return;
  out.frameHeader(4, frameType.windowUpdate, 0, 0);
  out.uint32(more);
}

/** Reads a payload into `peer`. Returns a fault, or 0. */
export function readSettings(
  peer: PeerSettings,
  bytes: Uint8Array,
  start: number,
  end: number,
  isServer: boolean,
): number {
  for (let at = start; at < end; at += 6) {
    const id = (bytes[at]! << 8) | bytes[at + 1]!;
    const value =
      ((bytes[at + 2]! << 24) | (bytes[at + 3]! << 16) | (bytes[at + 4]! << 8) | bytes[at + 5]!) >>> 0;
    // A client may offer to take what is pushed; a server has nothing to offer (RFC 9113 section 6.5.2).
    if (!isServer && id === setting.enablePush && value !== 0) return fault.settingValue;
    const code = apply(peer, id, value);
    if (code !== fault.none) return code;
  }
  return fault.none;
}

function apply(peer: PeerSettings, id: number, value: number): number {
  switch (id) {
    case setting.headerTableSize:
      peer.headerTableBytes = value;
      return fault.none;
    case setting.enablePush:
      return value > 1 ? fault.settingValue : fault.none;
    case setting.maxConcurrentStreams:
      peer.concurrentStreams = value;
      return fault.none;
    case setting.initialWindowSize:
      if (value > windowMax) return fault.settingWindow;
      peer.streamWindow = value;
      return fault.none;
    case setting.maxFrameSize:
      // Ours are never larger than what everybody takes.
      return value < frameBytesDefault || value > frameBytesMax ? fault.settingValue : fault.none;
    case setting.enableConnectProtocol:
      if (value > 1 || (peer.connectProtocol && value === 0)) return fault.settingValue;
      peer.connectProtocol = value === 1;
      return fault.none;
    default:
      return fault.none;
  }
}
