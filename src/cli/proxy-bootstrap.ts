// Where a proxy's bootstrap comes from, by Envoy's flags: a file or the flag itself, with the node's names from outside
// where a template serves many pods.

import { readFileSync } from 'node:fs';
import type { LogThreshold } from '../observe/index.ts';
import { type Bootstrap, type BootstrapOptions, mergeBootstraps, parseBootstrap } from '../proxy/index.ts';
import { Exit, exitCode, exitWithIssues } from './command.ts';
import { version } from './version.ts';

export interface BootstrapFlags {
  readonly config?: string;
  readonly configYaml?: string;
  readonly serviceNode?: string;
  readonly serviceCluster?: string;
  readonly serviceZone?: string;
}

/** A bootstrap before it is parsed, which each thread does for itself. */
export interface BootstrapSource {
  readonly text: string;
  readonly options: BootstrapOptions;
}

export function readBootstrap(flags: BootstrapFlags): BootstrapSource {
  const { config, configYaml, serviceNode, serviceCluster, serviceZone } = flags;
  if (config === undefined && configYaml === undefined)
    throw new Exit(exitCode.usage, '--config or --config-yaml must be given');
  const node = {
    ...(serviceNode === undefined ? {} : { id: serviceNode }),
    ...(serviceCluster === undefined ? {} : { cluster: serviceCluster }),
    ...(serviceZone === undefined ? {} : { zone: serviceZone }),
  };
  const text = readTexts(config, configYaml);
  return { text, options: { fileName: config ?? '--config-yaml', version, node } };
}

/** Of both, the flag's is merged over the file's. */
function readTexts(config: string | undefined, yaml: string | undefined): string {
  if (config === undefined) return yaml ?? '';
  const text = readText(config);
  if (yaml === undefined) return text;
  const merged = mergeBootstraps({ name: config, text }, { name: '--config-yaml', text: yaml });
  return merged.ok ? merged.value : exitWithIssues(merged.error);
}

export function parseSource({ text, options }: BootstrapSource): Bootstrap {
  const parsed = parseBootstrap(text, options);
  return parsed.ok ? parsed.value : exitWithIssues(parsed.error);
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Exit(exitCode.usage, `${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Envoy's names of levels, and ours. */
const levels: Readonly<Record<string, LogThreshold>> = {
  trace: 'debug',
  debug: 'debug',
  info: 'info',
  warn: 'warn',
  warning: 'warn',
  error: 'error',
  critical: 'error',
  off: 'off',
};

export function parseLogLevel(text: string): LogThreshold {
  const level = levels[text];
  if (level !== undefined) return level;
  throw new Exit(
    exitCode.usage,
    `--log-level: must be one of ${Object.keys(levels).join(', ')} (got ${text})`,
  );
}
