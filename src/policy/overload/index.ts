export {
  decideOverload,
  type OverloadAction,
  type OverloadActionConfig,
  type OverloadTrigger,
  overloadActions,
  resetClassesMax,
  resetClassOf,
  scaleTime,
} from './overload.ts';
