// How the demo's processes are started: weft's own commands with the runtime that runs this process, the bank's
// services with the same runtime or with Python.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Workload } from '../../../examples/bank/bank.ts';
import { DemoFault } from '../fault.ts';

export interface Programs {
  /** Command line of `weft ARGUMENTS`. */
  weft(...args: readonly string[]): readonly string[];
  /** Command line of a workload's service. */
  service(workload: Workload): readonly string[];
  /** Folder of the bank's manifests. */
  readonly manifestFolder: string;
  /** Path of python3, or null. */
  readonly python: string | null;
}

/** `root`: the source tree. In the one-file executable the runtime inside it runs the services from there. */
export function createPrograms(root: string, python: string | null): Programs {
  const bank = join(root, 'examples', 'bank');
  const compiled = import.meta.url.includes('/$bunfs/');
  const main = join(root, 'src', 'cli', 'main.ts');
  // The executable is weft unless it is told to be the runtime that it contains.
  const runtime = compiled ? ['/usr/bin/env', 'BUN_BE_BUN=1', process.execPath] : [process.execPath];
  return {
    manifestFolder: join(bank, 'manifests'),
    python,
    weft: (...args) => (compiled ? [process.execPath, ...args] : [process.execPath, main, ...args]),
    service(workload) {
      if (workload.python !== null && python !== null) return [python, join(bank, workload.python)];
      return [...runtime, join(bank, 'service.ts'), workload.program];
    },
  };
}

/** Folder of the source tree; a DemoFault where the bank is beside neither the program nor the caller. */
export function findSourceRoot(): string {
  const places = [join(import.meta.dir, '..', '..', '..'), join(process.execPath, '..', '..'), process.cwd()];
  return findRootAmong(places);
}

export function findRootAmong(candidates: readonly string[]): string {
  const root = candidates.find((folder) => existsSync(join(folder, 'examples', 'bank', 'service.ts')));
  if (root === undefined) {
    throw new DemoFault(
      'usage',
      'the bank is not here: run the demo in the source tree, where examples/bank is',
    );
  }
  return root;
}
