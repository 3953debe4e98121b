// HTTP/2 settings that a configuration spells out by number (Http2ProtocolOptions.custom_settings_parameters), with
// Envoy's rules between them and the named fields.

import { atMost, f, type MessageOf, message, type Rule } from './field.ts';

export const customSetting = message(
  'envoy.config.core.v3.Http2ProtocolOptions.SettingsParameter',
  {
    identifier: f.uint32Value(1, 'must be set', atMost(65_535)),
    value: f.uint32Value(2, 'must be set'),
  },
  [],
  ({ identifier, value }) => {
    if (identifier === undefined) return { field: 'identifier', rule: 'must be set', value: identifier };
    return value === undefined ? { field: 'value', rule: 'must be set', value } : null;
  },
);

export type CustomSetting = MessageOf<typeof customSetting>;

/** Identifiers of RFC 9113 section 6.5.2 that a named field says too. */
const named: ReadonlyMap<number, string> = new Map([
  [1, 'hpack_table_size'],
  [3, 'max_concurrent_streams'],
  [4, 'initial_stream_window_size'],
]);

const field = 'custom_settings_parameters';

export const checkCustomSettings: Rule = (decoded) => {
  const values = new Map<number, number>();
  for (const parameter of (decoded[field] ?? []) as readonly CustomSetting[]) {
    const { identifier = 0, value = 0 } = parameter;
    const rule = ruleOf(identifier, value, values.get(identifier), decoded);
    if (rule !== null) return { field, rule, value: `0x${identifier.toString(16)}: ${value}` };
    values.set(identifier, value);
  }
  return null;
};

function ruleOf(
  identifier: number,
  value: number,
  before: number | undefined,
  decoded: Readonly<Record<string, unknown>>,
): string | null {
  if (before !== undefined && before !== value) return 'must not say two values of one setting';
  const other = named.get(identifier);
  if (other !== undefined && decoded[other] !== undefined) return `must not say what ${other} says`;
  return ownRule(identifier, value);
}

function ownRule(identifier: number, value: number): string | null {
  switch (identifier) {
    case 1:
      return value > 65_536 ? 'must be at most 65536 for 0x1' : null;
    case 2:
      return value === 0 ? null : 'must be 0 for 0x2: nothing is pushed';
    case 3:
      return value === 0 ? 'must be above 0 for 0x3' : null;
    case 4:
      return value < 65_535 || value > 2 ** 31 - 1 ? 'must be 65535 to 2147483647 for 0x4' : null;
    case 5:
      return value === 16_384 ? null : 'is supported as 16384 for 0x5 only';
    case 8:
      return 'must be said by allow_connect';
    default:
      return null;
  }
}
