// `weft check`: validates manifests and Envoy bootstraps as the mesh would see them, without a mesh.

import { Argument, Command, Option } from 'commander';
import { parse } from 'yaml';
import { formatIssue, type Issue } from '../base/index.ts';
import { checkManifests, type Finding, lineOfField, type ManifestFile } from '../control/index.ts';
import { type CheckClusterFlags, checkCluster } from './check-cluster.ts';
import { readFiles } from './check-files.ts';
import { explain } from './check-why.ts';
import { withCluster } from './cluster.ts';
import { type CliCommand, Exit, exitCode } from './command.ts';
import { revisionOption } from './revision.ts';
import { version } from './version.ts';

interface CheckFlags extends CheckClusterFlags {
  /** HOST and PATH. */
  readonly why?: readonly string[];
  readonly from: string;
}

interface Report {
  readonly files: number;
  readonly objects: number;
  readonly bootstraps: number;
  readonly findings: readonly Finding[];
  readonly notes: readonly string[];
}

async function run(paths: readonly string[], flags: CheckFlags): Promise<void> {
  const ofCluster = flags.pre === true || flags.installed === true;
  if (ofCluster === paths.length > 0 || (flags.pre === true && flags.installed === true))
    throw new Exit(exitCode.usage, 'weft check: it wants paths, or --pre, or --installed');
  if (ofCluster) return await checkCluster(flags);
  const { files, unread } = readFiles('weft check', paths);
  const bootstraps = files.filter((file) => isBootstrap(file.text));
  const others = files.filter((file) => !bootstraps.includes(file));
  if (flags.why !== undefined) return answer(others, flags.why, flags.from);
  const manifests = checkManifests(others);
  const faults = await checkBootstraps(bootstraps);
  const report: Report = {
    files: files.length,
    objects: manifests.objects,
    bootstraps: bootstraps.length,
    findings: [...unread, ...manifests.findings, ...faults],
    notes: manifests.notes,
  };
  if (report.objects + report.bootstraps + report.findings.length === 0)
    throw new Exit(exitCode.usage, `weft check: there is nothing to check in ${paths.join(' ')}`);
  console.log(flags.json === true ? JSON.stringify(report, null, 2) : formatReport(report));
  if (report.findings.length > 0 || (flags.strict === true && report.notes.length > 0))
    throw new Exit(exitCode.notFine);
}

async function answer(
  files: readonly ManifestFile[],
  why: readonly string[],
  namespace: string,
): Promise<void> {
  for (const line of await explain(files, { ...parseTarget(why), namespace })) console.log(line);
}

const questionForm =
  /^(?:https?:\/\/)?((?:\[[\da-fA-F:.]+\]|[^/\s?#:[\]]+)(?::\d+)?)(?:\s|(?=\/)|$)(\/\S*)?$/;

/** `HOST PATH`, or both in one word as people have it: a URL, with its scheme or without. */
function parseTarget(words: readonly string[]): { readonly host: string; readonly path: string } {
  const [, host, path] = questionForm.exec(words.join(' ')) ?? [];
  if (host !== undefined) return { host, path: path ?? '/' };
  throw new Exit(exitCode.usage, `weft check: --why takes HOST /PATH, or a URL (got ${words.join(' ')})`);
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
    if (parsed.ok) return [];
    return parsed.error.map((issue: Issue) => ({
      file: path,
      line: lineOfField(text, 0, issue.field),
      issue,
    }));
  });
}

function formatReport(report: Report): string {
  const lines = report.findings.map(({ file, line, issue }) => {
    const where = line > 0 ? `${file}:${line}` : file;
    // The file's own faults name it themselves.
    const own = issue.object === file || issue.object.startsWith(`${file}:`);
    return `${where}: ${own ? formatIssue(issue).slice(issue.object.length + 2) : formatIssue(issue)}`;
  });
  for (const note of report.notes) lines.push(`note: ${note}`);
  const read = `${count(report.objects, 'object')} and ${count(report.bootstraps, 'bootstrap')} in ${count(report.files, 'file')}`;
  const found = count(report.findings.length, 'fault');
  return [...lines, `${read}: ${found}`].join('\n');
}

function count(number: number, noun: string): string {
  return `${number === 0 ? 'no' : number} ${noun}${number === 1 ? '' : 's'}`;
}

export const command: CliCommand = withCluster(
  new Command('check')
    .description(
      'Validate manifests and Envoy bootstraps as the mesh would see them, or a cluster. Exits 1 when there are faults or something could not be learnt, 64 when there is nothing to check.',
    )
    .addArgument(new Argument('[paths...]', 'directories, files, or - for standard input'))
    .option('--pre', 'instead: can the mesh be installed in the cluster')
    .option('--installed', 'instead: is the mesh in the cluster well')
    .addOption(revisionOption('with --pre or --installed: of several side by side'))
    .option('--agents', 'with --pre: with an agent on every node')
    .option('--cni', 'with --pre: with the CNI plugin on every node'),
)
  .option('--json', 'print the report as JSON')
  .option('--strict', 'exit 1 for notes and warnings too')
  .addOption(
    new Option(
      '--why <host-and-path...>',
      'instead: which route and endpoints a GET would get of HOST /PATH, or of a URL',
    ),
  )
  .addOption(new Option('--from <namespace>', 'with --why: the namespace of the caller').default('default'))
  .action(run);
