// The commands of a document, as its reader would type them: blocks marked `file=NAME` are saved, blocks marked `run`
// are executed in order by one shell, in a folder of their own, with `weft` on the PATH. Usual ports become free ones,
// so that nothing on the machine is met.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { freePort, type Output } from './programs.ts';

interface Block {
  readonly mark: string;
  readonly text: string;
}

/** Ports that the documents use: four or five digits behind a colon, or said as a port. */
const usualPorts = /\b(?:150[01]\d|808[01]|4140)\b/g;

/** Marked blocks of a document, in order. */
export function findBlocks(markdown: string): readonly Block[] {
  return [...markdown.matchAll(/^```\w+ (run|file=\S+)\n([\s\S]*?)^```$/gm)].map(
    ([, mark = '', text = '']) => ({
      mark,
      text,
    }),
  );
}

/** Runs what the document says; `weft` is the program. Every process that the shell leaves behind is ended with it. */
export async function runDocument(path: string, weft: string, timeoutMs: number): Promise<Output> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-document-'));
  const ports = new Map<string, string>();
  const translate = (text: string): string =>
    text.replaceAll(usualPorts, (port) => {
      const found = ports.get(port) ?? String(freePort());
      ports.set(port, found);
      return found;
    });
  try {
    mkdirSync(join(folder, 'bin'));
    mkdirSync(join(folder, 'work'));
    symlinkSync(weft, join(folder, 'bin', 'weft'));
    const script: string[] = ["trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT"];
    for (const { mark, text } of findBlocks(readFileSync(path, 'utf8'))) {
      if (mark === 'run') script.push(translate(text));
      else save(join(folder, 'work', mark.slice('file='.length)), translate(text));
    }
    const child = Bun.spawn(['bash', '-eu', '-c', script.join('\n')], {
      cwd: join(folder, 'work'),
      env: { ...process.env, PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}` },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const timer = setTimeout(() => child.kill('SIGTERM'), timeoutMs);
    const texts = [new Response(child.stdout).text(), new Response(child.stderr).text()] as const;
    const [code, out, err] = await Promise.all([child.exited, ...texts]);
    clearTimeout(timer);
    return { code, out, err };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function save(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
