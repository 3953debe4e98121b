import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeWith, run } from '../testing/programs.ts';

// Each case starts the program.
setDefaultTimeout(60_000);

const folder = mkdtempSync(join(tmpdir(), 'weft-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const weft = (...words: readonly string[]) => run([join(import.meta.dir, '../../bin/weft'), ...words]);

describe('weft help', () => {
  test.each(['proxy', 'load', 'demo', 'completion'])('%s is what --help of it prints', async (name) => {
    const [help, flag] = await Promise.all([weft('help', name), weft(name, '--help')]);
    expect(help).toEqual(flag);
    expect(help.out).toStartWith(`Usage: weft ${name}`);
    expect(help.code).toBe(0);
  });

  test('of a subcommand', async () => {
    expect((await weft('help', 'demo', 'kill')).out).toStartWith('Usage: weft demo kill');
  });

  test('of nothing known is wrong usage', async () => {
    const { code, err } = await weft('help', 'prxy');
    expect(err).toStartWith("weft: unknown command 'prxy'");
    expect(code).toBe(64);
  });
});

describe('wrong usage is one line and 64', () => {
  test.each<[words: string[], line: string]>([
    [['xds', 'status', '--url', '127.0.0.1:15014'], 'must be like http://127.0.0.1:15014'],
    [['xds', 'diff', 'a', '--url', 'localhost:15014'], 'must be like http://127.0.0.1:15014'],
    [['xds', 'dump', 'a', '--url', ''], 'must be like http://127.0.0.1:15014'],
    [['access', 'suggest', join(folder, 'none'), '-f', folder], 'none cannot be read'],
    [['hold', '--ready', '15021'], 'must be HOST:PORT'],
    [['hold', '--ready', 'http://127.0.0.1:15021/'], 'must be HOST:PORT'],
    [['hold', '--ready', '127.0.0.1:0'], 'must be HOST:PORT'],
    [['demo', 'kil', 'payments-0'], "unknown command 'kil' (did you mean 'kill'?)"],
    [['demo', 'everything'], "unknown command 'everything'"],
  ])('weft %p', async (words, line) => {
    const { code, err } = await weft(...words);
    expect(err.trim().split('\n')).toEqual([expect.stringContaining(line)]);
    expect(code).toBe(64);
  });
});

/** What bash offers after these words. */
async function complete(words: readonly string[]): Promise<string[]> {
  const script = join(folder, 'weft.bash');
  writeFileSync(script, (await weft('completion', 'bash')).out);
  const line = words.map((word) => `'${word}'`).join(' ');
  const asked = `. ${script}; COMP_WORDS=(weft ${line}); COMP_CWORD=${words.length}; _weft weft '${words.at(-1)}'; printf '%s\n' "\${COMPREPLY[@]}"`;
  return (await run(['bash', '-c', asked])).out.trim().split('\n');
}

describeWith(['bash'], 'completion in bash', () => {
  test.each<[words: string[], offered: string[]]>([
    [['pro'], ['proxy', 'proxies']],
    [['comp'], ['completion']],
    [['completion', 'z'], ['zsh']],
    [['demo', 'ki'], ['kill']],
    [['demo', 'kill', '--a'], ['--all']],
    [
      ['demo', 'policy', 'o'],
      ['on', 'off'],
    ],
    [['load', '--rat'], ['--rate']],
    [['help', 'loa'], ['load']],
  ])('weft %p', async (words, offered) => {
    expect(await complete(words)).toEqual(offered);
  });

  test('hidden commands stay hidden', async () => {
    expect(await complete(['demo', 'bank'])).not.toContain('bank-load');
  });
});

test.each(['zsh', 'fish'])('completion in %s names commands, subcommands and options', async (shell) => {
  const { out, code } = await weft('completion', shell);
  for (const word of ['proxy', 'completion', 'kill', 'policy', 'rate', 'off']) expect(out).toContain(word);
  expect(code).toBe(0);
});
