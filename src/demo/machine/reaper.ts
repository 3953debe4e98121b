// Leaves no process behind even when the demo is killed with SIGKILL: a small shell script holds the list of children,
// and the end of its standard input, which the kernel closes with the demo, makes it end them all.

import type { ProcessWatcher } from './process.ts';

/**
 * `+ PID` and `- PID` keep the list; end of input: SIGTERM (and SIGCONT, for the paused), up to 3 s of patience,
 * SIGKILL.
 */
const script = `
trap '' INT TERM HUP
pids=' '
while read -r change pid; do
  case $change in
    +) pids="$pids$pid " ;;
    -) case $pids in *" $pid "*) pids="\${pids%% "$pid" *} \${pids#* "$pid" }" ;; esac ;;
  esac
done
for pid in $pids; do kill -TERM "$pid"; kill -CONT "$pid"; done 2>/dev/null
tries=0
while [ $tries -lt 30 ]; do
  left=
  for pid in $pids; do kill -0 "$pid" && left=1; done 2>/dev/null
  [ -n "$left" ] || exit 0
  sleep 0.1
  tries=$((tries + 1))
done
for pid in $pids; do kill -KILL "$pid"; done 2>/dev/null
`;

export class Reaper implements ProcessWatcher {
  private shell = Bun.spawn(['/bin/sh', '-c', script], {
    detached: true,
    stdin: 'pipe',
    stdout: 'ignore',
    stderr: 'ignore',
  });

  get pid(): number {
    return this.shell.pid;
  }

  onStart(pid: number): void {
    this.tell(`+ ${pid}\n`);
  }

  onExit(pid: number): void {
    this.tell(`- ${pid}\n`);
  }

  /** Ends the script, and with it every child it still knows. */
  async close(): Promise<void> {
    await this.shell.stdin.end();
    await this.shell.exited;
  }

  private tell(line: string): void {
    this.shell.stdin.write(line);
    void this.shell.stdin.flush();
  }
}
