// `npm run generate`: writes src/xds/gen from the .proto files that @grpc/grpc-js-xds ships, cut to the messages Weft
// uses, and src/xds/api.ts, their face. Works offline. Run it after changing tools/generate/messages.ts and commit what
// it writes.

import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { keptTypes, protoFiles, reflectedOnly } from './generate/messages.ts';
import { pruneDescriptors } from './generate/prune.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const source = join(root, 'node_modules/@grpc/grpc-js-xds/deps');
const target = join(root, 'src/xds/gen');
const modules = ['envoy-api', 'googleapis', 'protoc-gen-validate', 'xds'];

/** Messages of different packages that share a name; the face tells them apart by this prefix. */
const prefixes: readonly (readonly [folder: string, prefix: string])[] = [
  ['envoy/extensions/upstreams/http/', 'Upstream'],
  ['envoy/extensions/filters/http/rbac/', 'HttpFilter'],
  ['envoy/extensions/filters/network/rbac/', 'NetworkFilter'],
  ['udpa/type/v1/', 'Udpa'],
];

const work = mkdtempSync(join(tmpdir(), 'weft-generate-'));
try {
  for (const name of modules) cpSync(join(source, name), work, { recursive: true });
  cpSync(join(root, 'tools/generate/proto'), work, { recursive: true });
  patchValidate(join(work, 'validate/validate.proto'));
  writeFileSync(join(work, 'buf.yaml'), 'version: v2\n');
  buf('build', '.', '-o', 'full.binpb', ...protoFiles.flatMap((file) => ['--path', file]));
  const set = fromBinary(FileDescriptorSetSchema, readFileSync(join(work, 'full.binpb')));
  const files = set.file.length;
  const missing = pruneDescriptors(set, keptTypes);
  if (missing.length > 0)
    throw new Error(`tools/generate/messages.ts keeps unknown types: ${missing.join(' ')}`);
  writeFileSync(join(work, 'kept.binpb'), toBinary(FileDescriptorSetSchema, set));
  writeTemplate();
  rmSync(target, { recursive: true, force: true });
  buf('generate', 'kept.binpb', '--template', 'buf.gen.yaml');
  writeApi();
  writeFiles();
  console.log(`${set.file.length} of ${files} files kept`);
} finally {
  rmSync(work, { recursive: true, force: true });
}

function buf(...args: string[]): void {
  const path = `${join(root, 'node_modules/.bin')}:${process.env['PATH'] ?? ''}`;
  const child = Bun.spawnSync([join(root, 'node_modules/.bin/buf'), ...args], {
    cwd: work,
    env: { ...process.env, PATH: path },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (child.exitCode !== 0) throw new Error(`buf ${args[0]} failed`);
}

/** The shipped validate.proto is older than the API that uses it: these rule messages lack `ignore_empty`. */
function patchValidate(path: string): void {
  const numbers: Record<string, number> = {
    StringRules: 26,
    BytesRules: 14,
    RepeatedRules: 5,
    MapRules: 6,
  };
  const numeric = /^(Float|Double|S?Int32|S?Int64|UInt32|UInt64|S?Fixed32|S?Fixed64)Rules$/;
  const text = readFileSync(path, 'utf8').replace(
    /^message (\w+Rules) \{([\s\S]*?)^\}/gm,
    (whole, name: string, body: string) => {
      const number = numeric.test(name) ? 8 : numbers[name];
      if (number === undefined || body.includes('ignore_empty')) return whole;
      return `message ${name} {${body}  optional bool ignore_empty = ${number};\n}`;
    },
  );
  writeFileSync(path, text);
}

function writeTemplate(): void {
  writeFileSync(
    join(work, 'buf.gen.yaml'),
    JSON.stringify({
      version: 'v2',
      plugins: [
        {
          local: 'protoc-gen-es',
          out: target,
          include_imports: true,
          opt: ['target=ts', 'import_extension=ts', 'erasable_syntax=true', 'elide_plugin_version=true'],
        },
      ],
    }),
  );
}

function writeApi(): void {
  const lines = [
    '// The generated Envoy API by message. Written by tools/generate.ts; descriptors load when a module that imports this',
    '// does.',
    '',
  ];
  const taken = new Map<string, string>();
  for (const file of readdirSync(target, { recursive: true, encoding: 'utf8' }).sort()) {
    if (!file.endsWith('_pb.ts') || reflectedOnly.some((pattern) => pattern.test(file))) continue;
    const text = readFileSync(join(target, file), 'utf8');
    const prefix = prefixes.find(([folder]) => file.startsWith(folder))?.[1] ?? '';
    const names = [...text.matchAll(/^export (type|const) (\w+)/gm)].flatMap(([, kind, name = '']) => {
      if (name.startsWith('file_')) return [];
      return [{ name, type: kind === 'type' }];
    });
    const values = new Set(names.filter((item) => !item.type).map((item) => item.name));
    const specifiers = names
      .filter((item) => !item.type || !values.has(item.name))
      .map((item) => `${item.type ? 'type ' : ''}${rename(item.name, prefix, file, taken)}`);
    if (specifiers.length > 0) lines.push(`export { ${specifiers.join(', ')} } from './gen/${file}';`);
  }
  writeFormatted('src/xds/api.ts', lines);
}

/** Every file's descriptor, for the control plane's reflection. */
function writeFiles(): void {
  const files = readdirSync(target, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('_pb.ts'))
    .sort()
    .map((file) => ({ file, name: `file_${file.replace(/_pb\.ts$/, '').replace(/\//g, '_')}` }));
  writeFormatted('src/xds/gen-files.ts', [
    '// All generated descriptors. Written by tools/generate.ts; only the control plane’s reflection loads them.',
    '',
    "import type { DescFile } from '@bufbuild/protobuf';",
    ...files.map(({ file, name }) => `import { ${name} } from './gen/${file}';`),
    '',
    `export const genFiles: readonly DescFile[] = [${files.map(({ name }) => name).join(', ')}];`,
  ]);
}

function writeFormatted(file: string, lines: readonly string[]): void {
  const path = join(root, file);
  writeFileSync(path, `${lines.join('\n')}\n`);
  Bun.spawnSync([join(root, 'node_modules/.bin/biome'), 'check', '--write', path], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

function rename(name: string, prefix: string, file: string, taken: Map<string, string>): string {
  const exported = `${prefix}${name}`;
  const other = taken.get(exported);
  if (other !== undefined) throw new Error(`${exported} is in ${other} and in ${file}: give a prefix`);
  taken.set(exported, file);
  return exported === name ? name : `${name} as ${exported}`;
}
