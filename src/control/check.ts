// The control plane's validation without a control plane: manifests in, everything that is wrong with them out, as the mesh would see it.

import { buildModel } from './model/build.ts';
import { Catalog } from './model/catalog.ts';
import { mergeFiles } from './source/directory.ts';
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
  const parsed = new Map(
    files.map(({ path, text }) => {
      const result = parseManifests(path, text);
      return [
        path,
        { objects: result.ok ? result.value : [], issues: result.ok ? [] : result.error },
      ] as const;
    }),
  );
  const { objects, faults } = mergeFiles(parsed);
  const catalog = new Catalog();
  for (const object of objects.values()) catalog.upsert(object);
  const entries = catalog.entries();
  const statuses = reportObjects(entries, buildModel(entries).book);
  return { objects: objects.size, findings: listFindings(statuses, faults), notes: listNotes(statuses) };
}
