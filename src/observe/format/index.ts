export { toBytes } from './bytes.ts';
export { compileJson, compileText, type Format } from './compile.ts';
export { responseFlagNames } from './request-commands.ts';
export {
  type ConnectionFacts,
  type FilterState,
  FormatSource,
  type HelloFingerprints,
  type LogType,
  type MetadataKind,
  type MetadataMap,
  type TimePoint,
} from './source.ts';
