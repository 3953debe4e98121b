// Buffer, compressor and decompressor: messages to what their filters are told.

import type {
  BufferConfig,
  CoderConfig,
  Coding,
  CompressorConfig,
  CompressorDirection,
  DecompressorConfig,
  RouteFilterConfig,
} from '../filter-types.ts';
import {
  type AnyValue,
  brotliCompressor,
  brotliDecompressor,
  type buffer,
  type bufferPerRoute,
  type compressor,
  type compressorPerRoute,
  type decompressor,
  type Faults,
  gzipCompressor,
  gzipDecompressor,
  join,
  type MessageOf,
  unpack,
  zstdCompressor,
} from '../schema/index.ts';

export function translateBuffer(
  message: MessageOf<typeof buffer>,
  path: string,
  faults: Faults,
): BufferConfig {
  if (message.max_request_bytes === undefined) faults.add(join(path, 'max_request_bytes'), 'must be set');
  return { kind: 'buffer', bytesMax: message.max_request_bytes ?? 0 };
}

export function translateBufferRoute(
  message: MessageOf<typeof bufferPerRoute>,
  path: string,
  faults: Faults,
): RouteFilterConfig {
  if (message.buffer !== undefined) return translateBuffer(message.buffer, join(path, 'buffer'), faults);
  if (message.disabled !== true) faults.add(path, 'one of disabled, buffer must be set');
  return { kind: 'disabled' };
}

/** Envoy's, and what it leaves out as of no use to compress again. */
const usualTypes: readonly string[] = [
  'application/javascript',
  'application/json',
  'application/xhtml+xml',
  'image/svg+xml',
  'text/css',
  'text/html',
  'text/plain',
  'text/xml',
];

const usualBytesMin = 30;

type Message = MessageOf<typeof compressor>;

export function translateCompressor(message: Message, path: string, faults: Faults): CompressorConfig {
  const at = join(path, 'compressor_library');
  const library = message.compressor_library;
  if (library?.typed_config === undefined) faults.add(join(at, 'typed_config'), 'must be set');
  const { request_direction_config: requests, response_direction_config: responses } = message;
  const common = requests?.common_config;
  return {
    kind: 'compressor',
    coding: codingOf(library?.typed_config),
    coder: translateCoder(library?.typed_config),
    libraryName: library?.name ?? '',
    chooseFirst: message.choose_first ?? false,
    removesAcceptEncoding:
      responses === undefined
        ? (message.remove_accept_encoding_header ?? false)
        : (responses.remove_accept_encoding_header ?? false),
    disabledByEtag:
      responses === undefined
        ? (message.disable_on_etag_header ?? false)
        : (responses.disable_on_etag_header ?? false),
    request: translateDirection(common, common?.enabled?.default_value ?? false, requests !== undefined),
    response: translateResponses(message),
  };
}

function translateResponses(message: Message): CompressorDirection {
  const { request_direction_config: requests, response_direction_config: responses } = message;
  if (responses !== undefined) {
    const common = responses.common_config;
    return translateDirection(common, common?.enabled?.default_value ?? true, true);
  }
  // The older fields are looked at where neither direction is configured.
  const older = requests === undefined;
  return translateDirection(
    older
      ? {
          enabled: undefined,
          min_content_length: message.content_length,
          content_type: message.content_type,
        }
      : undefined,
    older ? (message.runtime_enabled?.default_value ?? true) : true,
    false,
  );
}

type Common = NonNullable<NonNullable<Message['request_direction_config']>['common_config']>;

function translateDirection(
  common: Common | undefined,
  enabled: boolean,
  configured: boolean,
): CompressorDirection {
  const types = common?.content_type ?? [];
  return {
    enabled,
    configured,
    bytesMin: common?.min_content_length ?? usualBytesMin,
    types: types.length === 0 ? usualTypes : types,
  };
}

