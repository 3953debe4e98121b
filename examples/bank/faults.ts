// The fault knob of a service: JSON lines on standard input, so that no request, through the mesh or beside it, can
// turn it. The end of standard input means that whoever started the process is gone, and ends it.

export interface Faults {
  /** Milliseconds of work a request takes. */
  workMs: number;
  /** Answer everything with this status at once; 0: work. */
  status: number;
}

/** One line of standard input: `{"workMs": 200}`, `{"status": 503}`, `{}` heals. */
export interface FaultCommand {
  readonly workMs?: number;
  readonly status?: number;
}

/** Returns the live values; they change when a line comes. */
export function createFaults(workMs: number): Faults {
  const faults: Faults = { workMs, status: 0 };
  void readLines((line) => {
    const command: FaultCommand = JSON.parse(line);
    faults.workMs = command.workMs ?? workMs;
    faults.status = command.status ?? 0;
  }).then(() => process.exit(0));
  return faults;
}

async function readLines(onLine: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of Bun.stdin.stream()) {
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') onLine(line);
  }
}
