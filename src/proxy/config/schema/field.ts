// The language of the tables in this folder: which fields of an Envoy message the proxy understands, each with its
// number, type and the values it accepts. One table serves both forms (protobuf bytes from ADS, YAML or JSON from a
// bootstrap), the refusals, and docs/envoy-compat.md. Why no generated classes: docs/decisions/0006.

export type FieldType =
  | { readonly kind: 'string' | 'bytes' | 'bool' | 'uint32' | 'uint64' | 'int32' | 'double' | 'float' }
  /** google.protobuf.UInt32Value and its like: a message around one scalar. */
  | { readonly kind: 'wrapped'; readonly of: 'string' | 'bool' | 'uint32' | 'uint64' | 'double' | 'float' }
  /** google.protobuf.Value that is a text. */
  | { readonly kind: 'text-value' }
  /** google.protobuf.Duration, as milliseconds. */
  | { readonly kind: 'duration' }
  /** google.protobuf.Struct, as plain values. */
  | { readonly kind: 'struct' }
  /**
   * A message that is taken and never looked at, because no request can tell the difference. The field's note says so.
   */
  | { readonly kind: 'ignored' }
  /** A field of the API that is refused, with a reason in its note. */
  | { readonly kind: 'refused' }
  | { readonly kind: 'enum'; readonly numbers: Readonly<Record<string, number>> }
  | { readonly kind: 'message'; readonly of: MessageSpec }
  /**
   * `keepUnknown`: another type is kept by its URL with a null value, where the field tells to skip what one does not
   * know.
   */
  | { readonly kind: 'any'; readonly types: readonly MessageSpec[]; readonly keepUnknown: boolean };

/** Returns the broken rule, or null. */
export type Check<T> = (value: T) => string | null;

export interface Field<T> {
  readonly number: number;
  readonly type: FieldType;
  readonly shape: 'one' | 'repeated' | 'map';
  /** For the reference: which values are accepted or what differs from Envoy; '' when it is as in Envoy. */
  readonly note: string;
  readonly check: ((value: never) => string | null) | null;
  /** Never set; carries T to {@link Decoded}. */
  readonly decoded?: T | undefined;
}

export type Fields = Readonly<Record<string, Field<unknown>>>;

/** What a message decodes to: absent fields are undefined, repeated ones and maps are empty. */
export type Decoded<F extends Fields> = {
  readonly [K in keyof F]: F[K] extends Field<infer T>
    ? T extends readonly unknown[] | ReadonlyMap<string, unknown>
      ? T
      : T | undefined
    : never;
};

export interface MessageSpec<T = unknown> {
  /** Full protobuf name, without `type.googleapis.com/`. */
  readonly name: string;
  readonly fields: Fields;
  readonly byNumber: ReadonlyMap<number, string>;
  /** Groups of which at most one member may be set. */
  readonly oneofs: readonly (readonly string[])[];
  /** A rule between fields. */
  readonly rule: Rule | null;
  readonly decoded?: T;
}

/** Looks at a decoded message; returns the field that breaks a rule, and the rule, or null. */
export type Rule = (
  decoded: Readonly<Record<string, unknown>>,
) => { readonly field: string; readonly rule: string; readonly value: unknown } | null;

export type MessageOf<S> = S extends MessageSpec<infer T> ? T : never;

/** A decoded Any: `value` is null when the type is not known and the field allows that. */
export interface AnyValue {
  readonly type: string;
  readonly value: unknown;
}

export function message<const F extends Fields>(
  name: string,
  fields: F,
  oneofs: readonly (readonly (keyof F & string)[])[] = [],
  rule: Rule | null = null,
): MessageSpec<Decoded<F>> {
  const byNumber = new Map(Object.entries(fields).map(([field, spec]) => [spec.number, field]));
  return { name, fields, byNumber, oneofs, rule };
}

/** The value inside `any` if it is of this type, else null. */
export function unpack<T>(any: AnyValue | undefined, spec: MessageSpec<T>): T | null {
  return any?.type === spec.name ? (any.value as T) : null;
}

function field<T>(number: number, type: FieldType, note: string, check: Check<T> | null): Field<T> {
  return { number, type, shape: 'one', note, check };
}

