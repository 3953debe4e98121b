export { CompressorFilter } from './compressor.ts';
export { DecompressorFilter } from './decompressor.ts';
