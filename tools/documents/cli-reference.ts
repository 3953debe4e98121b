// docs/cli.md: the help of every command, as the program prints it.

import { commands } from '../../src/cli/commands.ts';

export async function generateCliReference(): Promise<string> {
  const sections = await Promise.all(
    commands.map(async ({ name, load }) => {
      const { command } = await load();
      command.name(`weft ${name}`).configureHelp({ helpWidth: 120 });
      return `## weft ${name}\n\n\`\`\`text\n${command.helpInformation().trimEnd()}\n\`\`\`\n`;
    }),
  );
  const exits =
    'Exit codes: 0 fine; 1 the thing asked about is not fine; 64 wrong usage or configuration; 70 a bug.';
  return `# Commands\n\nMade from the commands' own definitions by \`npm run documents\`.\n\n${exits}\n\n${sections.join('\n')}`;
}
