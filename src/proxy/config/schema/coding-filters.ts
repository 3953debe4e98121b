// Tables: the filters that hold back, compress and decompress bodies, and their libraries.

import { f, forPeople, message, only, positive } from './field.ts';
import { runtimeFlag } from './runtime-flag.ts';

const between = (least: number, most: number) => (value: number) =>
  value >= least && value <= most ? null : `must be ${least} to ${most}`;

export const buffer = message('envoy.extensions.filters.http.buffer.v3.Buffer', {
  max_request_bytes: f.uint32Value(1, '', positive),
});

export const bufferPerRoute = message(
  'envoy.extensions.filters.http.buffer.v3.BufferPerRoute',
  { disabled: f.bool(1, 'true', only(true)), buffer: f.message(2, buffer) },
  [['disabled', 'buffer']],
);

const chunk = f.uint32Value(
  5,
  'taken without effect: what a piece becomes is made at once',
  between(4096, 65_536),
);

export const gzipCompressor = message('envoy.extensions.compression.gzip.compressor.v3.Gzip', {
  memory_level: f.uint32Value(1, 'default 5', between(1, 9)),
  compression_level: f.enum(2, {
    DEFAULT_COMPRESSION: 0,
    BEST_SPEED: 1,
    COMPRESSION_LEVEL_1: 1,
    COMPRESSION_LEVEL_2: 2,
    COMPRESSION_LEVEL_3: 3,
    COMPRESSION_LEVEL_4: 4,
    COMPRESSION_LEVEL_5: 5,
    COMPRESSION_LEVEL_6: 6,
    COMPRESSION_LEVEL_7: 7,
    COMPRESSION_LEVEL_8: 8,
    COMPRESSION_LEVEL_9: 9,
    BEST_COMPRESSION: 9,
  }),
  compression_strategy: f.enum(3, { DEFAULT_STRATEGY: 0, FILTERED: 1, HUFFMAN_ONLY: 2, RLE: 3, FIXED: 4 }),
  window_bits: f.uint32Value(4, 'default 12', between(9, 15)),
  chunk_size: chunk,
});

export const brotliCompressor = message('envoy.extensions.compression.brotli.compressor.v3.Brotli', {
  quality: f.uint32Value(1, 'default 3', between(0, 11)),
  encoder_mode: f.enum(2, { DEFAULT: 0, GENERIC: 1, TEXT: 2, FONT: 3 }),
  window_bits: f.uint32Value(3, 'default 18', between(10, 24)),
  input_block_bits: f.uint32Value(4, 'default 24', between(16, 24)),
  chunk_size: chunk,
  disable_literal_context_modeling: f.bool(6),
});

export const zstdCompressor = message('envoy.extensions.compression.zstd.compressor.v3.Zstd', {
  compression_level: f.uint32Value(1, 'default 3', between(1, 22)),
  enable_checksum: f.bool(2),
  strategy: f.enum(3, {
    DEFAULT: 0,
    FAST: 1,
    DFAST: 2,
    GREEDY: 3,
    LAZY: 4,
    LAZY2: 5,
    BTLAZY2: 6,
    BTOPT: 7,
    BTULTRA: 8,
    BTULTRA2: 9,
  }),
  chunk_size: chunk,
});

const library = (libraries: readonly Parameters<typeof f.any>[1][number][]) =>
  message('envoy.config.core.v3.TypedExtensionConfig', {
    name: f.string(1, forPeople),
    typed_config: f.any(2, libraries),
  });

const compressedDirection = message(
  'envoy.extensions.filters.http.compressor.v3.Compressor.CommonDirectionConfig',
  {
    enabled: f.message(1, runtimeFlag),
    min_content_length: f.uint32Value(2, 'default 30'),
    content_type: f.repeated(f.string(3)),
  },
);

export const compressor = message('envoy.extensions.filters.http.compressor.v3.Compressor', {
  content_length: f.uint32Value(1),
  content_type: f.repeated(f.string(2)),
  disable_on_etag_header: f.bool(3),
  remove_accept_encoding_header: f.bool(4),
  runtime_enabled: f.message(5, runtimeFlag),
  compressor_library: f.message(6, library([gzipCompressor, brotliCompressor, zstdCompressor])),
  request_direction_config: f.message(
    7,
    message('envoy.extensions.filters.http.compressor.v3.Compressor.RequestDirectionConfig', {
      common_config: f.message(1, compressedDirection, 'default off'),
    }),
  ),
  response_direction_config: f.message(
    8,
    message('envoy.extensions.filters.http.compressor.v3.Compressor.ResponseDirectionConfig', {
      common_config: f.message(1, compressedDirection, 'default on'),
      disable_on_etag_header: f.bool(2),
      remove_accept_encoding_header: f.bool(3),
    }),
  ),
  choose_first: f.bool(9),
});

export const compressorPerRoute = message(
  'envoy.extensions.filters.http.compressor.v3.CompressorPerRoute',
  {
    disabled: f.bool(1, 'true', only(true)),
    overrides: f.message(
      2,
      message('envoy.extensions.filters.http.compressor.v3.CompressorOverrides', {
        response_direction_config: f.message(
          1,
          message('envoy.extensions.filters.http.compressor.v3.ResponseDirectionOverrides', {
            remove_accept_encoding_header: f.boolValue(1),
          }),
        ),
      }),
    ),
  },
  [['disabled', 'overrides']],
);

export const gzipDecompressor = message('envoy.extensions.compression.gzip.decompressor.v3.Gzip', {
  window_bits: f.uint32Value(1, 'every window is read', between(9, 15)),
  chunk_size: f.uint32Value(2, 'taken without effect', between(4096, 65_536)),
  max_inflate_ratio: f.uint32Value(
    3,
    'default 100: of a whole body, and what is above ends the message (Envoy drops the rest)',
    between(1, 1032),
  ),
});

export const brotliDecompressor = message('envoy.extensions.compression.brotli.decompressor.v3.Brotli', {
  disable_ring_buffer_reallocation: f.bool(1, 'taken without effect'),
  chunk_size: f.uint32Value(2, 'taken without effect', between(4096, 65_536)),
});

export const zstdDecompressor = message('envoy.extensions.compression.zstd.decompressor.v3.Zstd', {
  chunk_size: f.uint32Value(2, 'taken without effect', between(4096, 65_536)),
});

const decompressedDirection = message(
  'envoy.extensions.filters.http.decompressor.v3.Decompressor.CommonDirectionConfig',
  {
    enabled: f.message(1, runtimeFlag),
    ignore_no_transform_header: f.bool(2),
  },
);

export const decompressor = message('envoy.extensions.filters.http.decompressor.v3.Decompressor', {
  decompressor_library: f.message(1, library([gzipDecompressor, brotliDecompressor, zstdDecompressor])),
  request_direction_config: f.message(
    2,
    message('envoy.extensions.filters.http.decompressor.v3.Decompressor.RequestDirectionConfig', {
      common_config: f.message(1, decompressedDirection),
      advertise_accept_encoding: f.boolValue(2, 'default true'),
    }),
  ),
  response_direction_config: f.message(
    3,
    message('envoy.extensions.filters.http.decompressor.v3.Decompressor.ResponseDirectionConfig', {
      common_config: f.message(1, decompressedDirection),
    }),
  ),
});
