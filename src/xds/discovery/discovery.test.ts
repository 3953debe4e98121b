import { describe, expect, test } from 'bun:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
  NodeSchema,
} from '../api.ts';
import { structDepthMax } from '../protobuf/limits.ts';
import { encodeStruct, parseStruct } from '../protobuf/struct.ts';
import { WireError, WireReader } from '../protobuf/wire-reader.ts';
import { clusterOf, endpointsOf, testNode } from '../testing/resources.ts';
import {
  encodeDeltaRequest,
  encodeDeltaResponse,
  encodeSotwRequest,
  encodeSotwResponse,
  joinPieces,
} from './encode.ts';
import type { DeltaRequest, SotwRequest } from './messages.ts';
import { encodeNode, parseNode } from './node.ts';
import { parseDeltaRequest, parseDeltaResponse, parseSotwRequest, parseSotwResponse } from './parse.ts';

const sotwRequest: SotwRequest = {
  typeUrl: 'type/T',
  version: 'v1',
  nonce: 'n1',
  names: ['a', '', 'ü'],
  node: testNode,
  error: 'no good',
};

const deltaRequest: DeltaRequest = {
  typeUrl: 'type/T',
  nonce: 'n1',
  subscribe: ['*', 'a'],
  unsubscribe: ['b'],
  initialVersions: new Map([
    ['a', '1'],
    ['c', ''],
  ]),
  node: testNode,
  error: null,
};

describe('what is written here, the generated API reads', () => {
  test('SotW request', () => {
    const message = fromBinary(DiscoveryRequestSchema, encodeSotwRequest(sotwRequest));
    expect(message).toMatchObject({
      typeUrl: 'type/T',
      versionInfo: 'v1',
      responseNonce: 'n1',
      resourceNames: ['a', '', 'ü'],
    });
    expect(message.errorDetail).toMatchObject({ code: 3, message: 'no good' });
    expect(message.node?.metadata).toEqual({ ...testNode.metadata } as never);
    expect(message.node?.locality).toMatchObject({ region: 'r', zone: 'z', subZone: 's' });
    expect(message.node).toMatchObject({
      userAgentName: 'weft',
      clientFeatures: [...testNode.clientFeatures],
    });
  });

  test('delta request', () => {
    const message = fromBinary(DeltaDiscoveryRequestSchema, encodeDeltaRequest(deltaRequest));
    expect(message).toMatchObject({
      typeUrl: 'type/T',
      responseNonce: 'n1',
      resourceNamesSubscribe: ['*', 'a'],
      resourceNamesUnsubscribe: ['b'],
      initialResourceVersions: { a: '1', c: '' },
    });
    expect(message.errorDetail).toBeUndefined();
  });

  test('responses', () => {
    const [a, b] = [clusterOf('a'), clusterOf('b')];
    const sotw = fromBinary(
      DiscoveryResponseSchema,
      joinPieces(encodeSotwResponse(a.typeUrl, 'v', 'n', [a, b])),
    );
    expect([sotw.typeUrl, sotw.versionInfo, sotw.nonce]).toEqual([a.typeUrl, 'v', 'n']);
    expect(sotw.resources.map((any) => any.value)).toEqual([a.bytes, b.bytes]);
    const delta = fromBinary(
      DeltaDiscoveryResponseSchema,
      joinPieces(encodeDeltaResponse(a.typeUrl, 'v', 'n', [a, b], ['x'])),
    );
    expect(delta.resources.map(({ name, version }) => [name, version])).toEqual([
      ['a', a.version],
      ['b', b.version],
    ]);
    expect([delta.removedResources, delta.systemVersionInfo, delta.nonce]).toEqual([['x'], 'v', 'n']);
  });
});

describe('what the generated API writes is read here', () => {
  test('a node, with the version as Envoy says it', () => {
    const bytes = toBinary(
      NodeSchema,
      create(NodeSchema, {
        id: 'i',
        cluster: 'c',
        metadata: { a: { b: [1, 'x', true, null] }, __proto__x: 'y' },
        locality: { zone: 'z' },
        userAgentName: 'envoy',
        userAgentVersionType: {
          case: 'userAgentBuildVersion',
          value: { version: { majorNumber: 1, minorNumber: 40, patch: 2 } },
        },
      }),
    );
    expect(parseNode(bytes)).toMatchObject({
      id: 'i',
      cluster: 'c',
      metadata: { a: { b: [1, 'x', true, null] }, __proto__x: 'y' },
      locality: { region: '', zone: 'z', subZone: '' },
      userAgent: 'envoy/1.40.2',
    });
  });

  test('requests and responses come back as they were', () => {
    expect(parseSotwRequest(encodeSotwRequest(sotwRequest))).toEqual(sotwRequest);
    expect(parseDeltaRequest(encodeDeltaRequest(deltaRequest))).toEqual(deltaRequest);
    const resource = endpointsOf('a');
    const { typeUrl, version, bytes } = resource;
    expect(parseSotwResponse(joinPieces(encodeSotwResponse(typeUrl, 'v', 'n', [resource])))).toEqual({
      typeUrl,
      version: 'v',
      nonce: 'n',
      resources: [{ name: 'a', version: '', typeUrl, bytes, ttlMs: null, aliases: [] }],
    });
    expect(parseDeltaResponse(joinPieces(encodeDeltaResponse(typeUrl, 'v', 'n', [resource], ['x'])))).toEqual(
      {
        typeUrl,
        version: 'v',
        nonce: 'n',
        resources: [{ name: 'a', version, typeUrl, bytes, ttlMs: null, aliases: [] }],
        removed: ['x'],
      },
    );
  });

  test('a time to live', () => {
    const resource = { name: 'a', ttl: { seconds: 3n, nanos: 250_000_000 } };
    const bytes = toBinary(
      DeltaDiscoveryResponseSchema,
      create(DeltaDiscoveryResponseSchema, { resources: [resource] }),
    );
    expect(parseDeltaResponse(bytes).resources).toMatchObject([{ name: 'a', bytes: null, ttlMs: 3_250 }]);
  });

  test('any metadata', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 })), (value) => {
        const read = parseStruct(new WireReader(encodeStruct(value)));
        expect(JSON.stringify(read)).toBe(JSON.stringify(value));
      }),
      { numRuns: 200, seed: 3 },
    );
  });
});

describe('bytes of a peer', () => {
  test('any bytes are either read or refused by WireError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        for (const parse of [
          parseSotwRequest,
          parseDeltaRequest,
          parseSotwResponse,
          parseDeltaResponse,
          parseNode,
        ]) {
          try {
            parse(bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(WireError);
          }
        }
      }),
      { numRuns: 2_000, seed: 4 },
    );
  });

  test('every prefix of a message is either read or refused', () => {
    const bytes = encodeDeltaRequest(deltaRequest);
    for (let end = 0; end < bytes.length; end++) {
      try {
        parseDeltaRequest(bytes.subarray(0, end));
      } catch (error) {
        expect(error).toBeInstanceOf(WireError);
      }
    }
  });

  test('metadata may not nest without end', () => {
    let value: unknown = 1;
    for (let i = 0; i < structDepthMax * 2; i++) value = { a: value };
    const bytes = encodeNode({ ...testNode, metadata: { a: value } });
    expect(() => parseNode(bytes)).toThrow(WireError);
  });
});
