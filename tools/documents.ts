// `npm run documents`: writes the pages that are made from code. With --check nothing is written, and a page that
// differs fails.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { documents } from './documents/index.ts';
import { wrapProse } from './documents/prose.ts';

const check = process.argv.includes('--check');
let stale = 0;
for (const { path, generate } of documents) {
  const made = await generate();
  const text = path.endsWith('.md') ? wrapProse(made) : made;
  const before = existsSync(path) ? readFileSync(path, 'utf8') : '';
  if (before === text) continue;
  if (check) {
    console.error(`${path} is not what the code says: run 'npm run documents'`);
    stale += 1;
  } else {
    writeFileSync(path, text);
    console.log(`wrote ${path}`);
  }
}
process.exit(stale === 0 ? 0 : 1);
