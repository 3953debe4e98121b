import { describe, expect, test } from 'bun:test';
import { createRequestHead, createResponseHead } from '../../wire/index.ts';
import {
  encodeGrpcMessage,
  grpcClass,
  grpcStatusFor,
  grpcStatusOf,
  grpcTimeoutMs,
  grpcUnsaid,
  isGrpc,
  isGrpcFailure,
  shortenGrpcTimeout,
} from './grpc.ts';

describe('what is gRPC', () => {
  const types: readonly (readonly [type: string, expected: boolean])[] = [
    ['application/grpc', true],
    ['application/grpc+proto', true],
    ['application/grpc;charset=utf-8', true],
    ['application/grpc-web', false],
    ['application/json', false],
  ];
  for (const [type, expected] of types) {
    test(type, () => expect(isGrpc(createResponseHead(200, [['content-type', type]]))).toBe(expected));
  }
  test('no content-type', () => expect(isGrpc(createResponseHead(200, []))).toBe(false));
});

describe('grpc-timeout', () => {
  const timeouts: readonly (readonly [value: string, ms: number])[] = [
    ['1H', 3_600_000],
    ['2M', 120_000],
    ['3S', 3000],
    ['250m', 250],
    ['5000u', 5],
    ['1n', 1],
    ['99999999S', 99_999_999_000],
    ['123456789m', 0],
    ['m', 0],
    ['-1S', 0],
    ['1s', 0],
  ];
  for (const [value, ms] of timeouts) {
    test(value, () => {
      const head = createRequestHead('POST', 'a', '/', [['grpc-timeout', value]]);
      expect(grpcTimeoutMs(head)).toBe(ms);
    });
  }

  const left: readonly (readonly [ms: number, value: string])[] = [
    [99.9, '99m'],
    [-5, '1m'],
    [200_000_000, '200000S'],
  ];
  for (const [ms, value] of left) {
    test(`${ms} ms are left`, () => {
      const head = createRequestHead('POST', 'a', '/', [['grpc-timeout', '1H']]);
      shortenGrpcTimeout(head, ms);
      expect(head.getName('grpc-timeout')).toBe(value);
    });
  }

  test('none is made up', () => {
    const head = createRequestHead('POST', 'a', '/', []);
    shortenGrpcTimeout(head, 5);
    expect(head.getName('grpc-timeout')).toBeNull();
  });
});

describe('statuses', () => {
  test('of heads and trailers', () => {
    expect(grpcStatusOf(null)).toBe(grpcUnsaid);
    expect(grpcStatusOf(createResponseHead(200, []))).toBe(grpcUnsaid);
    expect(grpcStatusOf(createResponseHead(200, [['grpc-status', '14']]))).toBe(14);
    expect(grpcStatusOf(createResponseHead(200, [['grpc-status', 'x']]))).toBe(2);
  });

  test('as classes of HTTP statuses', () => {
    expect([0, 1, 3, 5, 13, 14, 16, 77].map(grpcClass)).toEqual([2, 4, 4, 4, 5, 5, 4, 5]);
    expect([-1, 0, 5, 14].map(isGrpcFailure)).toEqual([false, false, false, true]);
  });

  test('of answers that are not gRPC', () => {
    expect(
      [400, 401, 403, 404, 429, 502, 503, 504, 500].map((status) => grpcStatusFor(status, null)),
    ).toEqual([13, 16, 7, 12, 14, 14, 14, 14, 2]);
    expect(grpcStatusFor(504, 'request-timeout')).toBe(4);
  });

  test('messages are percent-encoded', () => {
    expect(encodeGrpcMessage('a 100% sure é\n')).toBe('a 100%25 sure %C3%A9%0A');
  });
});
