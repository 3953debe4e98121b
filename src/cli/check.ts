// `weft check`: validates manifests and Envoy bootstraps as the mesh would see them, without a mesh.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { Argument, Command } from 'commander';
import { parse } from 'yaml';
import { formatIssue, type Issue } from '../base/index.ts';
import { checkManifests, type Finding, type ManifestFile } from '../control/index.ts';
import { type CliCommand, Exit, exitCode } from './command.ts';
import { version } from './version.ts';

interface CheckFlags {
  readonly json?: true;
}

interface Report {
  readonly files: number;
  readonly objects: number;
  readonly bootstraps: number;
  readonly findings: readonly Finding[];
  readonly notes: readonly string[];
}

const suffixes = ['.yaml', '.yml', '.json'];

async function run(path: string, flags: CheckFlags): Promise<void> {
  const { files, unread } = readFiles(path);
  const bootstraps = files.filter((file) => isBootstrap(file.text));
  const manifests = checkManifests(files.filter((file) => !bootstraps.includes(file)));
  const faults = await checkBootstraps(bootstraps);
  const report: Report = {
    files: files.length,
    objects: manifests.objects,
    bootstraps: bootstraps.length,
    findings: [...unread, ...manifests.findings, ...faults],
    notes: manifests.notes,
  };
  console.log(flags.json === true ? JSON.stringify(report, null, 2) : formatReport(report));
  if (report.findings.length > 0) throw new Exit(exitCode.notFine);
}

interface FilesRead {
  readonly files: readonly ManifestFile[];
  /** Files of a directory that are there and cannot be read: a link to nothing, no permission. */
  readonly unread: readonly Finding[];
}

function readFiles(path: string): FilesRead {
  if (path === '-') return { files: [{ path: '-', text: readFileSync(0, 'utf8') }], unread: [] };
  if (!existsSync(path)) throw new Exit(exitCode.usage, `weft check: there is no ${path}`);
  const folder = statSync(path).isDirectory();
  const files: ManifestFile[] = [];
  const unread: Finding[] = [];
  for (const file of folder ? listFolder(path).sort() : [path]) {
    const shown = folder ? relative(path, file) : path;
    try {
      files.push({ path: shown, text: readFileSync(file, 'utf8') });
    } catch (error) {
      const rule = `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
      if (!folder) throw new Exit(exitCode.usage, `${path}: ${rule}`);
      unread.push({ file: shown, line: 0, issue: { object: shown, field: '', rule, value: '' } });
    }
  }
  return { files, unread };
}

/** Hidden files and folders are left out, as the control plane leaves them out. */
function listFolder(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.name.startsWith('.')) return [];
    if (entry.isDirectory()) return listFolder(path);
    const read = entry.isFile() || entry.isSymbolicLink();
    return read && suffixes.some((suffix) => entry.name.endsWith(suffix)) ? [path] : [];
  });
}

/** An Envoy bootstrap has no `kind`, and at least one of the fields that make a bootstrap. */
function isBootstrap(text: string): boolean {
  if (!/static_resources|dynamic_resources|staticResources|dynamicResources|admin|node/.test(text))
    return false;
  try {
    const value: unknown = parse(text);
    if (typeof value !== 'object' || value === null || 'kind' in value) return false;
    return [
      'static_resources',
      'dynamic_resources',
      'staticResources',
      'dynamicResources',
      'node',
      'admin',
    ].some((field) => field in value);
  } catch {
    // Several documents, or no YAML at all: the manifests' parser says which.
    return false;
  }
}

async function checkBootstraps(files: readonly ManifestFile[]): Promise<readonly Finding[]> {
  if (files.length === 0) return [];
  const { parseBootstrap } = await import('../proxy/index.ts');
  return files.flatMap(({ path, text }) => {
    const parsed = parseBootstrap(text, { fileName: path, version });
    return parsed.ok ? [] : parsed.error.map((issue: Issue) => ({ file: path, line: 0, issue }));
  });
}

function formatReport(report: Report): string {
  const lines = report.findings.map(({ file, line, issue }) => {
    const where = line > 0 ? `${file}:${line}` : file;
    const text = formatIssue(issue);
    return text.startsWith(where) ? text : `${where}: ${text}`;
  });
  for (const note of report.notes) lines.push(`note: ${note}`);
  const read = `${count(report.objects, 'object')} and ${count(report.bootstraps, 'bootstrap')} in ${count(report.files, 'file')}`;
  const found = count(report.findings.length, 'fault');
  return [...lines, `${read}: ${found}`].join('\n');
}

function count(number: number, noun: string): string {
  return `${number === 0 ? 'no' : number} ${noun}${number === 1 ? '' : 's'}`;
}

export const command: CliCommand = new Command('check')
  .description(
    'Validate manifests and Envoy bootstraps as the mesh would see them. Exits 1 when there are faults.',
  )
  .addArgument(new Argument('<path>', 'a directory, a file, or - for standard input'))
  .option('--json', 'print the report as JSON')
  .action(run);
