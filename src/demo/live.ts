// The live demo: starts the bank, shows it, takes commands, and ends it when it is told to.

import type { Demo } from './demo.ts';
import { removeRuntimeFile, writeRuntimeFile } from './machine/runtime-file.ts';
import { enterScreen, leaveScreen, redraw, renderDashboard } from './view/dashboard.ts';
import { renderLogLine } from './view/log-line.ts';

export interface LiveOptions {
  /** Where other terminals find this demo: the folder of {@link writeRuntimeFile}. */
  readonly runtimeFolder: string;
  /** How the reader calls weft. */
  readonly program: string;
  /** Draws in place when true; else a line every {@link logIntervalMs}. */
  readonly terminal: boolean;
  readonly columns: () => number;
  readonly write: (text: string) => void;
}

const refreshMs = 1000;
const logIntervalMs = 5000;

/** Runs until `ended` settles. The caller stops the demo afterwards. */
export async function runLive(demo: Demo, options: LiveOptions, ended: Promise<void>): Promise<void> {
  const { write, terminal, columns, runtimeFolder, program } = options;
  const seconds = await demo.start();
  const { edge, console: consoleUrl, metrics } = demo.status().addresses;
  if (demo.server !== null) {
    const { url, token } = demo.server;
    writeRuntimeFile(runtimeFolder, { pid: process.pid, url, token, edgeUrl: edge, consoleUrl });
  }
  write(
    `first call through all hops after ${seconds.toFixed(1)} s\nedge ${edge}  console ${consoleUrl}  metrics ${metrics}\n`,
  );
  const state = { over: false };
  const over = ended.then(() => {
    state.over = true;
  });
  if (terminal) write(enterScreen);
  try {
    for (let lastLineMs = 0; !state.over; ) {
      await demo.refresh();
      if (terminal) write(redraw + renderDashboard(demo.status(), columns(), program).join('\n'));
      else if (performance.now() - lastLineMs >= logIntervalMs) {
        lastLineMs = performance.now();
        write(`${renderLogLine(demo.status())}\n`);
      }
      await Promise.race([Bun.sleep(refreshMs), over]);
    }
  } finally {
    if (terminal) write(leaveScreen);
    removeRuntimeFile(runtimeFolder);
  }
}
