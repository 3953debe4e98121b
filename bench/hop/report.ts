// The table: a row a figure, a column a proxy, the ratio to Envoy behind it.

import type { AtRate, Idle, Saturated } from './measure.ts';
import type { Memory } from './usage.ts';

export interface PeerFigures {
  readonly name: string;
  readonly startCpuMs: number;
  readonly startWallMs: number;
  readonly idle: Idle;
  readonly first: AtRate;
  readonly saturated: Saturated[];
  readonly atRate: AtRate[];
  loaded: Memory | null;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

interface Row {
  readonly label: string;
  read(figures: PeerFigures): number;
}

const fixedRows: readonly Row[] = [
  {
    label: 'saturated: CPU us a request',
    read: (peer) => median(peer.saturated.map((one) => one.cpuUsPerRequest)),
  },
  {
    label: 'saturated: requests/s',
    read: (peer) => median(peer.saturated.map((one) => one.requestsPerSecond)),
  },
  { label: 'first 1,000 requests: p99 ms', read: (peer) => peer.first.p99Ms },
  { label: 'idle: % of a core', read: (peer) => peer.idle.corePercent },
  { label: 'start-up: CPU ms', read: (peer) => peer.startCpuMs },
  { label: 'start-up: wall ms', read: (peer) => peer.startWallMs },
  { label: 'idle: RSS MB', read: (peer) => peer.idle.memory.rssMb },
  { label: 'idle: PSS MB', read: (peer) => peer.idle.memory.pssMb },
  { label: 'idle: anonymous MB', read: (peer) => peer.idle.memory.anonymousMb },
  { label: 'loaded: RSS MB', read: (peer) => peer.loaded?.rssMb ?? Number.NaN },
  { label: 'loaded: PSS MB', read: (peer) => peer.loaded?.pssMb ?? Number.NaN },
  { label: 'loaded: anonymous MB', read: (peer) => peer.loaded?.anonymousMb ?? Number.NaN },
  {
    label: 'failed requests',
    read: (peer) =>
      [...peer.saturated, ...peer.atRate, peer.first].reduce((total, one) => total + one.failed, 0),
  },
];

function rateRows(rate: number): Row[] {
  const at = (read: (one: AtRate) => number) => (peer: PeerFigures) =>
    median(peer.atRate.filter((one) => one.rate === rate).map(read));
  const name = `${rate.toLocaleString('en')} RPS`;
  return [
    { label: `${name}: CPU us a request`, read: at((one) => one.cpuUsPerRequest) },
    { label: `${name}: % of a core`, read: at((one) => one.corePercent) },
    { label: `${name}: p50 ms`, read: at((one) => one.p50Ms) },
    { label: `${name}: p99 ms`, read: at((one) => one.p99Ms) },
    { label: `${name}: p99.9 ms`, read: at((one) => one.p999Ms) },
    { label: `${name}: generator late p99 ms`, read: at((one) => one.generatorLateMs) },
  ];
}

/** A Markdown table; in each cell the figure and, where Envoy took part, its ratio to Envoy's. */
export function formatReport(all: readonly PeerFigures[]): string {
  const rates = [...new Set(all.flatMap((peer) => peer.atRate.map((one) => one.rate)))];
  const rows = [...fixedRows.slice(0, 2), ...rates.flatMap(rateRows), ...fixedRows.slice(2)];
  const envoy = all.find((peer) => peer.name === 'envoy');
  const cell = (row: Row, peer: PeerFigures): string => {
    const value = row.read(peer);
    const base = envoy === undefined || peer === envoy ? Number.NaN : row.read(envoy);
    return Number.isFinite(value / base) ? `${format(value)} (${(value / base).toFixed(2)})` : format(value);
  };
  const lines = rows.map((row) => `| ${row.label} | ${all.map((peer) => cell(row, peer)).join(' | ')} |`);
  const heads = `| | ${all.map((peer) => peer.name).join(' | ')} |`;
  return [
    '',
    heads,
    `|---|${all.map(() => '---').join('|')}|`,
    ...lines,
    '',
    '(in brackets: ratio to Envoy)',
  ].join('\n');
}

function format(value: number): string {
  if (!Number.isFinite(value)) return '-';
  if (value >= 1000) return Math.round(value).toLocaleString('en');
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2);
}
