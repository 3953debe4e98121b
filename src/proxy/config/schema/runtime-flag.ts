// Table: a switch that Envoy's runtime could turn.

import { f, message } from './field.ts';

export const runtimeFlag = message('envoy.config.core.v3.RuntimeFeatureFlag', {
  default_value: f.boolValue(1),
  runtime_key: f.string(2, 'there is no runtime layer: default_value holds'),
});