function codingOf(any: AnyValue | undefined): Coding {
  if (unpack(any, brotliCompressor) ?? unpack(any, brotliDecompressor)) return 'br';
  return any?.type.includes('.zstd.') === true ? 'zstd' : 'gzip';
}

const defaultLevel = -1;
const strategies = { DEFAULT_STRATEGY: 0, FILTERED: 1, HUFFMAN_ONLY: 2, RLE: 3, FIXED: 4 } as const;
const modes = { DEFAULT: 0, GENERIC: 0, TEXT: 1, FONT: 2 } as const;
const zstdStrategies = [
  'DEFAULT',
  'FAST',
  'DFAST',
  'GREEDY',
  'LAZY',
  'LAZY2',
  'BTLAZY2',
  'BTOPT',
  'BTULTRA',
  'BTULTRA2',
] as const;

function translateCoder(any: AnyValue | undefined): CoderConfig {
  const brotli = unpack(any, brotliCompressor);
  if (brotli !== null)
    return {
      coding: 'br',
      quality: brotli.quality ?? 3,
      mode: modes[brotli.encoder_mode ?? 'DEFAULT'],
      windowBits: brotli.window_bits ?? 18,
      blockBits: brotli.input_block_bits ?? 24,
      plainLiterals: brotli.disable_literal_context_modeling ?? false,
    };
  const zstd = unpack(any, zstdCompressor);
  if (zstd !== null)
    return {
      coding: 'zstd',
      level: zstd.compression_level ?? 3,
      checksum: zstd.enable_checksum ?? false,
      strategy: zstdStrategies.indexOf(zstd.strategy ?? 'DEFAULT'),
    };
  const gzip = unpack(any, gzipCompressor);
  const level = gzip?.compression_level ?? 'DEFAULT_COMPRESSION';
  return {
    coding: 'gzip',
    level: gzipLevel(level),
    memoryLevel: gzip?.memory_level ?? 5,
    strategy: strategies[gzip?.compression_strategy ?? 'DEFAULT_STRATEGY'],
    windowBits: gzip?.window_bits ?? 12,
  };
}

function gzipLevel(name: string): number {
  if (name === 'BEST_SPEED') return 1;
  if (name === 'BEST_COMPRESSION') return 9;
  const number = /^COMPRESSION_LEVEL_(\d)$/.exec(name)?.[1];
  return number === undefined ? defaultLevel : Number(number);
}

export function translateCompressorRoute(
  message: MessageOf<typeof compressorPerRoute>,
  path: string,
  faults: Faults,
): RouteFilterConfig {
  const disabled = message.disabled === true;
  if (!disabled && message.overrides === undefined)
    faults.add(path, 'one of disabled, overrides must be set');
  const direction = message.overrides?.response_direction_config;
  return {
    kind: 'compressor-override',
    disabled,
    removesAcceptEncoding: direction?.remove_accept_encoding_header ?? null,
  };
}

const usualRatioMax = 100;

export function translateDecompressor(
  message: MessageOf<typeof decompressor>,
  path: string,
  faults: Faults,
): DecompressorConfig {
  const library = message.decompressor_library;
  const at = join(path, 'decompressor_library');
  if (library?.typed_config === undefined) faults.add(join(at, 'typed_config'), 'must be set');
  const gzip = unpack(library?.typed_config, gzipDecompressor);
  const { request_direction_config: requests, response_direction_config: responses } = message;
  const direction = (common: NonNullable<typeof requests>['common_config']) => ({
    enabled: common?.enabled?.default_value ?? true,
    ignoresNoTransform: common?.ignore_no_transform_header ?? false,
  });
  return {
    kind: 'decompressor',
    coding: codingOf(library?.typed_config),
    ratioMax: gzip?.max_inflate_ratio ?? usualRatioMax,
    libraryName: library?.name ?? '',
    advertises: requests?.advertise_accept_encoding ?? true,
    request: direction(requests?.common_config),
    response: direction(responses?.common_config),
  };
}