export const f = {
  string: (number: number, note = '', check: Check<string> | null = null) =>
    field<string>(number, { kind: 'string' }, note, check),
  bytes: (number: number, note = '') => field<Uint8Array>(number, { kind: 'bytes' }, note, null),
  bool: (number: number, note = '', check: Check<boolean> | null = null) =>
    field<boolean>(number, { kind: 'bool' }, note, check),
  uint32: (number: number, note = '', check: Check<number> | null = null) =>
    field<number>(number, { kind: 'uint32' }, note, check),
  uint64: (number: number, note = '', check: Check<number> | null = null) =>
    field<number>(number, { kind: 'uint64' }, note, check),
  double: (number: number, note = '', check: Check<number> | null = null) =>
    field<number>(number, { kind: 'double' }, note, check),
  boolValue: (number: number, note = '', check: Check<boolean> | null = null) =>
    field<boolean>(number, { kind: 'wrapped', of: 'bool' }, note, check),
  int32: (number: number, note = '', check: Check<number> | null = null) =>
    field<number>(number, { kind: 'int32' }, note, check),
  uint32Value: (number: number, note = '', check: Check<number> | null = null) =>
    field<number>(number, { kind: 'wrapped', of: 'uint32' }, note, check),
  uint64Value: (number: number, note = '', check: Check<number> | null = null) =>
    field<number>(number, { kind: 'wrapped', of: 'uint64' }, note, check),
  doubleValue: (number: number, note = '', check: Check<number> | null = null) =>
    field<number>(number, { kind: 'wrapped', of: 'double' }, note, check),
  floatValue: (number: number, note = '', check: Check<number> | null = null) =>
    field<number>(number, { kind: 'wrapped', of: 'float' }, note, check),
  /** A google.protobuf.Value; any but a text is refused. */
  textValue: (number: number, note = '', check: Check<string> | null = null) =>
    field<string>(number, { kind: 'text-value' }, note, check),
  /** Milliseconds; negative ones are refused. */
  duration: (number: number, note = '', check: Check<number> | null = null) =>
    field<number>(number, { kind: 'duration' }, note, check),
  struct: (number: number, note = '', check: Check<Readonly<Record<string, unknown>>> | null = null) =>
    field<Readonly<Record<string, unknown>>>(number, { kind: 'struct' }, note, check),
  /** Like a field that is missing here, but whoever sets it is told why. */
  refused: (number: number, reason: string) =>
    field<never>(number, { kind: 'refused' }, reason, () => `is not supported by Weft: ${reason}`),
  ignored: (number: number, note: string) => field<object>(number, { kind: 'ignored' }, note, null),
  enum: <const N extends Readonly<Record<string, number>>>(
    number: number,
    numbers: N,
    note = '',
    check: Check<keyof N & string> | null = null,
  ) => field<keyof N & string>(number, { kind: 'enum', numbers }, note, check),
  message: <T>(number: number, of: MessageSpec<T>, note = '') =>
    field<T>(number, { kind: 'message', of }, note, null),
  /** A message that holds itself, or one that stands further down. */
  later: <T>(number: number, of: () => MessageSpec<T>, note = '') =>
    field<T>(
      number,
      {
        kind: 'message',
        get of() {
          return of();
        },
      },
      note,
      null,
    ),
  any: (number: number, types: readonly MessageSpec[], note = '', keepUnknown = false) =>
    field<AnyValue>(number, { kind: 'any', types, keepUnknown }, note, null),
  repeated: <T>(item: Field<T>): Field<readonly T[]> => ({ ...item, shape: 'repeated', decoded: undefined }),
  map: <T>(value: Field<T>): Field<ReadonlyMap<string, T>> => ({
    ...value,
    shape: 'map',
    decoded: undefined,
  }),
} as const;

/** The note of a name that tells people what stands there, and nothing else. */
export const forPeople = 'no effect: it is for people';

/** Accepts these values alone; the note in the reference follows from it. */
export function only(...values: readonly (string | number | boolean)[]): Check<string | number | boolean> {
  const text = values.map(String).join(' or ');
  return (value) => (values.includes(value) ? null : `is supported as ${text} only`);
}

/** Of a message with `is_optional`: the `any` field of that name is kept when its type is unknown, but only then. */
export function knownUnlessOptional(field: string, types: readonly MessageSpec[]): Rule {
  return (decoded) => {
    const any = decoded[field] as AnyValue | undefined;
    if (any === undefined || any.value !== null || any.type === '' || decoded['is_optional'] === true)
      return null;
    return { field, rule: typesRule(types), value: any.type };
  };
}

export function typesRule(types: readonly MessageSpec[]): string {
  return `is supported as ${types.map((spec) => spec.name).join(' or ')} only`;
}

export function atMost(maximum: number): Check<number> {
  return (value) => (value <= maximum ? null : `must be at most ${maximum}`);
}

export function positive(value: number): string | null {
  return value > 0 ? null : 'must be greater than 0';
}

export function notEmpty(value: string): string | null {
  return value === '' ? 'must not be empty' : null;
}

/** As {@link notEmpty}, of a field that must be there: in protobuf an absent string is an empty one. */
export function required(value: string): string | null {
  return notEmpty(value);
}
