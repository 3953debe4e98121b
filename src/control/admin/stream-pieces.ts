// A long answer in pieces, made as they are taken: everything else of the process has its turn between two of them.

/** What goes out at once, and how long making it may take. */
const chunkCharsMin = 64 * 1024;
const workMs = 5;

/** A client that leaves ends the making too. */
export function streamPieces(pieces: AsyncGenerator<string>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { text, isOver } = await gather(pieces);
      if (text !== '') controller.enqueue(encoder.encode(text));
      if (isOver) controller.close();
      // Whoever takes the next one at once would run in the same turn.
      else await new Promise((resolve) => setImmediate(resolve));
    },
    async cancel() {
      await pieces.return(undefined);
    },
  });
}

async function gather(
  pieces: AsyncGenerator<string>,
): Promise<{ readonly text: string; readonly isOver: boolean }> {
  const untilMs = performance.now() + workMs;
  let text = '';
  while (text.length < chunkCharsMin && performance.now() < untilMs) {
    const { value, done } = await pieces.next();
    if (done === true) return { text, isOver: true };
    text += value;
  }
  return { text, isOver: false };
}
