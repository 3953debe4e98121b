// What a container runtime starts as the CNI plugin: this program without arguments, asked by its environment.

import { answerPlugin, askAgent, cniBytesMax } from '../deploy/index.ts';

export async function runCniPlugin(): Promise<void> {
  const input = await readInput();
  const { code, out } = await answerPlugin({ environment: process.env, input }, askAgent);
  process.stdout.write(out, () => process.exit(code));
}

/** What is too long comes out as no JSON. */
async function readInput(): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of Bun.stdin.stream()) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > cniBytesMax) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}
