import { expect, test } from 'bun:test';
import { hasOthersSockets, isOthersProcess } from './others.ts';

const head =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';
const row = (state: string, user: number, inode: number) =>
  `   0: 0100007F:1F90 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000  ${user}        0 ${inode} 1 0`;

test.each<[name: string, rows: string[], busy: boolean]>([
  ['nobody', [], false],
  ['the proxy alone', [row('0A', 1337, 10), row('01', 1337, 11)], false],
  ['a server', [row('0A', 1337, 10), row('0A', 0, 12)], true],
  ['a client', [row('01', 1000, 12)], true],
  ['a connection that its process has left', [row('06', 1000, 0), row('01', 0, 0)], false],
])('sockets of %s', (_, rows, busy) => {
  expect(hasOthersSockets([head, ...rows, ''].join('\n'), 1337)).toBe(busy);
});

test.each<[name: string, pid: number, status: string, other: boolean]>([
  ['the application', 20, 'State:\tS (sleeping)\nUid:\t0\t0\t0\t0\n', true],
  ['the proxy', 21, 'State:\tS (sleeping)\nUid:\t1337\t1337\t1337\t1337\n', false],
  ['the pod’s own first process', 1, 'State:\tS (sleeping)\nUid:\t65535\t65535\t65535\t65535\n', false],
  ['what has ended', 22, 'State:\tZ (zombie)\nUid:\t0\t0\t0\t0\n', false],
])('%s', (_, pid, status, other) => {
  expect(isOthersProcess(pid, status, 1337)).toBe(other);
});
