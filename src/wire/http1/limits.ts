// Every bound of the HTTP/1 codecs, by name. What happens at each is said here; errors.ts has the answers.

import { defaultHttp1Rules, type Http1Rules } from './rules.ts';

export interface Http1Limits {
  /**
   * Bytes of a head, start line and final empty line included. Over it: 431, or 414 while still in the request line.
   */
  readonly headBytesMax: number;
  /** Field lines of a head or of a trailer section. Over it: 431. */
  readonly headerCountMax: number;
  /** Bytes of a method. Over it: 501, as for a method that nobody knows. */
  readonly methodBytesMax: number;
  /** Bytes of a request target. Over it: 414. */
  readonly targetBytesMax: number;
  /** Bytes of a declared or decoded request body. Over it: 413. */
  readonly bodyBytesMax: number;
  /** Bytes of one chunk-size line with its extensions. Over it: 400. */
  readonly chunkLineBytesMax: number;
  /** Bytes of all chunk extensions of one message: they carry nothing and cost parsing. Over it: 400. */
  readonly chunkExtensionBytesMax: number;
  /** Bytes of a trailer section. Over it: 431. */
  readonly trailerBytesMax: number;
  /** Bytes of later requests held while one is answered. Over it the sink is paused. */
  readonly pipelinedBytesMax: number;
  /** Informational responses to one request. Over it: the response is refused (502). */
  readonly informationalCountMax: number;
  /** Request bytes read and dropped after an early response, so that the client can read it before a reset. */
  readonly lingerBytesMax: number;
  /** What is accepted within them. */
  readonly rules: Http1Rules;
}

export const defaultHttp1Limits: Http1Limits = {
  headBytesMax: 64 * 1024,
  headerCountMax: 100,
  methodBytesMax: 32,
  targetBytesMax: 16 * 1024,
  bodyBytesMax: Number.MAX_SAFE_INTEGER,
  chunkLineBytesMax: 1024,
  chunkExtensionBytesMax: 16 * 1024,
  trailerBytesMax: 8 * 1024,
  pipelinedBytesMax: 64 * 1024,
  informationalCountMax: 16,
  lingerBytesMax: 256 * 1024,
  rules: defaultHttp1Rules,
};
