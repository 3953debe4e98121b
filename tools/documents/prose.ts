// Wraps the paragraphs of a page that is made from code; tables, code and headings stay as they are.

import { proseColumnsMax } from '../tidy/prose.ts';

export function wrapProse(markdown: string): string {
  let code = false;
  return markdown
    .split('\n')
    .flatMap((line) => {
      if (line.startsWith('```')) code = !code;
      return code || line.length <= proseColumnsMax || /^[|#]/.test(line) ? [line] : wrapLine(line);
    })
    .join('\n');
}

function wrapLine(line: string): string[] {
  const indent = ' '.repeat(/^\s*(?:[-*] )?/.exec(line)![0].length);
  const lines: string[] = [];
  let current = '';
  for (const word of line.split(' ')) {
    const longer = current === '' ? word : `${current} ${word}`;
    if (longer.length <= proseColumnsMax) current = longer;
    else {
      lines.push(current);
      current = indent + word;
    }
  }
  return [...lines, current];
}
