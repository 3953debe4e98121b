export { OutlierDetector } from './outlier-detector.ts';
export type { OutlierConfig } from './types.ts';
