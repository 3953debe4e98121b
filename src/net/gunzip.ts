// Opens gzip with a bound on what comes out, for the layers that may not reach the runtime.

import { gunzipSync } from 'node:zlib';

/** Throws on damaged input and when more than `bytesMax` bytes would come out. */
export function gunzip(bytes: Uint8Array, bytesMax: number): Uint8Array {
  return gunzipSync(bytes, { maxOutputLength: bytesMax });
}
