// `npm run build`: the whole program as one executable, dist/weft. With bytecode a proxy starts in 40 ms of CPU instead
// of 150, and has 5 MB less.

import { mkdirSync } from 'node:fs';

mkdirSync('dist', { recursive: true });
const child = Bun.spawn(
  [
    process.execPath,
    'build',
    '--compile',
    '--bytecode',
    '--minify-syntax',
    '--outfile',
    'dist/weft',
    'src/cli/main.ts',
    'src/cli/proxy-worker.ts',
  ],
  { stdio: ['ignore', 'inherit', 'inherit'] },
);
process.exit(await child.exited);
