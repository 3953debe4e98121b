import { expect, test } from 'bun:test';
import { policyLimits } from '../limits.ts';
import { TraceNotes } from './trace-notes.ts';

test('a note lasts for its time', () => {
  const notes = new TraceNotes();
  expect(notes.has('a', 0)).toBe(false);
  notes.note('a', 0);
  expect(notes.has('a', policyLimits.traceNoteMs - 1)).toBe(true);
  expect(notes.has('a', policyLimits.traceNoteMs)).toBe(false);
});

test('a note made again lasts longer', () => {
  const notes = new TraceNotes();
  notes.note('a', 0);
  notes.note('a', 100);
  expect(notes.size).toBe(1);
  expect(notes.has('a', policyLimits.traceNoteMs + 50)).toBe(true);
});

test('the oldest makes room, and what has expired goes first', () => {
  const notes = new TraceNotes();
  for (let index = 0; index <= policyLimits.traceNotesMax; index++) notes.note(`${index}`, 0);
  expect(notes.size).toBe(policyLimits.traceNotesMax);
  expect([notes.has('0', 1), notes.has('1', 1)]).toEqual([false, true]);
  notes.note('late', policyLimits.traceNoteMs);
  expect(notes.size).toBe(1);
});
