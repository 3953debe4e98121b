import { describe, expect, test } from 'bun:test';
import { portRange } from './limits.ts';
import { PortAllocator } from './ports.ts';

describe('PortAllocator', () => {
  test('gives a port once, inside its range', () => {
    const allocator = new PortAllocator(process.pid);
    const ports = Array.from({ length: 50 }, () => allocator.allocate());
    expect(new Set(ports).size).toBe(50);
    expect(ports.every((port) => port >= portRange.first && port <= portRange.last)).toBe(true);
  });

  test('passes over a port on which somebody listens, preferred or not', () => {
    const taken = new PortAllocator(process.pid + 500).allocate();
    const listener = Bun.listen({ hostname: '127.0.0.1', port: taken, socket: { data() {} } });
    const allocator = new PortAllocator(taken - portRange.first);
    expect(allocator.allocate(taken)).not.toBe(taken);
    expect(allocator.allocate()).not.toBe(taken);
    listener.stop(true);
    expect(allocator.allocate(taken)).toBe(taken);
    expect(allocator.allocate(taken)).not.toBe(taken);
  });

  test('wraps at the end of the range', () => {
    const allocator = new PortAllocator(portRange.last - portRange.first - 1);
    const ports = Array.from({ length: 5 }, () => allocator.allocate());
    expect(Math.max(...ports)).toBeLessThanOrEqual(portRange.last);
    expect(Math.min(...ports)).toBeLessThan(portRange.first + 100);
  });
});
