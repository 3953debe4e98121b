// Text of people to plain values: JSON where it begins as an object, else YAML.

/** Throws what the parser throws. */
export function parseText(text: string): unknown {
  return text.trimStart().startsWith('{') ? JSON.parse(text) : Bun.YAML.parse(text);
}
