// Text of people to plain values. The runtime's parsers are quick and do not say where a text is at fault; where it is,
// another parser, slow and only loaded then, is asked for the place.

/** Longer texts are told of without the place: it takes a while to find. */
const placedBytesMax = 262_144;

/** JSON where it begins as an object, else YAML. Throws an Error that says what is wrong, and where. */
export function parseText(text: string): unknown {
  try {
    return text.trimStart().startsWith('{') ? JSON.parse(text) : Bun.YAML.parse(text);
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    throw new Error(`${said.replace(/^(?:YAML|JSON) Parse error: /, '')}${placeOf(text)}`);
  }
}

function placeOf(text: string): string {
  if (text.length > placedBytesMax) return '';
  const { LineCounter, parseDocument } = require('yaml') as typeof import('yaml');
  const lines = new LineCounter();
  const [error] = parseDocument(text, { lineCounter: lines, prettyErrors: false }).errors;
  if (error === undefined) return '';
  const { line, col } = lines.linePos(error.pos[0]);
  return ` (line ${line}, column ${col})`;
}
