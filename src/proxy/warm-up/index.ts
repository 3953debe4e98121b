export { type WarmUpOptions, warmUp } from './warm-up.ts';
