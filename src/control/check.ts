// The control plane's validation without a control plane: manifests in, everything that is wrong with them out, as the
// mesh would see it.

import { typeUrls, type XdsResource } from '../xds/index.ts';
import { MeshCompiler } from './compile/mesh.ts';
import { buildModel } from './model/build.ts';
import { Catalog } from './model/catalog.ts';
import { mergeFiles } from './source/directory.ts';
import { isForeignFile } from './source/foreign-files.ts';
import { lineOfField } from './source/locate.ts';
import { parseManifests } from './source/parse.ts';
import { type Finding, listFindings, listNotes, reportObjects } from './status/report.ts';

export interface ManifestFile {
  /** As it should be shown; `-` for standard input. */
  readonly path: string;
  readonly text: string;
}

export interface CheckReport {
  /** Number of objects read, those of foreign kinds included. */
  readonly objects: number;
  readonly findings: readonly Finding[];
  readonly notes: readonly string[];
}

export function checkManifests(files: readonly ManifestFile[]): CheckReport {
  const foreign = files.filter(({ path }) => isForeignFile(path));
  const { entries, built, faults } = readMesh(files.filter((file) => !foreign.includes(file)));
  const statuses = reportObjects(entries, built.book);
  const texts = new Map(files.map(({ path, text }) => [path, text]));
  return {
    objects: entries.length,
    findings: listFindings(statuses, faults).map((finding) => atField(finding, texts)),
    notes: [
      ...foreign.map(({ path }) => `${path}: steers kustomize or Helm and is no manifest`),
      ...listNotes(statuses),
    ],
  };
}

/** Where the field is written, rather than where its object begins. */
function atField(finding: Finding, texts: ReadonlyMap<string, string>): Finding {
  const { file, line, issue } = finding;
  const text = texts.get(file);
  if (text === undefined || line === 0 || issue.field === '') return finding;
  return { ...finding, line: lineOfField(text, line, issue.field) };
}

export function readMesh(files: readonly ManifestFile[]) {
  const parsed = new Map(
    files.map(({ path, text }) => {
      const result = parseManifests(path, text);
      const state = { objects: result.ok ? result.value : [], issues: result.ok ? [] : result.error };
      return [path, state] as const;
    }),
  );
  const { objects, faults } = mergeFiles(parsed);
  const catalog = new Catalog();
  for (const object of objects.values()) catalog.upsert(object);
  const entries = catalog.entries();
  return { entries, built: buildModel(entries), faults };
}

/** The mesh as one proxy sees it. */
export interface MeshOutlook {
  /** Who looks: callers of a namespace, or a gateway's listener. */
  readonly name: string;
  readonly routes: XdsResource;
  /** `host:port` of each endpoint, as the manifests list them. */
  readonly endpointsOf: (cluster: string) => readonly string[];
}

export function compileOutlooks(files: readonly ManifestFile[], namespace: string): readonly MeshOutlook[] {
  const { model } = readMesh(files.filter(({ path }) => !isForeignFile(path))).built;
  const compiler = new MeshCompiler(model);
  const ports = new Map([
    ...[...model.services.values()].flatMap(({ ports }) => ports.map((port) => [port.id, port] as const)),
    ...model.backends,
  ]);
  const endpointsOf = (cluster: string) => {
    const port = ports.get(cluster);
    if (port?.external != null) return [`${port.external}:${port.port}`];
    return (port?.endpoints ?? []).map(({ host, port }) =>
      host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
    );
  };
  const bind = { host: '127.0.0.1', port: 4140 };
  const callers = compiler.compile({
    role: 'agent',
    namespace,
    zone: '',
    node: '',
    vhds: 'table',
    cds: 'unasked',
    bind,
  });
  const gateways = [...model.gateways.values()].map((gateway) =>
    compiler.compile({
      role: 'gateway',
      namespace: gateway.namespace,
      zone: '',
      node: '',
      gateway: gateway.name,
      bind: null,
    }),
  );
  return [callers, ...gateways].flatMap(({ resources }) =>
    [...(resources.get(typeUrls.route)?.values() ?? [])].map((routes) => ({
      name: routes.name === 'agent' ? `callers in ${namespace}` : routes.name,
      routes,
      endpointsOf,
    })),
  );
}
