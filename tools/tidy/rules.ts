// What the linters lack: size budgets, calls that a layer may not reach, file headers, left-overs. One row or small
// function a rule.

import { faceRule, layerRule } from './layers.ts';
import { commentRule } from './prose.ts';
import { isGenerated, isTest, layerOf, type Rule, type Source } from './source.ts';

/** Lines at which a source file fails; 300 is where a review asks. Tests, generated code and tables are exempt. */
export const fileLinesMax = 500;
/** Lines at which a function fails. */
export const functionLinesMax = 70;

const pureLayers: ReadonlySet<string> = new Set(['base', 'policy', 'wire', 'xds', 'proxy', 'control']);

/** Files and folders of pure layers that meet the world, with what for. The simulator runs none of them. */
const worldly: readonly (readonly [path: string, why: string])[] = [
  ['src/xds/transport/grpc', 'sockets of gRPC'],
  ['src/control/kubernetes/', 'the API server'],
  ['src/control/admin/admin-server.ts', 'its HTTP server'],
  ['src/control/admin/stream-pieces.ts', 'turns of the event loop'],
  ['src/control/model/catalog.ts', 'node:util compares, no more'],
  ['src/control/status-writer/publisher.ts', 'node:util compares, no more'],
  ['src/control/compile/resource.ts', 'node:crypto hashes, no more'],
  ['src/control/schema/gateway-labels.ts', 'node:crypto hashes, no more'],
  ['src/control/callers/token-reviews.ts', 'node:crypto hashes, no more'],
  ['src/control/authority/', 'node:crypto makes keys and certificates'],
  ['src/control/model/certificates.ts', 'node:crypto reads certificates, no more'],
  ['src/proxy/process-info.ts', 'what this process is'],
  ['src/proxy/admin/metrics/proxy-metrics.ts', 'what this process uses'],
  ['src/proxy/config/parse-text.ts', 'the built-in YAML parser'],
  ['src/proxy/config/last-good.ts', 'node:crypto hashes, no more'],
  ['src/proxy/exchange/websocket-accept.ts', 'node:crypto hashes, no more'],
  ['src/proxy/filters/jwt/keys.ts', 'node:crypto verifies, no more'],
  ['src/proxy/filters/coding/content-coder.ts', 'node:zlib codes, no more'],
  ['src/proxy/tls/', 'certificates and their files'],
];

/** What pure layers may not touch, and what they use instead. */
const impure: readonly (readonly [pattern: RegExp, instead: string])[] = [
  [/\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b/, 'take a Clock'],
  [/\bMath\.random\b|\bcrypto\.(random|getRandom)/, 'take a Random'],
  [/\b(setTimeout|setInterval|setImmediate|queueMicrotask)\(/, 'take a Clock and a Timer'],
  [/\bprocess\./, 'take options'],
  [/\bBun\./, 'take a seam'],
  [/from 'node:(?!assert)/, 'take a seam'],
];

const purityRule: Rule = {
  name: 'purity',
  check(source) {
    const layer = layerOf(source.path);
    if (layer === null || !pureLayers.has(layer) || isTest(source.path)) return [];
    if (worldly.some(([path]) => source.path.startsWith(path))) return [];
    return scan(source, impure, (instead) => `${layer} is pure: ${instead}`);
  },
};

const banned: readonly (readonly [pattern: RegExp, instead: string])[] = [
  [/\b(TODO|FIXME|XXX|HACK)\b/, 'do it, or say it in docs/'],
  [/\b(test|describe|it)\.only\(/, 'run all tests'],
  [/biome-ignore|@ts-ignore|@ts-expect-error|@ts-nocheck|\bas any(?=[;,)\]>.])/, 'mend the cause'],
  [/\bthis\.#\w/, 'write private: one style'],
  [/\bprocess\.exit\(/, 'only src/cli exits; throw Exit there'],
  [/\bprocess\.env\b/, 'only src/cli reads the environment'],
];

const bannedRule: Rule = {
  name: 'banned',
  check(source) {
    if (source.path.startsWith('tools/tidy/')) return [];
    const rows = banned.filter(
      ([, instead]) => !(instead.startsWith('only src/cli') && mayUseProcess(source.path)),
    );
    return scan(source, rows, (instead) => instead);
  },
};

function mayUseProcess(path: string): boolean {
  return !path.startsWith('src/') || path.startsWith('src/cli/') || isTest(path);
}

const headerRule: Rule = {
  name: 'header',
  check(source) {
    if (
      !/^(src|examples)\//.test(source.path) ||
      isTest(source.path) ||
      /(index|version)\.ts$/.test(source.path)
    )
      return [];
    return /^(#!.*\n)?(\/\/ |\/\*\*)/.test(source.text)
      ? []
      : [{ line: 1, message: 'open with what this file is and why' }];
  },
};

const fileSizeRule: Rule = {
  name: 'file-size',
  check(source) {
    if (isTest(source.path) || source.path.endsWith('.gen.ts') || source.lines.length <= fileLinesMax)
      return [];
    return [{ line: 0, message: `${source.lines.length} lines, at most ${fileLinesMax}` }];
  },
};

const functionSizeRule: Rule = {
  name: 'function-size',
  check(source) {
    if (isTest(source.path)) return [];
    return source.lines.flatMap((line, start) => {
      const opened =
        /^(\s*)(export )?(async )?(function\b|(static |private |async |\*)*[\w#]+\(.*\).*\{$)/.exec(line);
      if (opened === null || /^\s*(if|for|while|switch|return)\b/.test(line)) return [];
      const close = source.lines.findIndex((other, index) => index > start && other === `${opened[1]}}`);
      const length = close - start + 1;
      return close === -1 || length <= functionLinesMax
        ? []
        : [{ line: start + 1, message: `a function of ${length} lines, at most ${functionLinesMax}` }];
    });
  },
};

const nameRule: Rule = {
  name: 'name',
  check(source) {
    const file = source.path.split('/').at(-1) ?? '';
    if (/\/(utils?|helpers?|common|misc)(\/|\.ts$)/.test(source.path))
      return [{ line: 0, message: 'name it after the domain' }];
    return /^[a-z0-9]+([-.][a-z0-9]+)*\.ts$/.test(file)
      ? []
      : [{ line: 0, message: 'file names are kebab-case' }];
  },
};

const machineRule: Rule = {
  name: 'machine',
  check: (source) =>
    source.path.startsWith('tools/tidy/')
      ? []
      : scan(source, [[/["'`( ]\/(home|root|Users)\/\w/, '']], () => 'no absolute path of a machine'),
};

export const rules: readonly Rule[] = [
  layerRule,
  faceRule,
  purityRule,
  bannedRule,
  headerRule,
  fileSizeRule,
  functionSizeRule,
  nameRule,
  machineRule,
  commentRule,
];

function scan(
  source: Source,
  rows: readonly (readonly [RegExp, string])[],
  say: (instead: string) => string,
): { line: number; message: string }[] {
  return source.lines.flatMap((line, index) => {
    const code = /^\s*(\/\/|\*|\/\*)/.test(line)
      ? line.replace(/process\.|Bun\.|Math\.|Date\.|performance\./g, '')
      : line;
    const row = rows.find(([pattern]) => pattern.test(code));
    return row === undefined ? [] : [{ line: index + 1, message: say(row[1]) }];
  });
}

export function isExempt(path: string): boolean {
  return isGenerated(path);
}
