export { OverloadManager, type OverloadPlane, type OverloadView } from './manager.ts';
export { resetLargest } from './reset-largest.ts';
export { OverloadSwitches } from './switches.ts';
