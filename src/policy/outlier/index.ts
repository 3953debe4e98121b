export { OutlierDetector } from './outlier-detector.ts';
export { type EjectionCause, ejectionCauses, type OutlierConfig, OutlierCounts } from './types.ts';
