// Where an application listens, for each port of its Services, in an annotation and on the command line.

/** `http=8080,9090=9091`: by the Service port's name or number; null: it is not so. */
export function parseApplication(text: string): Readonly<Record<string, number>> | null {
  const pairs = text.split(',').map((part) => part.split('='));
  const sound = pairs.every(
    ([name = '', port = '', ...more]) => name !== '' && isPort(port) && more.length === 0,
  );
  return sound ? Object.fromEntries(pairs.map(([name = '', port]) => [name, Number(port)])) : null;
}

function isPort(text: string): boolean {
  return /^[1-9]\d{0,4}$/.test(text) && Number(text) <= 65_535;
}

/** What it must be. */
export const applicationWanted = 'as http=8080,9090=9091';
