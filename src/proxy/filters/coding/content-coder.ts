// Content codings (RFC 9110 section 8.4) over node:zlib, piece by piece and within the call: what comes out of a piece
// is known when `write` returns, so that backpressure is the caller's alone and virtual time sees no threads.
// node:zlib's streams do the same work in a thread pool, one hop there and one back for each piece.

import zlib from 'node:zlib';
import type { CoderConfig, Coding } from '../../config/filter-types.ts';
import { type BodyTransform, TransformError } from '../../exchange/index.ts';
import { ZstdFrames } from './zstd-frames.ts';

/** The native part of a node:zlib stream, which works synchronously. */
interface Engine {
  readonly _handle: {
    writeSync(
      flag: number,
      input: Uint8Array,
      inputAt: number,
      inputLength: number,
      output: Uint8Array,
      outputAt: number,
      outputLength: number,
    ): void;
    onerror: (message: string) => void;
  };
  /** Left of the output, then of the input. */
  readonly _writeState: Uint32Array;
  on(event: 'error', listener: () => void): void;
  close(): void;
}

const roundBytes = 64 * 1024;
/** What is made of few bytes is never a bomb. */
const bombBytesMin = 256 * 1024;
const nothing = new Uint8Array(0);
const scratch = new Uint8Array(roundBytes);

export class ContentCoder implements BodyTransform {
  /** Bytes in and out. */
  received = 0;
  made = 0;
  private readonly engine: Engine;
  private readonly flags: { readonly piece: number; readonly last: number };
  private readonly ratioMax: number;
  private readonly frames: ZstdFrames | null;
  private fault = '';
  private closed = false;

  /** `ratioMax`: bytes that may come of one; Infinity for compression, which makes fewer. */
  constructor(
    engine: Engine,
    flags: ContentCoder['flags'],
    ratioMax: number,
    frames: ZstdFrames | null = null,
  ) {
    this.frames = frames;
    this.engine = engine;
    this.flags = flags;
    this.ratioMax = ratioMax;
    engine.on('error', () => {});
    engine._handle.onerror = (message) => {
      this.fault = message;
    };
  }

  write(bytes: Uint8Array, start: number, end: number): Uint8Array {
    this.received += end - start;
    this.frames?.feed(bytes, start, end);
    return this.run(this.flags.piece, bytes, start, end - start);
  }

  end(): Uint8Array {
    if (this.frames?.whole === false) throw new TransformError('content coding: unexpected end of file');
    const rest = this.run(this.flags.last, nothing, 0, 0);
    this.close();
    return rest;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.engine.close();
  }

  private run(flag: number, bytes: Uint8Array, start: number, length: number): Uint8Array {
    const pieces: Uint8Array[] = [];
    const { _handle: handle, _writeState: state } = this.engine;
    let at = start;
    let left = length;
    for (;;) {
      handle.writeSync(flag, bytes, at, left, scratch, 0, roundBytes);
      if (this.fault !== '') throw new TransformError(`content coding: ${this.fault}`);
      const room = state[0] ?? 0;
      at += left - (state[1] ?? 0);
      left = state[1] ?? 0;
      if (room < roundBytes) pieces.push(scratch.slice(0, roundBytes - room));
      this.made += roundBytes - room;
      if (this.made > bombBytesMin && this.made > this.received * this.ratioMax)
        throw new TransformError(`content coding: more than ${this.ratioMax} times its size`);
      // Room was left: all of the input is taken and all of the output is here.
      if (room > 0) break;
    }
    const [only] = pieces;
    return pieces.length < 2 ? (only ?? nothing) : Buffer.concat(pieces);
  }
}

const { constants } = zlib;

const flushFlags: Readonly<Record<Coding, ContentCoder['flags']>> = {
  gzip: { piece: constants.Z_SYNC_FLUSH, last: constants.Z_FINISH },
  br: { piece: constants.BROTLI_OPERATION_FLUSH, last: constants.BROTLI_OPERATION_FINISH },
  zstd: { piece: constants.ZSTD_e_flush, last: constants.ZSTD_e_end },
};

const takeFlags: typeof flushFlags = {
  gzip: { piece: constants.Z_NO_FLUSH, last: constants.Z_FINISH },
  br: { piece: constants.BROTLI_OPERATION_PROCESS, last: constants.BROTLI_OPERATION_FINISH },
  zstd: { piece: constants.ZSTD_e_continue, last: constants.ZSTD_e_end },
};

/** Each piece is flushed: who waits for an event must not wait for the next one. */
export function createCompressor(config: CoderConfig): ContentCoder {
  return new ContentCoder(compressorEngine(config), flushFlags[config.coding], Number.POSITIVE_INFINITY);
}

export function createDecompressor(coding: Coding, ratioMax: number): ContentCoder {
  const engine =
    coding === 'gzip'
      ? zlib.createGunzip()
      : coding === 'br'
        ? zlib.createBrotliDecompress()
        : zlib.createZstdDecompress();
  const frames = coding === 'zstd' ? new ZstdFrames() : null;
  return new ContentCoder(engine as unknown as Engine, takeFlags[coding], ratioMax, frames);
}

function compressorEngine(config: CoderConfig): Engine {
  switch (config.coding) {
    case 'gzip': {
      const { level, memoryLevel: memLevel, strategy, windowBits } = config;
      return zlib.createGzip({ level, memLevel, strategy, windowBits }) as unknown as Engine;
    }
    case 'br':
      return zlib.createBrotliCompress({
        params: {
          [constants.BROTLI_PARAM_QUALITY]: config.quality,
          [constants.BROTLI_PARAM_MODE]: config.mode,
          [constants.BROTLI_PARAM_LGWIN]: config.windowBits,
          [constants.BROTLI_PARAM_LGBLOCK]: config.blockBits,
          [constants.BROTLI_PARAM_DISABLE_LITERAL_CONTEXT_MODELING]: config.plainLiterals ? 1 : 0,
        },
      }) as unknown as Engine;
    case 'zstd':
      return zlib.createZstdCompress({
        params: {
          [constants.ZSTD_c_compressionLevel]: config.level,
          [constants.ZSTD_c_checksumFlag]: config.checksum ? 1 : 0,
          ...(config.strategy === 0 ? {} : { [constants.ZSTD_c_strategy]: config.strategy }),
        },
      }) as unknown as Engine;
  }
}
