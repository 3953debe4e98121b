// JSON Schema made structural OpenAPI as Kubernetes wants it: no unions, no `never`; what plain types cannot say is
// said in CEL.

export type JsonSchema = Readonly<Record<string, unknown>>;

export interface Rule {
  readonly rule: string;
  readonly message: string;
}

/** What a kind says beside its types. */
export interface Dialect {
  /** By path: what holds between fields. */
  readonly rules: ReadonlyMap<string, readonly Rule[]>;
  /** Fields whose absence has a meaning of its own, so that no default may be written into the object. */
  readonly withoutDefault: ReadonlySet<string>;
}

/** Kept as they are; everything else of JSON Schema is either translated or not of use to an API server. */
const plainKeys = [
  'description',
  'type',
  'enum',
  'pattern',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'minimum',
  'maximum',
  'default',
];

/** Longest duration that its grammar allows: four numbers of five digits, each with a unit. */
const durationCharsMax = 28;

/** `schema`: of zod. The schema of an API server that says as much. */
export function structuralSchema(schema: JsonSchema, dialect: Dialect, path = ''): JsonSchema {
  if (schema['intOrString'] === true) return intOrString(schema, dialect.rules.get(path) ?? []);
  const out: Record<string, unknown> = {};
  for (const key of plainKeys) if (schema[key] !== undefined) out[key] = schema[key];
  if (schema['type'] === 'object' || dialect.withoutDefault.has(path)) delete out['default'];
  if (schema['const'] !== undefined) out['enum'] = [schema['const']];
  for (const [key, bound, exclusive] of [
    ['exclusiveMinimum', 'minimum', 'exclusiveMinimum'],
    ['exclusiveMaximum', 'maximum', 'exclusiveMaximum'],
  ] as const)
    if (schema[key] !== undefined) Object.assign(out, { [bound]: schema[key], [exclusive]: true });
  const properties = Object.entries((schema['properties'] ?? {}) as Readonly<Record<string, JsonSchema>>);
  const known = properties.filter(([, value]) => value['not'] === undefined);
  if (known.length > 0) {
    const named = known.map(([name, value]) => [
      name,
      structuralSchema(value, dialect, path === '' ? name : `${path}.${name}`),
    ]);
    out['properties'] = Object.fromEntries(named);
  }
  const required = (schema['required'] ?? []) as readonly string[];
  if (required.length > 0) out['required'] = required;
  if (schema['items'] !== undefined)
    out['items'] = structuralSchema(schema['items'] as JsonSchema, dialect, `${path}[]`);
  const validations = [...(dialect.rules.get(path) ?? []), ...ownRules(schema)];
  if (validations.length > 0) out['x-kubernetes-validations'] = validations;
  if (schema['minMs'] !== undefined) out['maxLength'] = durationCharsMax;
  return out;
}

function intOrString({ description }: JsonSchema, rules: readonly Rule[]): JsonSchema {
  return {
    ...(description === undefined ? {} : { description }),
    // A bound, so that the price of the rules has one.
    maxLength: 253,
    'x-kubernetes-int-or-string': true,
    'x-kubernetes-validations': rules,
  };
}

/** Of what a value means by itself, wherever it stands. */
function ownRules({ minMs, maxMs, cidr }: JsonSchema): readonly Rule[] {
  if (cidr === true)
    return [
      {
        rule: 'isCIDR(self) && cidr(self) == cidr(self).masked()',
        message: 'must be a range of addresses such as 10.0.0.0/8, with no bits behind its prefix',
      },
    ];
  if (minMs === undefined) return [];
  const rule = `duration(self) >= duration('${minMs}ms') && duration(self) <= duration('${maxMs}ms')`;
  return [{ rule, message: `must be ${minMs}ms to ${maxMs}ms` }];
}
