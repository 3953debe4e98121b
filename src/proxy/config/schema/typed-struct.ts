// Table: xds.type.v3.TypedStruct, by which both sides speak of types of their own.

import { f, message } from './field.ts';

export const typedStruct = message('xds.type.v3.TypedStruct', {
  type_url: f.string(1),
  value: f.struct(2),
});
