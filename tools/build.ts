// `npm run build`: the whole program as one executable, dist/weft.

import { mkdirSync } from 'node:fs';

mkdirSync('dist', { recursive: true });
const child = Bun.spawn(
  [
    process.execPath,
    'build',
    '--compile',
    '--minify-syntax',
    '--outfile',
    'dist/weft',
    'src/cli/main.ts',
    'src/cli/proxy-worker.ts',
  ],
  { stdio: ['ignore', 'inherit', 'inherit'] },
);
process.exit(await child.exited);
