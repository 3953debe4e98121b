// How the person at the terminal calls this program, for hints that can be typed as they stand: `weft` where it is on
// the PATH, else the path by which it was started (bin/weft says which; the one-file executable is its own first word).

export const program: string =
  Bun.which('weft') === null ? (process.env['WEFT_PROGRAM'] ?? process.argv0) : 'weft';
