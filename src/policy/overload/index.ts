export {
  decideOverload,
  type LoadShedPoint,
  loadShedPoints,
  type OverloadAction,
  type OverloadActionConfig,
  type OverloadTrigger,
  overloadActions,
  resetClassesMax,
  resetClassOf,
  scaleTime,
  type Triggered,
} from './overload.ts';
