// `npm run image -- NAME`: the program for every architecture, and where there is a builder the image NAME of it
// (Containerfile). Without NAME, or without a builder, the programs alone: dist/linux-amd64/weft and
// dist/linux-arm64/weft.

import { buildWeft } from './build-weft.ts';

/** As images call them, to what the runtime calls them. */
const architectures = { amd64: 'bun-linux-x64', arm64: 'bun-linux-arm64' } as const;
const builders = ['buildah', 'podman', 'docker'] as const;

const [name] = process.argv.slice(2);
for (const [architecture, target] of Object.entries(architectures)) {
  const code = await buildWeft(`dist/linux-${architecture}/weft`, target);
  if (code !== 0) process.exit(code);
}
const builder = builders.find((program) => Bun.which(program) !== null && isWorking(program));
if (name === undefined || builder === undefined) {
  console.log(
    name === undefined
      ? 'no image: no NAME was given'
      : `no image: none of ${builders.join(', ')} works here`,
  );
  process.exit(0);
}
const platforms = Object.keys(architectures).map((architecture) => `linux/${architecture}`);
const command =
  builder === 'docker'
    ? ['docker', 'buildx', 'build', '--platform', platforms.join(), '-t', name, '-f', 'Containerfile', '.']
    : [builder, 'build', '--platform', platforms.join(), '--manifest', name, '-f', 'Containerfile', '.'];
process.exit(await Bun.spawn(command, { stdio: ['ignore', 'inherit', 'inherit'] }).exited);

/** A client alone builds nothing. */
function isWorking(program: string): boolean {
  return Bun.spawnSync([program, 'info'], { stdout: 'ignore', stderr: 'ignore' }).success;
}
