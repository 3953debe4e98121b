// Bundles the page. Called as macros: at build time in the compiled program, once at the first import from the source
// tree; so there is no build step for the user and no bundler in the running program.

import { readFileSync } from 'node:fs';

/** The chart library's style, then ours. */
export function bundleStyle(): string {
  const chartStyle = Bun.resolveSync('uplot/dist/uPlot.min.css', import.meta.dir);
  return [chartStyle, `${import.meta.dir}/page/page.css`]
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n');
}

/** The page's script, minified. */
export function bundlePage(): string {
  const entry = `${import.meta.dir}/page/main.tsx`;
  const run = Bun.spawnSync([process.execPath, 'build', entry, '--target=browser', '--production']);
  if (!run.success) throw new Error(`the page does not bundle: ${run.stderr.toString()}`);
  return run.stdout.toString();
}
