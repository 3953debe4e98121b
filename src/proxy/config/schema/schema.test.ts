// The tables against two oracles: the published .proto files (names and numbers), and the generated classes (bytes).

import { describe, expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRegistry, fromJson, type JsonValue, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { findMessage, reachableMessages, readProtoFiles } from '../../../../tools/envoy-fields.ts';
import * as api from '../../../xds/api.ts';
import { bootstrap } from './bootstrap.ts';
import { decodeBinary } from './decode-binary.ts';
import { decodeJson } from './decode-json.ts';
import { encodeJson } from './encode-json.ts';
import { Faults } from './faults.ts';

const protoTexts = readProtoFiles();

/** Of Envoy 1.40, whose API is newer than the copy at hand; the numbers are in its program. */
const newer: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  'envoy.config.cluster.v3.Cluster': { 58: 'dns_jitter' },
  'envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector': { 3: 'enable_ja4_fingerprinting' },
  'envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext': {
    6: 'auto_host_sni',
    7: 'auto_sni_san_validation',
  },
};

describe('tables against the published API', () => {
  for (const [name, specs] of reachableMessages(bootstrap)) {
    test(name, () => {
      const published = findMessage(name, protoTexts);
      for (const spec of specs) {
        for (const [field, { number }] of Object.entries(spec.fields)) {
          expect(`${number}:${published.get(number) ?? newer[name]?.[number]}`).toBe(`${number}:${field}`);
        }
        for (const member of spec.oneofs.flat()) expect(Object.keys(spec.fields)).toContain(member);
      }
    });
  }
});

test('a field that nothing reads says why it is taken', () => {
  const folder = join(import.meta.dir, '..');
  const read = new Set(
    [...new Bun.Glob('**/*.ts').scanSync(folder)]
      .filter((name) => !name.startsWith('schema/') && !name.endsWith('.test.ts'))
      .flatMap((name) => readFileSync(join(folder, name), 'utf8').match(/\w+/g) ?? []),
  );
  expect(read.has('request_timeout')).toBe(true);
  const silent = [...reachableMessages(bootstrap)].flatMap(([name, specs]) =>
    specs.flatMap(({ fields }) =>
      Object.entries(fields)
        .filter(([field, { note }]) => note === '' && !read.has(field))
        .map(([field]) => `${name}.${field}`),
    ),
  );
  expect(silent).toEqual([]);
});

const schemas = Object.entries(api)
  .filter(([name]) => name.endsWith('Schema'))
  .map(([, schema]) => schema)
  .filter((schema): schema is typeof api.BootstrapSchema => 'kind' in schema && schema.kind === 'message');
const registry = createRegistry(...schemas);

const folder = join(import.meta.dir, '..', 'testdata');

describe('bytes say what JSON says', () => {
  for (const name of readdirSync(folder).filter(
    (file) => file.endsWith('.yaml') && file !== 'unsupported.yaml',
  )) {
    const document = Bun.YAML.parse(readFileSync(join(folder, name), 'utf8')) as JsonValue;

    // Nobody here needs generated classes of filters; their numbers are checked above, against the .proto files.
    if (name !== 'filters.yaml')
      test(name, () => {
        const bytes = toBinary(api.BootstrapSchema, fromJson(api.BootstrapSchema, document, { registry }));
        const faults = new Faults(name);
        const fromBytes = decodeBinary(bootstrap, bytes, '', faults);
        const fromText = decodeJson(bootstrap, document, '', faults);
        expect(faults.issues).toEqual([]);
        expect(encodeJson(bootstrap, fromBytes)).toEqual(encodeJson(bootstrap, fromText));
      });

    test(`${name}, written and read again`, () => {
      const faults = new Faults(name);
      const json = encodeJson(bootstrap, decodeJson(bootstrap, document, '', faults));
      expect(encodeJson(bootstrap, decodeJson(bootstrap, json, '', faults))).toEqual(json);
      expect(faults.issues).toEqual([]);
    });
  }

  test('a field outside the table is refused by its name', () => {
    const message = fromJson(api.BootstrapSchema, { admin: { ignoreGlobalConnLimit: true } }, { registry });
    const faults = new Faults('b');
    decodeBinary(bootstrap, toBinary(api.BootstrapSchema, message), '', faults);
    expect(faults.issues.map(({ field, rule }) => `${field} ${rule}`)).toEqual([
      'admin.ignore_global_conn_limit is not supported by Weft (docs/envoy-compat.md)',
    ]);
  });
});

describe('no field outside the tables passes, in neither form', () => {
  for (const [name, specs] of reachableMessages(bootstrap)) {
    for (const spec of specs) {
      const refused = [...findMessage(name, protoTexts)].filter(
        ([, field]) => spec.fields[field] === undefined,
      );
      if (refused.length === 0) continue;
      test(`${name}: ${refused.length} fields`, () => {
        for (const [number, field] of refused) {
          const expected = [
            {
              object: 'o',
              field: `at.${field}`,
              rule: 'is not supported by Weft (docs/envoy-compat.md)',
              value: '',
            },
          ];
          const fromText = new Faults('o');
          decodeJson(spec, { [field]: {} }, 'at', fromText);
          expect(unsupported(fromText)).toEqual(expected);
          const fromBytes = new Faults('o');
          // The field's tag as a varint, wire type 2, and an empty value.
          const tag = number * 8 + 2;
          const bytes = tag < 128 ? [tag, 0] : [(tag & 0x7f) | 0x80, tag >> 7, 0];
          decodeBinary(spec, new Uint8Array(bytes), 'at', fromBytes);
          expect(unsupported(fromBytes)).toEqual(expected);
        }
      });
    }
  }
});

/** Without what is said about required fields, which these messages lack. */
function unsupported(faults: Faults) {
  return faults.issues.filter(({ rule }) => rule !== 'must be set');
}

test('any bytes give a value or faults, and never throw (property)', () => {
  const document = Bun.YAML.parse(readFileSync(join(folder, 'static-edge.yaml'), 'utf8')) as JsonValue;
  const good = toBinary(api.BootstrapSchema, fromJson(api.BootstrapSchema, document, { registry }));
  const damage = fc.array(fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 0, max: 255 })), {
    maxLength: 4,
  });
  fc.assert(
    fc.property(damage, fc.nat(good.length), (changes, length) => {
      const bytes = good.slice(0, length);
      for (const [at, value] of changes) if (at < length) bytes[at] = value;
      const faults = new Faults('x');
      expect(decodeBinary(bootstrap, bytes, '', faults)).toBeObject();
    }),
    { numRuns: 500, seed: 4 },
  );
});
