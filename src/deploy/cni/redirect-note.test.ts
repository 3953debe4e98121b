import { expect, test } from 'bun:test';
import { encodeRedirectNote, parseRedirectNote } from './redirect-note.ts';

test.each([
  { outbound: 'all', inbound: [8080, 9090], skip: [], cidrs: [], interfaces: [] },
  { outbound: [], inbound: 'all', skip: [5432], cidrs: ['10.0.0.0/8', 'fd00::/8'], interfaces: [] },
  { outbound: [], inbound: 'all', skip: [], cidrs: [], interfaces: ['net1'] },
] as const)('what is written is read: %j', (note) => {
  expect(parseRedirectNote(encodeRedirectNote(note))).toEqual(note);
});

test.each([
  '',
  'outbound=all;inbound=80',
  'inbound=80;outbound=all;skip=none',
  'outbound=all;inbound=80;skip=all',
  'outbound=all;inbound=80;skip=none;more=1',
  'outbound=all;inbound=http;skip=none',
  'outbound=all;inbound=80;skip=none;cidrs=x',
  'outbound=all;inbound=80;skip=none;interfaces=',
])('%j is nothing, rather than half of it', (text) => {
  expect(parseRedirectNote(text)).toBeNull();
});
