// The blocks of commands in docs/kubernetes.md, and which of them tests run as they stand, told from the tests' text: a
// run that leaves out some tests must not find commands that nobody runs.

import { join } from 'node:path';
import type { Rig } from '../../testing/rig.ts';

const page = join(import.meta.dir, '../../../docs/kubernetes.md');

export interface PageBlock {
  /** The nearest before it, of any depth. */
  readonly heading: string;
  readonly text: string;
}

export function readPage(): Promise<string> {
  return Bun.file(page).text();
}

/** Of shells; what is to be applied or read is none. */
export function listBlocks(markdown: string): readonly PageBlock[] {
  const parts = markdown.matchAll(/^#+ (.+)$|^ *```+(\w*).*\n([\s\S]*?)^ *```+$/gm);
  const blocks: PageBlock[] = [];
  let heading = '';
  for (const [, title, language = '', text = ''] of parts) {
    if (title !== undefined) heading = title;
    else if (shells.has(language)) blocks.push({ heading, text });
  }
  return blocks;
}

const shells: ReadonlySet<string> = new Set(['sh', 'bash', 'shell', 'console', '']);

function findBlock(blocks: readonly PageBlock[], heading: string, begin: string): string {
  const block = blocks.find((one) => one.heading === heading && one.text.startsWith(begin));
  if (block === undefined) throw new Error(`docs/kubernetes.md, ${heading}: no block begins with ${begin}`);
  return block.text;
}

/** Runs a block as it stands, where `weft` lies in the rig's folder, and says what it printed. */
export async function playBlock(rig: Rig, heading: string, begin: string): Promise<string> {
  const block = findBlock(listBlocks(await readPage()), heading, begin);
  return await rig.sh(`cd ${rig.folder}; PATH=${rig.folder}:$PATH\n${block}`);
}

/** Blocks that none of these tests plays, by `playDocument(heading, begin)` with both written out. */
export function listUnplayed(markdown: string, tests: readonly string[]): readonly PageBlock[] {
  const plays = tests.flatMap((text) => [...text.matchAll(/playDocument\(\s*'([^']+)',\s*'([^']+)'/g)]);
  const blocks = listBlocks(markdown);
  const played = new Set(plays.map(([, heading = '', begin = '']) => findBlock(blocks, heading, begin)));
  return blocks.filter(({ text }) => !played.has(text));
}
