import { describe, expect, test } from 'bun:test';
import { compileRegex, compileRewrite } from './regex/index.ts';
import { parseTemplateRewrite, parseUriTemplate } from './uri-template.ts';

function template(text: string) {
  const parsed = parseUriTemplate(text);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
}

describe('what a template matches', () => {
  const cases: readonly (readonly [text: string, yes: readonly string[], no: readonly string[]])[] = [
    ['/', ['/'], ['/a', '//']],
    ['/a.b', ['/a.b'], ['/axb', '/a.b/']],
    ['/a/*', ['/a/b', '/a/b.c-d'], ['/a', '/a/', '/a/b/c']],
    ['/a/**', ['/a/', '/a/b', '/a/b/c/'], ['/a', '/b/a/']],
    ['/a/', ['/a/'], ['/a']],
    ['/*/b/*.png', ['/a/b/c.png', '/a/b/.x.png'], ['/a/b/.png', '/a/b/c.jpg', '/a/c/c.png']],
    ['/**.mpd', ['/a/b.mpd', '/.mpd'], ['/a/b.mpdx']],
    ['/{a}/{b=*}/{c=x/*/**}', ['/1/2/x/3/4/5', '/1/2/x/3/'], ['/1/2/3', '/1/2/y/3/4']],
    ['/{file}.m3u8', ['/a.m3u8'], ['/a/b.m3u8']],
    ['/$(x)+', ['/$(x)+'], ['/$x']],
  ];
  test.each(cases)('%s', (text, yes, no) => {
    const regex = compileRegex(template(text).pattern);
    if (!regex.ok) throw new Error(regex.error);
    const matches = (path: string) => regex.value.matches(path, 0, path.length);
    expect(yes.filter((path) => !matches(path))).toEqual([]);
    expect(no.filter(matches)).toEqual([]);
  });

  test.each([
    ['a', 'must start with a slash'],
    ['/a b', 'must start with a slash'],
    ['/a?b', 'invalid literal "a?b"'],
    ['/a//b', 'invalid literal ""'],
    ['/a*', 'invalid literal "a*"'],
    ['/*a/b', 'what follows a variable or a star ends the template'],
    ['/***', 'invalid literal "*"'],
    ['/**/*', 'nothing open may follow **'],
    ['/**/{a}', 'nothing open may follow **'],
    ['/{a=**}/{b}', 'nothing open may follow **'],
    ['/{a', 'a brace is not closed'],
    ['/{1a}', 'begins with a letter, not {1a}'],
    ['/{seventeenletters1}', '1 to 16 letters'],
    ['/{}', 'not {}'],
    ['/{a}/{a}', 'variable a comes twice'],
    ['/{a}/{b}/{c}/{d}/{e}/{f}', 'more than 5 variables'],
    ['/{a=}', 'invalid match of a variable'],
    ['/{a=b/}', 'invalid match of a variable, b/'],
    ['/{a=b*}', 'invalid match of a variable, b*'],
  ])('%s is refused', (text, expected) => {
    const parsed = parseUriTemplate(text);
    expect(parsed.ok ? '' : parsed.error).toContain(expected);
  });
});

describe('what a rewrite makes', () => {
  test.each([
    ['/{a}/{b}', '/{b}/{a}', '/1/2', '/2/1'],
    ['/v1/{rest=**}', '/v2/{rest}', '/v1/a/b', '/v2/a/b'],
    ['/{country}/{lang}/*.mpd', '/x/{lang}/{country}', '/us/en/a.mpd', '/x/en/us'],
    ['/**', '/same', '/a/b', '/same'],
  ])('%s to %s: %s is %s', (text, rewrite, path, expected) => {
    const { pattern, variables } = template(text);
    const substitution = parseTemplateRewrite(rewrite, variables);
    const made = compileRewrite(`^${pattern}$`, substitution.ok ? substitution.value : '');
    expect(made.ok && made.value.replaceAll(path)).toBe(expected);
  });

  test.each([
    ['/{b}', 'must name variables of the path template, not {b}'],
    ['/{a', 'must close what it opens'],
    ['/a b', 'must be text of a path and variables in braces'],
    ['/a}?', 'must be text of a path and variables in braces'],
  ])('%s is refused', (text, expected) => {
    expect(parseTemplateRewrite(text, ['a'])).toEqual({ ok: false, error: expected } as never);
  });
});
