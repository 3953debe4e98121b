// libnghttp2 as a second opinion on what a client may send: a server's session in this process, fed bytes, whose own
// frames come back. Nobody answers its requests.

import { dlopen, type Pointer, ptr, read, toArrayBuffer } from 'bun:ffi';
import { existsSync } from 'node:fs';

const path = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64', '/usr/lib']
  .map((folder) => `${folder}/libnghttp2.so.14`)
  .find((file) => existsSync(file));

export const hasNghttp2 = path !== undefined;

function load() {
  return dlopen(path ?? '', {
    nghttp2_session_callbacks_new: { args: ['ptr'], returns: 'i32' },
    nghttp2_session_server_new: { args: ['ptr', 'ptr', 'ptr'], returns: 'i32' },
    nghttp2_submit_settings: { args: ['ptr', 'u8', 'ptr', 'u64'], returns: 'i32' },
    nghttp2_session_mem_recv: { args: ['ptr', 'ptr', 'u64'], returns: 'i64' },
    nghttp2_session_mem_send: { args: ['ptr', 'ptr'], returns: 'i64' },
    nghttp2_session_del: { args: ['ptr'], returns: 'void' },
  }).symbols;
}

let library: ReturnType<typeof load> | null = null;

/** What it writes in answer to `bytes`, the preface included. */
export function askNghttp2(bytes: Uint8Array): Uint8Array {
  library ??= load();
  const out = new BigUint64Array(1);
  const pointer = () => read.ptr(ptr(out)) as Pointer;
  library.nghttp2_session_callbacks_new(ptr(out));
  const callbacks = pointer();
  library.nghttp2_session_server_new(ptr(out), callbacks, null);
  const session = pointer();
  library.nghttp2_submit_settings(session, 0, null, 0);
  const pieces: Uint8Array[] = [];
  library.nghttp2_session_mem_recv(session, ptr(bytes), bytes.length);
  for (;;) {
    const length = Number(library.nghttp2_session_mem_send(session, ptr(out)));
    if (length <= 0) break;
    pieces.push(new Uint8Array(toArrayBuffer(pointer(), 0, length)).slice());
  }
  library.nghttp2_session_del(session);
  return Buffer.concat(pieces);
}
