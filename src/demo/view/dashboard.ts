// The demo in a terminal: a status as lines of text, redrawn in place; pure, so that a test can read what a person
// sees.

import type { DemoStatus, ReplicaStatus } from '../control/status.ts';

const bold = '\x1b[1m';
const dim = '\x1b[2m';
const red = '\x1b[31m';
const green = '\x1b[32m';
const yellow = '\x1b[33m';
const plain = '\x1b[0m';

/** Moves to the top left and clears what is below, so that the picture stays in place. */
export const redraw = '\x1b[H\x1b[J';
/** A screen of its own without a cursor, and the way back to the old one. */
export const enterScreen = '\x1b[?1049h\x1b[?25l';
export const leaveScreen = '\x1b[?25h\x1b[?1049l';

/** Lines no longer than `columns` characters, colours not counted. `program`: how the reader calls weft. */
export function renderDashboard(status: DemoStatus, columns: number, program: string): readonly string[] {
  const { addresses } = status;
  return [
    `${bold}weft demo${plain}   edge ${addresses.edge}   console ${addresses.console}   metrics ${addresses.metrics}`,
    '',
    renderClients(status),
    renderMoney(status),
    `mesh      policies ${status.policy === 'on' ? 'on' : `${red}off${plain}`}   retries ${status.retries}   split ${status.splitPercent} % to pricing-v2`,
    ...renderUsage(status),
    '',
    ...renderServices(status.replicas, columns),
    '',
    `${dim}from another terminal: ${program} demo kill|pause|slow|break|heal REPLICA, … demo split, … demo policy off|on${plain}`,
    `${dim}Ctrl-C ends everything${plain}`,
  ];
}

const unheard: Readonly<Record<DemoStatus['clients']['state'], string>> = {
  starting: 'waiting for the first second',
  running: 'no data',
  silent: `${red}the load generator says nothing${plain}`,
  restarting: `${red}the load generator ended; it is started again${plain}`,
};

function renderClients({ load, clients, requests, failed }: DemoStatus): string {
  const restarts =
    clients.restarts === 0 ? '' : `   ${yellow}generator restarted ${clients.restarts}×${plain}`;
  const total = `${requests} in all, ${failed === 0 ? '' : red}${failed} failed${plain}${restarts}`;
  if (load === null) return `clients   ${unheard[clients.state]}   ${total}`;
  if (load.requests === 0)
    return `clients   ${yellow}no answer in the last second, ${load.inFlight} waited for${plain}   ${total}`;
  const share = (100 * (load.requests - load.failed)) / load.requests;
  const colour = load.failed === 0 ? green : red;
  return `clients   ${load.requests} answers/s   ${colour}${share.toFixed(1)} % good${plain}   p50 ${load.p50Ms} ms   p99 ${load.p99Ms} ms   ${total}`;
}

function renderMoney({ money }: DemoStatus): string {
  if (money === null) return 'money     not counted yet';
  const right = money.found === money.expected;
  const verdict = right ? `${green}as it must be${plain}` : `${red}must be ${pounds(money.expected)}${plain}`;
  return `money     ${pounds(money.found)} in all accounts, ${verdict}`;
}

export function pounds(pennies: number): string {
  return `£${(pennies / 100).toLocaleString('en-GB', { minimumFractionDigits: 2 })}`;
}

function renderUsage({ usage }: DemoStatus): string[] {
  return usage.map(({ kind, processes, cpuPercent, memoryBytes, measure }) => {
    const memory = `${Math.round(memoryBytes / 1e6)} MB ${measure.toUpperCase()}`;
    return `${kind.padEnd(9)} ${processes} processes   ${cpuPercent.toFixed(0)} % of a core   ${memory}`;
  });
}

function renderServices(replicas: readonly ReplicaStatus[], columns: number): string[] {
  const services = Map.groupBy(replicas, (replica) => replica.service);
  const cells = [...services].map(([service, members]) => {
    const marks = members.map((member) => (member.state === 'ready' ? '●' : '○')).join('');
    const worst = members.find((member) => member.state !== 'ready');
    const text = `${service.padEnd(14)} ${marks.padEnd(3)} ${worst?.state ?? ''}`.padEnd(32);
    return worst === undefined ? `${green}${text}${plain}` : `${yellow}${text}${plain}`;
  });
  const perRow = Math.max(1, Math.floor(columns / 34));
  return Array.from({ length: Math.ceil(cells.length / perRow) }, (_, row) =>
    cells.slice(row * perRow, (row + 1) * perRow).join('  '),
  );
}
