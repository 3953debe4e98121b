export { OutlierDetector } from './outlier-detector.ts';
export {
  type Detector,
  type EjectionCause,
  ejectionCauses,
  type OutlierConfig,
  OutlierCounts,
} from './types.ts';
